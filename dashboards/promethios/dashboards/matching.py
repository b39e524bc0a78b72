"""Whether what Grafana has is what it was given: it adds fields of its own, and writes durations its way."""

from __future__ import annotations

import re
from typing import Any, Final

_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def covers(there: Any, wanted: Any) -> bool:
    """Tell whether everything wanted is there with its value; what is there besides does not matter.

    Lists have the same length and order. Durations of Prometheus' form are compared by length: ``300s`` is
    ``5m``.
    """
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            key in there and covers(there[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(there, list)
            and len(there) == len(wanted)
            and all(covers(has, value) for has, value in zip(there, wanted, strict=True))
        )
    return bool(there == wanted) or _same_duration(there, wanted)


def _same_duration(there: Any, wanted: Any) -> bool:
    if not (isinstance(there, str) and isinstance(wanted, str)):
        return False
    known = _seconds(wanted)
    return known is not None and _seconds(there) == known


def _seconds(text: str) -> float | None:
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)
