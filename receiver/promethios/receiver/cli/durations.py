"""Durations as people write them: ``90s``, ``30m``, ``24h``, ``7d``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import click

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")


def duration(longest: int) -> Callable[[click.Context, click.Parameter, str], int]:
    """What reads an option's number with its unit as seconds, `longest` at most; 0 may go without."""

    def read(_: click.Context, __: click.Parameter, value: str) -> int:
        found = _DURATION.fullmatch(value)
        seconds = 0 if value == "0" else None if found is None else int(found[1]) * _SECONDS[found[2]]
        if seconds is None or seconds > longest:
            most = longest // _SECONDS["d"]
            raise click.BadParameter(
                f"{value!r} is not a duration like 90s, 30m, 24h or 7d, of at most {most}d"
            )
        return seconds

    return read
