"""Whatever an operation holds, evaluating it never raises, and recording it does not either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promethios.governance.decision import Decision, Verdict
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import PAYLOAD_FIELDS, POINTS, Operation
from promethios.governance.policies import parse_bundle

MakeEngine = Callable[..., Engine]


class Explosive:
    """Raises whatever is done with it."""

    def _explode(self, *_: object) -> Any:
        raise RuntimeError("secret content")

    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __iter__ = __bool__ = __contains__ = _explode
    __lt__ = __getitem__ = __format__ = _explode


class ExplosiveText(str):
    """A text whose methods raise."""

    __slots__ = ()

    def _explode(self, *_: object) -> Any:
        raise RuntimeError("secret content")

    __str__ = __eq__ = __len__ = __iter__ = __contains__ = encode = lstrip = _explode  # type: ignore[assignment]
    __hash__ = str.__hash__


class ExplosiveMap(Mapping[str, Any]):
    """A map that raises when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("secret content")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("secret content")

    def __len__(self) -> int:
        raise RuntimeError("secret content")


def deep(levels: int) -> Any:
    value: Any = "4111 1111 1111 1111"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


ENGINE = Engine(
    parse_bundle(
        """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: hostile, version: "1"}
spec:
  defaults: {onError: block}
  policies:
    - id: detect
      severity: low
      on: [agent.before, agent.after, model.before, model.after, tool.before, tool.after, response]
      detect: {any: ["*"]}
      action: redact
    - id: names
      severity: low
      on: [agent.before, agent.after, model.before, model.after, tool.before, tool.after, response]
      match: {tool: ["a*"], model: "?*", attributes: {x: [1, "y*", true]}}
      action: block
    - id: values
      severity: low
      on: [agent.before, agent.after, model.before, model.after, tool.before, tool.after, response]
      when: >-
        arguments.a == arguments.b || arguments.a in [1, "x"] || arguments.a < 5 || input.matches("a.*b") ||
        attributes["x"] == attr("y", "") || output.contains("x") || result.size() > 3 ||
        model.request.startsWith("gpt") || usage.input_tokens + usage.output_tokens > 9223372036854775807 ||
        arguments.exists(k, arguments[k].exists(v, v == 1.5))
      action: flag
      message: "${tool.name} ${model.request} ${usage.input_tokens}"
    - id: limit
      severity: low
      on: [model.before, tool.before]
      limit: {of: calls, max: 3, per: conversation, window: 1m}
      action: approve
"""
    )
)

NASTY_VALUES: list[Any] = [
    Explosive(),
    ExplosiveText("AKIAIOSFODNN7EXAMPLE"),
    ExplosiveMap(),
    deep(63),
    deep(5000),
    10**5000,
    -(2**63) - 1,
    float("nan"),
    "\ud800 4111 1111 1111 1111",
    "[" * 5000,
    '{"a": ' * 500 + "1" + "}" * 500,
    '{"a": NaN, "b": 1e999, "a": "\\ud800"}',
    "9" * 5000,
    b"\xff",
    {1, 2},
    {1: 2, None: 3},
]


def nasty(position: int) -> Any:
    return NASTY_VALUES[position]


# By their positions: a strategy compares and prints what it samples from.
NASTY = st.integers(0, len(NASTY_VALUES) - 1).map(nasty)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | NASTY
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        "gen_ai.tool.name",
        "gen_ai.request.model",
        "gen_ai.conversation.id",
        "gen_ai.agent.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "service.name",
        "x",
        "y",
    ]
)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=6) | st.builds(ExplosiveMap)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    point=st.sampled_from(POINTS),
    attributes=ATTRIBUTES,
    payload=st.dictionaries(st.sampled_from(PAYLOAD_FIELDS), VALUES, max_size=4),
)
def test_no_operation_makes_the_engine_raise(
    point: str, attributes: Mapping[str, Any], payload: dict[str, Any]
) -> None:
    state = State()
    operation = Operation(point, attributes, **payload)
    decision = ENGINE.evaluate(operation, state)
    state.record(operation, decision)
    assert isinstance(ENGINE.admit(operation, state), Decision)
    assert set(decision.payload) == set(operation.payload)
    assert not any("secret content" in match.reason for match in decision.matches)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.text() | st.text(alphabet='[]{}":,\\u0123 4AKI@.-', max_size=200))
def test_no_text_makes_redaction_raise(text: str) -> None:
    assert isinstance(ENGINE.redact_text(text), str)


def test_attributes_that_cannot_be_read_fail_every_policy_and_count_for_nobody_known(
    engine: MakeEngine,
) -> None:
    made = engine({"match": "{tool: x}", "onError": "block"}, {"when": "tool.name == 'x'"})
    decision = made.evaluate(Operation("tool.before", ExplosiveMap()), State())
    assert decision.enforced is Verdict.BLOCK
    assert [match.reason for match in decision.matches] == [
        "policy 'p1' could not be evaluated: RuntimeError",
        "policy 'p2' could not be evaluated: RuntimeError",
    ]


def test_a_payload_that_cannot_be_read_fails_the_policies_that_look_at_it(engine: MakeEngine) -> None:
    made = engine({"detect": "{any: [pii.card]}", "action": "redact", "onError": "block"})
    [match] = made.evaluate(Operation("tool.before", arguments=ExplosiveMap()), State()).matches
    assert (match.action, match.failed) == (Verdict.BLOCK, True)
    assert match.reason == "policy 'p1' could not be evaluated: RuntimeError"


def test_a_payload_that_can_be_read_only_once_is_withheld_as_a_whole(engine: MakeEngine) -> None:
    class Once(Mapping[str, Any]):
        read = False

        def __getitem__(self, key: str) -> Any:
            return "4111 1111 1111 1111"

        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[str]:
            if self.read:
                raise RuntimeError
            self.read = True
            return iter(("a",))

    made = engine({"detect": "{any: [pii.card]}", "action": "redact"})
    decision = made.evaluate(Operation("tool.before", arguments=Once()), State())
    assert decision.payload == {"arguments": "[REDACTED:unreadable]"}


@pytest.mark.parametrize("field", PAYLOAD_FIELDS)
def test_a_payload_nested_beyond_the_limit_is_a_failure_not_a_crash(field: str) -> None:
    payload: dict[str, Any] = {field: deep(100_000)}
    decision = ENGINE.evaluate(Operation("tool.after", **payload), State())
    if field in ("arguments", "result"):
        assert any(match.failed and "64 levels" in match.reason for match in decision.matches)
