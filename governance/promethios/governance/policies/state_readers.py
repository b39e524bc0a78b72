"""The parts of a policy that look at what was before: ``limit`` and ``after``."""

from __future__ import annotations

import re
from typing import Final

from promethios.governance.conditions.parser import INT_MAX
from promethios.governance.limits import MAX_WINDOW
from promethios.governance.operation import POINTS
from promethios.governance.policies.document import Map, Text, Value
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.match_reader import read_match
from promethios.governance.policies.model import After, Limit
from promethios.governance.policies.problems import Problems

LIMIT_KEYS: Final = ("of", "max", "per", "window")
LIMIT_OF: Final = ("calls", "tokens", "cost")
LIMIT_PER: Final = ("conversation", "agent", "tool", "tenant")
AFTER_KEYS: Final = ("match", "on", "within", "per")
AFTER_PER: Final = ("conversation", "agent", "tenant")
#: More than anybody spends, in US dollars.
MAX_COST: Final = 1e12
#: How a time is written.
DURATION: Final = r"[1-9][0-9]{0,6}[smhd]"

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: Whose names an earlier operation is told by, and where it is decided before it happens.
_TELLING: Final = {"tool": "tool.before", "model": "model.before", "provider": "model.before"}


def read_limit(value: Value, on: tuple[str, ...], problems: Problems) -> Limit:
    """What ``limit`` says, for a policy at these points."""
    fields = Fields(value, "'limit'", LIMIT_KEYS, problems)
    fields.require("of", "max", "per")
    of = fields.choice("of", LIMIT_OF)
    per = fields.choice("per", LIMIT_PER)
    _check_counted(fields, of, per, on)
    most = fields.number("max", MAX_COST) or 0.0 if of == "cost" else _whole(fields)
    return Limit(of, most, per, read_duration(fields, "window", MAX_WINDOW))


def _check_counted(fields: Fields, of: str, per: str, on: tuple[str, ...]) -> None:
    value = fields.get("per") or fields.map
    if of in ("tokens", "cost") and per == "tool":
        fields.wrong(
            value,
            "tokens are not counted per tool" if of == "tokens" else "cost is not counted per tool",
            "a model uses them: count per conversation or agent"
            if of == "tokens"
            else "a model costs money: count per conversation, agent or tenant",
        )
    if (
        of == "calls"
        and per == "tool"
        and (others := [point for point in on if not point.startswith("tool.")])
    ):
        fields.wrong(value, f"at {', '.join(others)} there is no tool to count", "use tool.before")
    if of == "calls" and "response" in on:
        fields.wrong(
            fields.get("of") or fields.map, "a response is no call", "use model.before or agent.before"
        )


def _whole(fields: Fields) -> int:
    value = fields.get("max")
    if value is None:
        return 0
    if isinstance(value, Text) and type(value.value) is int and 0 <= value.value <= INT_MAX:
        return value.value
    fields.wrong(value, "'max' must be a whole number, 0 or more")
    return 0


def read_duration(fields: Fields, key: str, longest: int) -> float | None:
    """The seconds of a time such as ``10m``; None where there is none, or a wrong one."""
    value = fields.get(key)
    if value is None:
        return None
    written = value.value if isinstance(value, Text) and isinstance(value.value, str) else ""
    found = re.fullmatch(DURATION, written)
    seconds = int(written[:-1]) * _SECONDS[written[-1]] if found else 0
    if not 0 < seconds <= longest:
        fields.wrong(value, f"'{key}' must be a time such as 30s, 10m, 6h or 7d, {longest // 86400}d at most")
        return None
    return float(seconds)


def read_after(value: Value, on: tuple[str, ...], problems: Problems) -> After:
    """What ``after`` says, for a policy at these points."""
    fields = Fields(value, "'after'", AFTER_KEYS, problems)
    fields.require("per")
    match = fields.get("match")
    points = _points(fields, match, on)
    if match is None and fields.get("on") is None and isinstance(value, Map):
        fields.wrong(value, "'after' does not say what comes first", "add 'match' or 'on'")
    elif match is None and points == ("agent.before",):
        fields.wrong(
            fields.get("on") or fields.map,
            "everything comes after the start of its agent, so that this always holds",
            "add 'match', such as match: {agent: [researcher]}",
        )
    matcher = read_match(match, points, problems) if match is not None else None
    return After(
        points, matcher, fields.choice("per", AFTER_PER), read_duration(fields, "within", MAX_WINDOW)
    )


def _points(fields: Fields, match: Value | None, on: tuple[str, ...]) -> tuple[str, ...]:
    """The points of the earlier operation: as written, else where what `match` names is decided first."""
    if fields.get("on") is not None:
        return fields.choices("on", POINTS)
    named = match.entries if isinstance(match, Map) else {}
    told = dict.fromkeys(point for key, point in _TELLING.items() if key in named)
    if len(told) == 2:
        fields.wrong(
            match or fields.map,
            "no operation has a tool and a model",
            "write two policies, or say the points with 'on'",
        )
    kinds = (point.partition(".")[0] for point in on if point != "response")
    points = tuple(told) or tuple(dict.fromkeys(f"{kind}.before" for kind in kinds))
    if not points and on:
        fields.wrong(
            fields.map, "'after' does not say at which points", "add 'on', such as on: [tool.before]"
        )
    return points
