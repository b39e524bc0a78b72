"""One policy of a bundle: its map to a `Policy`, with every mistake noted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from promethios.governance.conditions import Condition, ConditionError, compile_condition
from promethios.governance.conditions.facts import environment
from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.conditions.parser import INT_MAX, INT_MIN
from promethios.governance.decision import Verdict
from promethios.governance.detectors import DETECTORS, resolve
from promethios.governance.limits import MAX_WINDOW
from promethios.governance.operation import POINTS
from promethios.governance.policies.document import Map, Text, Value
from promethios.governance.policies.fields import Fields, kind_of, plain
from promethios.governance.policies.matching import MATCHABLE, Matcher, Names
from promethios.governance.policies.model import MODES, SEVERITIES, Defaults, Detect, Limit, Policy
from promethios.governance.policies.problems import Problems
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
    "action",
    "mode",
    "onError",
    "message",
)
LATER: Final = ("after", "extends", "tests", "weight")
ACTIONS: Final = tuple(verdict.value for verdict in Verdict if verdict is not Verdict.ALLOW)
#: Redaction is no answer to "could not be evaluated": there is nothing known to redact.
ON_ERROR: Final = ("allow", "flag", "approve", "block")

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
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_WINDOW: Final = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_policy(value: Value, position: int, defaults: Defaults, problems: Problems) -> Policy:
    """Read one policy. Where a mistake was noted, the policy that is returned must not be used."""
    return _PolicyReader(value, position, defaults, problems).read()


class _PolicyReader:
    def __init__(self, value: Value, position: int, defaults: Defaults, problems: Problems) -> None:
        written = value.get("id") if isinstance(value, Map) else None
        named = isinstance(written, Text) and isinstance(written.value, str)
        where = f"policy '{written.value}'" if named and isinstance(written, Text) else f"policy {position}"
        self._problems, self._defaults = problems, defaults
        self._fields = Fields(value, where, KEYS, problems, LATER)

    def read(self) -> Policy:
        fields = self._fields
        fields.require("id", "severity", "on", "action")
        if fields.get("description") is not None:
            fields.text("description")
        on = fields.choices("on", POINTS)
        action = Verdict(fields.choice("action", ACTIONS, "flag"))
        params = self._params()
        policy = Policy(
            id=self._id(),
            severity=fields.choice("severity", SEVERITIES, "low"),
            on=on,
            action=action,
            on_error=self._on_error(action),
            mode=fields.choice("mode", MODES, self._defaults.mode),
            controls=fields.texts("controls"),
            match=self._match(),
            detect=self._detect(on),
            when=self._when(params),
            limit=self._limit(on),
            message=self._message(params),
            params=params,
        )
        self._check_parts(policy)
        return policy

    def _id(self) -> str:
        written = self._fields.text("id")
        if written and not _ID.fullmatch(written):
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
        keys = ("match", "detect", "when", "limit")
        if not any(self._fields.get(key) for key in keys):
            self._fields.wrong(
                self._fields.map,
                f"{self._fields.where} has no 'match', 'detect', 'when' or 'limit'",
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

    def _match(self) -> Matcher | None:
        value = self._fields.get("match")
        if value is None:
            return None
        fields = Fields(value, "'match'", (*MATCHABLE, "attributes"), self._problems)
        if not fields.map.entries and isinstance(value, Map):
            fields.wrong(value, "'match' is empty", "leave it out to mean every operation")
        names = tuple(
            (key, Names.of(fields.texts(key, single=True)))
            for key in MATCHABLE
            if fields.get(key) is not None
        )
        return Matcher(names, self._match_attributes(fields))

    def _match_attributes(
        self, fields: Fields
    ) -> tuple[tuple[str, Names, tuple[bool | int | float, ...]], ...]:
        value = fields.get("attributes")
        if value is None:
            return ()
        keys = value.entries if isinstance(value, Map) else ()
        inner = Fields(value, "'attributes'", keys, self._problems)
        return tuple(self._match_attribute(inner, key) for key in keys)

    def _match_attribute(self, fields: Fields, key: str) -> tuple[str, Names, tuple[bool | int | float, ...]]:
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

    def _detect(self, on: tuple[str, ...]) -> Detect | None:
        value = self._fields.get("detect")
        if value is None:
            return None
        fields = Fields(
            value, "'detect'", ("in", "any"), self._problems, ("all", "none", "patterns", "plugins")
        )
        fields.require("any")
        detectors: set[str] = set()
        for item in fields.items("any"):
            pattern = fields.as_text(item, "any")
            found = resolve(pattern) if pattern else ()
            if pattern and not found:
                fields.wrong(item, f"there is no detector '{pattern}'", _similar_detector(pattern))
            detectors.update(found)
        return Detect(self._detect_in(fields, on), frozenset(detectors))

    def _detect_in(self, fields: Fields, on: tuple[str, ...]) -> tuple[str, ...]:
        available = dict.fromkeys(name for point in on for name in _AVAILABLE[point])
        if fields.get("in") is None:
            return tuple(available)
        options = ("input", "output", "arguments", "result", *_FIELDS)
        chosen: dict[str, None] = {}
        for item in fields.items("in"):
            word = fields.as_choice(item, "in", options)
            name = _FIELDS.get(word, word)
            if word and on and name not in available:
                fields.wrong(
                    item, f"there is no '{word}' at {', '.join(on)}", f"there is {', '.join(available)}"
                )
            elif word:
                chosen[name] = None
        return tuple(chosen)

    def _when(self, params: Mapping[str, Any]) -> Condition | None:
        value = self._fields.get("when")
        if value is None:
            return None
        source = self._fields.as_text(value, "when")
        if not source or not isinstance(value, Text):
            return None
        try:
            return compile_condition(source, environment(params))
        except ConditionError as error:
            place = "" if value.first else f" (at character {error.offset + 1})"
            column = value.place(error.offset)
            self._problems.add(value.line, column, f"'when': {error.message}{place}", error.hint)
            return None

    def _limit(self, on: tuple[str, ...]) -> Limit | None:
        value = self._fields.get("limit")
        if value is None:
            return None
        fields = Fields(value, "'limit'", ("of", "max", "per", "window"), self._problems)
        fields.require("of", "max", "per")
        of = self._limit_of(fields)
        per = fields.choice("per", ("conversation", "agent", "tool"))
        self._check_counted(fields, of, per, on)
        return Limit(of, self._maximum(fields), per, self._window(fields))

    def _limit_of(self, fields: Fields) -> str:
        value = fields.get("of")
        if isinstance(value, Text) and value.value == "cost":
            fields.wrong(value, "limits of cost are unknown", "not supported yet in 0.1")
            return ""
        return fields.choice("of", ("calls", "tokens"))

    def _check_counted(self, fields: Fields, of: str, per: str, on: tuple[str, ...]) -> None:
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

    def _maximum(self, fields: Fields) -> int:
        value = fields.get("max")
        if value is None:
            return 0
        if isinstance(value, Text) and type(value.value) is int and 0 <= value.value <= INT_MAX:
            return value.value
        fields.wrong(value, "'max' must be a whole number, 0 or more")
        return 0

    def _window(self, fields: Fields) -> float | None:
        value = fields.get("window")
        if value is None:
            return None
        found = (
            _WINDOW.fullmatch(value.value)
            if isinstance(value, Text) and isinstance(value.value, str)
            else None
        )
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not 0 < seconds <= MAX_WINDOW:
            fields.wrong(value, "'window' must be a time such as 30s, 10m, 6h or 7d, 7d at most")
            return None
        return float(seconds)

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


def _similar_detector(pattern: str) -> str:
    groups = sorted({f"{name.split('.')[0]}.*" for name in DETECTORS})
    return did_you_mean(pattern, (*DETECTORS, *groups)) or f"there is {', '.join(groups)}"
