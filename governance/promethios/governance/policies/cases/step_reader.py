"""One step of a case: its operation, what is expected of it, and the time that passes before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.conditions.aliases import ALIASES
from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.decision import Verdict
from promethios.governance.limits import MAX_WINDOW
from promethios.governance.operation import PAYLOAD_FIELDS, POINTS, Operation
from promethios.governance.policies.cases.model import Expectation, Step
from promethios.governance.policies.document import List, Map, Text, Value
from promethios.governance.policies.fields import Fields, kind_of, plain
from promethios.governance.policies.problems import Problems
from promethios.governance.policies.state_readers import read_duration

STEP_KEYS: Final = ("operation", "expect", "repeat", "wait")
OPERATION_KEYS: Final = ("point", "attributes", *PAYLOAD_FIELDS)
EXPECT_KEYS: Final = ("verdict", "enforced", "policies", "failed", "reasons", "contains", "excludes")
MAX_REPEAT: Final = 10_000
VERDICTS: Final = tuple(verdict.value for verdict in Verdict)

#: A name that begins so is meant as an alias, so that one that is none is a mistake.
_OURS: Final = ("agent.", "conversation.", "model.", "operation.", "tenant.", "tool.", "trust.", "usage.")


def read_step(value: Value, number: int, problems: Problems) -> Step:
    """Read one step. Where a mistake was noted, the step that is returned must not be used."""
    fields = Fields(value, f"step {number}", STEP_KEYS, problems)
    written = fields.get("operation")
    operation = _operation(written, problems) if written is not None else None
    if operation is None and fields.get("wait") is None and isinstance(value, Map):
        fields.wrong(value, f"step {number} has no 'operation' and no 'wait'")
    expect = fields.get("expect")
    if operation is None and expect is not None:
        fields.wrong(expect, "nothing is decided in this step", "add 'operation'")
    expectation = _expectation(expect, problems) if expect is not None else Expectation()
    wait = read_duration(fields, "wait", MAX_WINDOW) or 0.0
    return Step(value.line, operation, expectation, _repeat(fields), wait)


def _repeat(fields: Fields) -> int:
    value = fields.get("repeat")
    if value is None:
        return 1
    written = value.value if isinstance(value, Text) else None
    if type(written) is int and 1 <= written <= MAX_REPEAT:
        return written
    fields.wrong(value, f"'repeat' must be a whole number from 1 to {MAX_REPEAT}")
    return 1


def _operation(value: Value, problems: Problems) -> Operation:
    fields = Fields(value, "'operation'", OPERATION_KEYS, problems)
    fields.require("point")
    point = fields.choice("point", POINTS, POINTS[0])
    payload = {name: plain(written) for name in PAYLOAD_FIELDS if (written := fields.get(name)) is not None}
    return Operation(point, _attributes(fields.get("attributes"), problems), **payload)


def _attributes(value: Value | None, problems: Problems) -> Mapping[str, Any]:
    """Attributes by their own names, or by aliases: those are put under the name that is preferred now."""
    if value is None:
        return {}
    keys = value.entries if isinstance(value, Map) else {}
    fields = Fields(value, "'attributes'", keys, problems)
    attributes: dict[str, Any] = {}
    for name, (key, written) in keys.items():
        alias = ALIASES.get(name)
        if alias is None and name.startswith(_OURS):
            hint = did_you_mean(name, ALIASES) or "aliases are listed in the language's reference"
            fields.wrong(key, f"unknown name '{name}'", hint)
        if isinstance(written, Map) or (isinstance(written, Text) and written.value is None):
            fields.wrong(written, f"'{name}' must be text, a number, true or false, not {kind_of(written)}")
        item = plain(written)
        attributes[alias.attributes[0] if alias else name] = (
            tuple(item) if isinstance(written, List) else item
        )
    return attributes


def _expectation(value: Value, problems: Problems) -> Expectation:
    fields = Fields(value, "'expect'", EXPECT_KEYS, problems)
    if isinstance(value, Map) and not value.entries:
        fields.wrong(value, "'expect' is empty", f"there is {', '.join(EXPECT_KEYS)}")
    return Expectation(
        verdict=_verdict(fields, "verdict"),
        enforced=_verdict(fields, "enforced"),
        policies=_ids(fields, "policies"),
        failed=_ids(fields, "failed"),
        reasons=fields.texts("reasons", single=True),
        contains=fields.texts("contains", single=True),
        excludes=fields.texts("excludes", single=True),
    )


def _verdict(fields: Fields, key: str) -> Verdict | None:
    written = fields.choice(key, VERDICTS)
    return Verdict(written) if written else None


def _ids(fields: Fields, key: str) -> tuple[str, ...] | None:
    """Ids of policies; an empty list means none, which is something that can be expected."""
    value = fields.get(key)
    if value is None:
        return None
    return () if isinstance(value, List) and not value.items else fields.texts(key)
