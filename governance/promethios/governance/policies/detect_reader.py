"""``detect``: which detectors look into which fields of the payload."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.policies.document import Value
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.model import Detect
from promethios.governance.policies.problems import Problems

KEYS: Final = ("in", "any")
#: The fields of the payload by the names they have in a policy, and the points that have them.
FIELDS: Final = {
    "input": "input",
    "output": "output",
    "arguments": "arguments",
    "result": "result",
    "tool.arguments": "arguments",
    "tool.result": "result",
}
AVAILABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "agent.before": ("input",),
    "agent.after": ("input", "output"),
    "model.before": ("input",),
    "model.after": ("input", "output"),
    "tool.before": ("arguments",),
    "tool.after": ("arguments", "result"),
    "response": ("input", "output"),
}


def read_detect(value: Value, on: tuple[str, ...], known: tuple[str, ...], problems: Problems) -> Detect:
    """What ``detect`` says, for a policy at these points of a bundle that knows these detectors."""
    fields = Fields(value, "'detect'", KEYS, problems)
    fields.require("any")
    detectors: set[str] = set()
    for item in fields.items("any"):
        pattern = fields.as_text(item, "any")
        found = [name for name in known if fnmatchcase(name, pattern)]
        if pattern and not found:
            fields.wrong(item, f"there is no detector '{pattern}'", _similar(pattern, known))
        detectors.update(found)
    return Detect(_fields(fields, on), frozenset(detectors))


def _fields(fields: Fields, on: tuple[str, ...]) -> tuple[str, ...]:
    available = dict.fromkeys(name for point in on for name in AVAILABLE[point])
    if fields.get("in") is None:
        return tuple(available)
    chosen: dict[str, None] = {}
    for item in fields.items("in"):
        word = fields.as_choice(item, "in", tuple(FIELDS))
        if word and on and FIELDS[word] not in available:
            fields.wrong(item, f"there is no '{word}' at {', '.join(on)}", f"there is {', '.join(available)}")
        elif word:
            chosen[FIELDS[word]] = None
    return tuple(chosen)


def _similar(pattern: str, known: tuple[str, ...]) -> str:
    groups = sorted({f"{name.split('.')[0]}.*" for name in known})
    return did_you_mean(pattern, (*known, *groups)) or f"there is {', '.join(groups)}"
