"""The dashboards that the console shows: JSON that installed distributions offer by an entry point.

A distribution names a function in the group ``promethios.dashboards``; it takes nothing and returns the JSON
of each of its dashboards, as bytes, by uid. What cannot be read is logged, left out, and told in the list:
one distribution's mistake must not take away the others' dashboards.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from promethios.receiver.console.assets import Asset, make_asset

GROUP: Final = "promethios.dashboards"

#: The list's first dashboard is what the page shows when its address names none.
_FIRST: Final = "promethios-overview"
_UID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)

_log = logging.getLogger(__name__)


class UnreadableDashboard(ValueError):
    """What a distribution offers is no dashboard; the message says why."""


@dataclass(frozen=True)
class Boards:
    """Dashboards by uid, and what was left out, from an entry point's or dashboard's name to the reason."""

    assets: Mapping[str, Asset]
    heads: tuple[Mapping[str, Any], ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def listing(self) -> Asset:
        """Return the list: what each dashboard is called and tells, the overview first."""
        heads = sorted(self.heads, key=lambda head: head["uid"] != _FIRST)
        left_out = [{"name": name, "reason": reason} for name, reason in self.left_out.items()]
        body = json.dumps({"dashboards": heads, "left_out": left_out}, ensure_ascii=False)
        return make_asset("dashboards.json", body.encode())


def load_boards(points: Iterable[EntryPoint] | None = None) -> Boards:
    """Ask each entry point of the group for its dashboards; the first to use a uid keeps it.

    Args:
        points: Instead of those that are installed.
    """
    found = entry_points(group=GROUP) if points is None else points
    assets: dict[str, Asset] = {}
    heads: list[Mapping[str, Any]] = []
    left_out: dict[str, str] = {}
    # The project's own come before those of other distributions.
    for point in sorted(found, key=lambda point: (point.name != "promethios", point.name)):
        for uid, body, reason in _offered(point):
            try:
                if reason:
                    raise UnreadableDashboard(reason)
                heads.append(_head(uid, body, assets))
                assets[uid] = make_asset(f"{uid}.json", body)
            except UnreadableDashboard as wrong:
                name = f"{point.name}: {uid}" if uid else point.name
                left_out[name] = str(wrong)
                _log.warning("the console leaves out the dashboards of %r: %s", name, wrong)
    return Boards(assets, tuple(heads), left_out)


def _offered(point: EntryPoint) -> Iterator[tuple[str, bytes, str]]:
    """What an entry point offers, as (uid, JSON, ""), or why it offers nothing, as ("", b"", reason)."""
    try:
        offered = dict(point.load()())
    except Exception as error:
        # Another distribution's code: whatever it raises, the console goes on without it.
        yield "", b"", f"it cannot be loaded: {type(error).__name__}: {error}"
        return
    for uid, body in offered.items():
        yield str(uid), body, ""


def _head(uid: str, body: object, taken: Mapping[str, Asset]) -> Mapping[str, Any]:
    if not _UID.fullmatch(uid):
        raise UnreadableDashboard(f"{uid!r} is not a uid: up to 64 letters, digits, - and _")
    if uid in taken:
        raise UnreadableDashboard(f"another dashboard has the uid {uid!r} already")
    board = _parsed(body)
    title, description, tags = board.get("title"), board.get("description", ""), board.get("tags", [])
    if board.get("uid") != uid or not isinstance(board.get("panels"), list) or not isinstance(title, str):
        raise UnreadableDashboard("its JSON has another uid, no title or no panels")
    return {"uid": uid, "title": title, "description": str(description), "tags": [str(tag) for tag in tags]}


def _parsed(body: object) -> Mapping[str, Any]:
    if not isinstance(body, bytes):
        raise UnreadableDashboard(f"it is not bytes but {type(body).__name__}")
    try:
        board = json.loads(body)
    except ValueError as error:
        raise UnreadableDashboard(f"it is not JSON: {error}") from None
    if not isinstance(board, dict):
        raise UnreadableDashboard("its JSON is not an object")
    return board
