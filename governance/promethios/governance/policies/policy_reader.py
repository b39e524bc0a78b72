"""One policy of a bundle: its map to a `Policy`, with every mistake noted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from promethios.governance.conditions import Condition, ConditionError, compile_condition
from promethios.governance.conditions.aliases import CONTENT
from promethios.governance.conditions.facts import environment
from promethios.governance.conditions.parser import INT_MAX, INT_MIN
from promethios.governance.decision import Verdict
from promethios.governance.operation import POINTS
from promethios.governance.policies.detect_reader import AVAILABLE, read_detect
from promethios.governance.policies.document import Map, Text, Value
from promethios.governance.policies.fields import Fields, kind_of, plain
from promethios.governance.policies.match_reader import read_match
from promethios.governance.policies.model import MODES, SEVERITIES, Defaults, Policy
from promethios.governance.policies.problems import Problems
from promethios.governance.policies.state_readers import read_after, read_limit
from promethios.governance.policies.template import Template, TemplateError, compile_template

KEYS: Final = (
    "id",
    "description",
    "severity",
    "controls",
    "on",
    "match",
    "params",
    "detect",
    "when",
    "limit",
    "after",
    "action",
    "mode",
    "onError",
    "message",
    "weight",
)
#: The keys that say when a policy matches; it needs one of them.
PARTS: Final = ("match", "detect", "when", "limit", "after")
REQUIRED: Final = ("id", "severity", "on", "action")
ACTIONS: Final = tuple(verdict.value for verdict in Verdict if verdict is not Verdict.ALLOW)
#: Redaction is no answer to "could not be evaluated": there is nothing known to redact.
ON_ERROR: Final = ("allow", "flag", "approve", "block")

#: What an id looks like.
ID: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
#: The most that a match can weigh: twenty critical ones.
MAX_WEIGHT: Final = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What a policy takes from its bundle: the defaults, and the ids of the detectors that it may name."""

    defaults: Defaults
    detectors: tuple[str, ...]


def read_policy(value: Value, position: int, scope: Scope, problems: Problems) -> Policy:
    """Read one policy. Where a mistake was noted, the policy that is returned must not be used."""
    return _PolicyReader(value, position, scope, problems).read()


class _PolicyReader:
    def __init__(self, value: Value, position: int, scope: Scope, problems: Problems) -> None:
        written = value.get("id") if isinstance(value, Map) else None
        named = isinstance(written, Text) and isinstance(written.value, str)
        where = (
            f"policy '{str(written.value)[:64]}'"
            if named and isinstance(written, Text)
            else f"policy {position}"
        )
        self._problems, self._scope, self._defaults = problems, scope, scope.defaults
        self._fields = Fields(value, where, KEYS, problems)

    def read(self) -> Policy:
        fields = self._fields
        fields.require(*REQUIRED)
        if fields.get("description") is not None:
            fields.text("description")
        on = fields.choices("on", POINTS)
        action = Verdict(fields.choice("action", ACTIONS, "flag"))
        params = self._params()
        match, detect, limit, after = map(fields.get, ("match", "detect", "limit", "after"))
        policy = Policy(
            id=self._id(),
            severity=fields.choice("severity", SEVERITIES, "low"),
            on=on,
            action=action,
            on_error=self._on_error(action),
            mode=fields.choice("mode", MODES, self._defaults.mode),
            controls=fields.texts("controls"),
            match=read_match(match, on, self._problems) if match else None,
            detect=read_detect(detect, on, self._scope.detectors, self._problems) if detect else None,
            when=self._when(params, on),
            limit=read_limit(limit, on, self._problems) if limit else None,
            message=self._message(params),
            params=params,
            after=read_after(after, on, self._problems) if after else None,
            weight=fields.number("weight", MAX_WEIGHT),
        )
        self._check_parts(policy)
        return policy

    def _id(self) -> str:
        written = self._fields.text("id")
        if written and not re.fullmatch(ID, written):
            self._fields.wrong(
                self._fields.get("id") or self._fields.map,
                f"the id '{written[:40]}' may have letters, digits, '.', '_' and '-' only, 128 at most",
            )
        return written

    def _on_error(self, action: Verdict) -> Verdict:
        written = self._fields.choice("onError", ON_ERROR)
        if written:
            return Verdict(written)
        if (
            action is Verdict.BLOCK
            and self._defaults.on_error is None
            and self._fields.get("onError") is None
        ):
            self._fields.wrong(
                self._fields.get("action") or self._fields.map,
                f"{self._fields.where} blocks and does not say what happens when it cannot be evaluated",
                "add 'onError: block' (stop the operation) or 'onError: flag' (let it go on)",
            )
        return self._defaults.on_error or Verdict.FLAG

    def _check_parts(self, policy: Policy) -> None:
        if not any(self._fields.get(key) for key in PARTS):
            self._fields.wrong(
                self._fields.map,
                f"{self._fields.where} has no 'match', 'detect', 'when', 'limit' or 'after'",
                "it needs one",
            )
        if policy.action is Verdict.REDACT and self._fields.get("detect") is None:
            self._fields.wrong(
                self._fields.get("action") or self._fields.map,
                "the action 'redact' needs 'detect'",
                "what is detected is what is redacted",
            )

    def _params(self) -> Mapping[str, Any]:
        value = self._fields.get("params")
        if value is None:
            return MappingProxyType({})
        if not isinstance(value, Map):
            self._fields.wrong(value, f"'params' must be a map, not {kind_of(value)}")
            return MappingProxyType({})
        self._check_integers(value)
        params: dict[str, Any] = plain(value)
        return MappingProxyType(params)

    def _check_integers(self, value: Value) -> None:
        if isinstance(value, Text):
            if type(value.value) is int and not INT_MIN <= value.value <= INT_MAX:
                self._fields.wrong(value, "this integer does not fit into 64 bits")
            return
        inner = [item for _, item in value.entries.values()] if isinstance(value, Map) else value.items
        for item in inner:
            self._check_integers(item)

    def _when(self, params: Mapping[str, Any], on: tuple[str, ...]) -> Condition | None:
        value = self._fields.get("when")
        if value is None:
            return None
        source = self._fields.as_text(value, "when")
        if not source or not isinstance(value, Text):
            return None
        try:
            return compile_condition(source, environment(params, _absent(on)))
        except ConditionError as error:
            place = "" if value.first else f" (at character {error.offset + 1})"
            column = value.place(error.offset)
            self._problems.add(value.line, column, f"'when': {error.message}{place}", error.hint)
            return None

    def _message(self, params: Mapping[str, Any]) -> Template | None:
        value = self._fields.get("message")
        if value is None:
            return None
        source = self._fields.as_text(value, "message")
        if not source or not isinstance(value, Text):
            return None
        try:
            return compile_template(source, params)
        except TemplateError as error:
            self._problems.add(value.line, value.place(error.offset), error.message, error.hint)
            return None


def _absent(on: tuple[str, ...]) -> Mapping[str, str]:
    """The content that none of the points has: a condition on it would never hold, or always fail."""
    there = {name for point in on for name in AVAILABLE[point]}
    points = ", ".join(on)
    return {name: f"there is no '{name}' at {points}" for name in CONTENT if on and name not in there}
