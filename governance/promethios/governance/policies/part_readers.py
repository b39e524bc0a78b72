"""The parts of a policy that say which operations it is about: ``match``, ``detect`` and ``limit``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.conditions.parser import INT_MAX
from promethios.governance.detectors import DETECTORS, resolve
from promethios.governance.limits import MAX_WINDOW
from promethios.governance.policies.document import Map, Text, Value
from promethios.governance.policies.fields import Fields, kind_of
from promethios.governance.policies.matching import MATCHABLE, Matcher, Names
from promethios.governance.policies.model import Detect, Limit
from promethios.governance.policies.problems import Problems

#: The fields of the payload by the names they have in a policy, and the points that have them.
_FIELDS: Final = {"tool.arguments": "arguments", "tool.result": "result"}
_AVAILABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "agent.before": ("input",),
    "agent.after": ("input", "output"),
    "model.before": ("input",),
    "model.after": ("input", "output"),
    "tool.before": ("arguments",),
    "tool.after": ("arguments", "result"),
    "response": ("input", "output"),
}
_WINDOW: Final = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_match(value: Value, problems: Problems) -> Matcher:
    """What ``match`` says."""
    fields = Fields(value, "'match'", (*MATCHABLE, "attributes"), problems)
    if not fields.map.entries and isinstance(value, Map):
        fields.wrong(value, "'match' is empty", "leave it out to mean every operation")
    names = tuple(
        (key, Names.of(fields.texts(key, single=True))) for key in MATCHABLE if fields.get(key) is not None
    )
    return Matcher(names, _attributes(fields, problems))


def _attributes(
    fields: Fields, problems: Problems
) -> tuple[tuple[str, Names, tuple[bool | int | float, ...]], ...]:
    value = fields.get("attributes")
    if value is None:
        return ()
    keys = value.entries if isinstance(value, Map) else ()
    inner = Fields(value, "'attributes'", keys, problems)
    return tuple(_attribute(inner, key) for key in keys)


def _attribute(fields: Fields, key: str) -> tuple[str, Names, tuple[bool | int | float, ...]]:
    texts: list[str] = []
    numbers: list[bool | int | float] = []
    for item in fields.items(key, single=True):
        written = item.value if isinstance(item, Text) else None
        if isinstance(written, str):
            texts.append(written)
        elif written is None:
            fields.wrong(item, f"'{key}' must be text, a number, true or false, not {kind_of(item)}")
        else:
            numbers.append(written)
    return key, Names.of(tuple(texts)), tuple(numbers)


def read_detect(value: Value, on: tuple[str, ...], problems: Problems) -> Detect:
    """What ``detect`` says, for a policy at these points."""
    fields = Fields(value, "'detect'", ("in", "any"), problems, ("all", "none", "patterns", "plugins"))
    fields.require("any")
    detectors: set[str] = set()
    for item in fields.items("any"):
        pattern = fields.as_text(item, "any")
        found = resolve(pattern) if pattern else ()
        if pattern and not found:
            fields.wrong(item, f"there is no detector '{pattern}'", _similar_detector(pattern))
        detectors.update(found)
    return Detect(_detect_in(fields, on), frozenset(detectors))


def _detect_in(fields: Fields, on: tuple[str, ...]) -> tuple[str, ...]:
    available = dict.fromkeys(name for point in on for name in _AVAILABLE[point])
    if fields.get("in") is None:
        return tuple(available)
    options = ("input", "output", "arguments", "result", *_FIELDS)
    chosen: dict[str, None] = {}
    for item in fields.items("in"):
        word = fields.as_choice(item, "in", options)
        name = _FIELDS.get(word, word)
        if word and on and name not in available:
            fields.wrong(item, f"there is no '{word}' at {', '.join(on)}", f"there is {', '.join(available)}")
        elif word:
            chosen[name] = None
    return tuple(chosen)


def read_limit(value: Value, on: tuple[str, ...], problems: Problems) -> Limit:
    """What ``limit`` says, for a policy at these points."""
    fields = Fields(value, "'limit'", ("of", "max", "per", "window"), problems)
    fields.require("of", "max", "per")
    of = _limit_of(fields)
    per = fields.choice("per", ("conversation", "agent", "tool"))
    _check_counted(fields, of, per, on)
    return Limit(of, _maximum(fields), per, _window(fields))


def _limit_of(fields: Fields) -> str:
    value = fields.get("of")
    if isinstance(value, Text) and value.value == "cost":
        fields.wrong(value, "limits of cost are unknown", "not supported yet in 0.1")
        return ""
    return fields.choice("of", ("calls", "tokens"))


def _check_counted(fields: Fields, of: str, per: str, on: tuple[str, ...]) -> None:
    value = fields.get("per") or fields.map
    if of == "tokens" and per == "tool":
        fields.wrong(
            value, "tokens are not counted per tool", "a model uses them: count per conversation or agent"
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


def _maximum(fields: Fields) -> int:
    value = fields.get("max")
    if value is None:
        return 0
    if isinstance(value, Text) and type(value.value) is int and 0 <= value.value <= INT_MAX:
        return value.value
    fields.wrong(value, "'max' must be a whole number, 0 or more")
    return 0


def _window(fields: Fields) -> float | None:
    value = fields.get("window")
    if value is None:
        return None
    found = (
        _WINDOW.fullmatch(value.value) if isinstance(value, Text) and isinstance(value.value, str) else None
    )
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= MAX_WINDOW:
        fields.wrong(value, "'window' must be a time such as 30s, 10m, 6h or 7d, 7d at most")
        return None
    return float(seconds)


def _similar_detector(pattern: str) -> str:
    groups = sorted({f"{name.split('.')[0]}.*" for name in DETECTORS})
    return did_you_mean(pattern, (*DETECTORS, *groups)) or f"there is {', '.join(groups)}"
