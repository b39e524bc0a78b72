"""``match``: which operations a policy, or the earlier step of a sequence, is about."""

from __future__ import annotations

from promethios.governance.policies.document import Map, Text, Value
from promethios.governance.policies.fields import Fields, kind_of
from promethios.governance.policies.matching import MATCHABLE, Matcher, Names
from promethios.governance.policies.problems import Problems

KEYS = (*MATCHABLE, "attributes")


def read_match(value: Value, on: tuple[str, ...], problems: Problems) -> Matcher:
    """What ``match`` says, for operations at these points."""
    fields = Fields(value, "'match'", KEYS, problems)
    if not fields.map.entries and isinstance(value, Map):
        fields.wrong(value, "'match' is empty", "leave it out to mean every operation")
    tool = fields.map.entries.get("tool")
    if tool is not None and on and not any(point.startswith("tool.") for point in on):
        fields.wrong(tool[0], f"at {', '.join(on)} there is no tool", "use tool.before or tool.after")
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
    if isinstance(value, Map) and not keys:
        fields.wrong(value, "'attributes' is empty", "leave it out to mean every operation")
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
