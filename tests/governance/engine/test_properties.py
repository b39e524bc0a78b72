"""Whatever the policies and whatever the operation: it ends, never raises, and the order changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promethios.governance.decision import Decision
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import PAYLOAD_FIELDS, POINTS, Operation
from promethios.governance.policies import parse_bundle

EVERYWHERE = "[agent.before, agent.after, model.before, model.after, tool.before, tool.after, response]"
CALLS = "[agent.before, model.before, tool.before]"
#: One policy of each shape; what is not given has a value. Bundles are drawn from them.
SHAPES = [
    {"match": "{tool: 'a*'}"},
    {"match": "{tool: ['a*', b], model: '?*', attributes: {x: [1, 'y*', true]}}"},
    {"match": "{attributes: {service.name: [s, t], gen_ai.tool.name: a}}", "action": "approve"},
    {"match": "{agent: a, environment: prod}", "mode": "shadow", "action": "block", "onError": "block"},
    {"when": "tool.name == 'a'"},
    {"when": "tool.name == 'a'", "severity": "high", "message": "'${tool.name} ${usage.input_tokens}'"},
    {"when": "tool.name == 'a' && usage.input_tokens > 5", "onError": "block"},
    {"when": "tool.name == 'a' || arguments.a == 1", "onError": "approve"},
    {"when": "arguments.a == arguments.b || arguments.a in [1, 'x'] || arguments.a < 5"},
    {"when": "arguments.exists(k, arguments[k].exists(v, v == 1.5))"},
    {"when": "arguments.all(k, size(k) < 9) && input.matches('a.*b')"},
    {"when": "attributes['x'] == attr('y', '') || output.contains('x') || result.size() > 3"},
    {"when": "usage.input_tokens + usage.output_tokens > 9223372036854775807"},
    {"when": "int(attr('x', '0')) / usage.input_tokens > 1 ? true : double(input) < 1.0"},
    {"when": "agent.cost_usd > 0.5 || conversation.tokens > 10 || trust.score < 405"},
    {"when": "conversation.id.startsWith('a') && string(attr('x', 1)) != 'b'", "message": "'${trust.score}'"},
    {"limit": "{of: calls, max: 2, per: conversation, window: 1m}", "on": CALLS, "action": "approve"},
    {"limit": "{of: calls, max: 3, per: agent}", "on": CALLS},
    {"limit": "{of: calls, max: 0, per: tenant}", "on": CALLS, "when": "tool.name != 'a'"},
    {"limit": "{of: tokens, max: 9, per: tenant}"},
    {"limit": "{of: cost, max: 0.000001, per: agent, window: 1h}", "action": "block", "onError": "block"},
    {"limit": "{of: cost, max: 5, per: conversation}", "match": "{attributes: {x: '*'}}"},
    {"after": "{on: [tool.before], match: {tool: 'a*'}, per: conversation}"},
    {"after": "{on: [model.after, tool.after], match: {attributes: {x: 1}}, within: 1m, per: agent}"},
    {
        "after": "{on: [tool.before], match: {tool: a}, per: tenant, within: 1s}",
        "detect": "{any: [pii.card]}",
    },
    {"after": "{on: [agent.before], match: {agent: a}, per: agent}", "when": "arguments.a == 1"},
    {"detect": "{any: [pii.card, pii.email]}", "action": "redact"},
    {"detect": "{any: ['secret.aws']}", "action": "redact", "onError": "block"},
    {"detect": "{any: ['custom.*', 'injection.*']}", "weight": "3"},
    {"detect": "{any: [pii.card, custom.line]}", "action": "redact", "mode": "shadow"},
    {"detect": "{any: [pii.card]}", "when": "arguments.a == 1", "match": "{attributes: {x: 1}}"},
    {"detect": "{any: [custom.word]}", "limit": "{of: tokens, max: 0, per: agent}", "severity": "critical"},
]
HEAD = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: properties, version: "1"}
spec:
  detectors:
    - {id: custom.word, pattern: 'EMP-\\d{3}'}
    - {id: custom.line, pattern: '^a+$'}
  prices: {m: {input: 2, output: 4}}
  defaults: {placeholders: stable}
  policies:
"""


def text_of(shapes: list[dict[str, str]]) -> str:
    policies = []
    for number, parts in enumerate(shapes):
        keys = {"id": f"p{number}", "severity": "low", "on": EVERYWHERE, "action": "flag"} | parts
        written = (f'"{value}"' if key == "when" else value for key, value in keys.items())
        policies.append("\n      ".join(f"{key}: {value}" for key, value in zip(keys, written, strict=True)))
    return HEAD + "".join(f"    - {policy}\n" for policy in policies)


BUNDLE = parse_bundle(text_of(SHAPES))


def explode(*_: object, **__: object) -> Any:
    raise RuntimeError("secret content")


class Explosive:
    """Raises whatever is done with it."""

    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __iter__ = __bool__ = __contains__ = explode
    __lt__ = __gt__ = __getitem__ = __format__ = __int__ = __float__ = __index__ = __add__ = explode


class ExplosiveText(str):
    """A text whose methods raise."""

    __slots__ = ()
    __str__ = __eq__ = __len__ = __iter__ = __contains__ = __hash__ = explode  # type: ignore[assignment]
    encode = lstrip = startswith = isidentifier = explode


class ExplosiveInt(int):
    __str__ = __eq__ = __lt__ = __hash__ = __index__ = __bool__ = explode  # type: ignore[assignment]


class ExplosiveMap(Mapping[str, Any]):
    """A map that raises when it is read."""

    __getitem__ = __iter__ = __len__ = explode


class ExplosiveDict(dict[str, Any]):
    get = items = values = keys = __iter__ = __getitem__ = __contains__ = explode


class ExplosiveList(list[Any]):
    __iter__ = __len__ = __getitem__ = __reversed__ = __bool__ = explode


class Pretender:
    """Says that it equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("a")


class Endless(list[Any]):
    """A list that never comes to its end."""

    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat("text")

    __reversed__ = __iter__


class EndlessMap(Mapping[str, Any]):
    """A map that never comes to its end."""

    def __getitem__(self, key: str) -> Any:
        return "text"

    def __iter__(self) -> Iterator[str]:
        return map(str, itertools.count())

    def __len__(self) -> int:
        return 1


def deep(levels: int) -> Any:
    value: Any = "4111 1111 1111 1111"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def cyclic() -> Any:
    value: dict[str, Any] = {"a": ["4111 1111 1111 1111"]}
    value["b"] = [value]
    return value


MAKERS: list[Any] = [
    Explosive,
    lambda: ExplosiveText("AKIAIOSFODNN7EXAMPLE"),
    lambda: ExplosiveInt(4111111111111111),
    ExplosiveMap,
    lambda: ExplosiveDict(a=1),
    lambda: ExplosiveList([1]),
    Pretender,
    Endless,
    EndlessMap,
    cyclic,
    lambda: deep(63),
    lambda: deep(5000),
    lambda: 10**5000,
    lambda: -(2**63) - 1,
    lambda: float("nan"),
    lambda: "\ud800 4111 1111 1111 1111",
    lambda: "[" * 5000,
    lambda: '{"a": ' * 500 + "1" + "}" * 500,
    lambda: '{"a": NaN, "b": 1e999, "a": "\\ud800"}',
    lambda: "9" * 5000,
    lambda: "aaa\n" * 300_000,
    lambda: ["x"] * 100_000,
    lambda: b"\xff",
    lambda: {1, 2},
    lambda: {1: 2, None: 3},
    lambda: {"4111 1111 1111 1111": {"user@example.com": "EMP-123"}},
    lambda: "AKIAIOSFODNN7EXAMPLE and 4111 1111 1111 1111, user@example.com, EMP-123",
]
# By their positions: a strategy compares and prints what it samples from.
NASTY = st.integers(0, len(MAKERS) - 1).map(lambda position: MAKERS[position]())
SHORT = st.sampled_from(["a", "b", "", "prod", "s", "m", "x"])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | SHORT | NASTY
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SHORT, inner, max_size=4), max_leaves=8
)
NAMES = st.sampled_from(
    [
        "gen_ai.tool.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.provider.name",
        "gen_ai.agent.id",
        "gen_ai.agent.name",
        "gen_ai.conversation.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "deployment.environment.name",
        "promethios.tenant.id",
        "service.name",
        "x",
        "y",
    ]
)
ATTRIBUTES = (
    st.dictionaries(NAMES, SHORT | st.integers(0, 9) | VALUES, max_size=8)
    | st.sampled_from([ExplosiveMap, EndlessMap, ExplosiveDict]).map(lambda make: make())
    | st.integers(0, 0).map(lambda _: ExplosiveDict({"gen_ai.tool.name": "a"}))
)
OPERATIONS = st.builds(
    lambda point, attributes, payload: Operation(point, attributes, **payload),
    st.sampled_from(POINTS),
    ATTRIBUTES,
    st.dictionaries(st.sampled_from(PAYLOAD_FIELDS), VALUES, max_size=4),
)
POLICIES = st.lists(st.integers(0, len(SHAPES) - 1), unique=True, max_size=12)


def engine_of(positions: list[int]) -> Engine:
    return Engine(replace(BUNDLE, policies=tuple(BUNDLE.policies[position] for position in positions)))


def said(decision: Decision) -> tuple[Any, ...]:
    """Everything that a decision says, without its payload's values."""
    return decision.verdict, decision.enforced, decision.matches, sorted(decision.payload)


def same(one: Any, other: Any, depth: int = 0) -> bool:
    """Whether two payloads hold the same: without calling what hostile values define."""
    if one is other or depth > 20:
        return True
    if type(one) is str and type(other) is str:
        return one == other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(
            same(left, right, depth + 1)
            for left, right in zip(dict.items(one), dict.items(other), strict=True)
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return all(same(left, right, depth + 1) for left, right in zip(one, other, strict=True))
    return False


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
@given(positions=POLICIES, operations=st.lists(OPERATIONS, min_size=1, max_size=4), seed=st.randoms())
def test_it_ends_and_never_raises_and_the_order_of_policies_changes_nothing(
    positions: list[int], operations: list[Operation], seed: Any
) -> None:
    shuffled = seed.sample(positions, len(positions))
    one, other = engine_of(positions), engine_of(shuffled)
    first, second = State(), State()
    for operation in operations:
        decision, again = one.admit(operation, first), other.admit(operation, second)
        assert said(decision) == said(again)
        assert all(same(decision.payload[name], again.payload[name]) for name in decision.payload)
        assert set(decision.payload) == set(operation.payload)
        assert not any("secret content" in match.reason for match in decision.matches)
        assert {match.policy_id for match in decision.matches} <= {f"p{position}" for position in positions}
        assert said(one.evaluate(operation, first, again=True)) == said(
            other.evaluate(operation, second, again=True)
        )
        one.account(operation, decision, first)
        other.account(operation, again, second)
        assert isinstance(one.redact_text("AKIAIOSFODNN7EXAMPLE"), str)


def test_the_shapes_are_those_of_a_whole_language() -> None:
    assert len(BUNDLE.policies) == len(SHAPES)
    assert {policy.rule for policy in BUNDLE.policies} == {"match", "when", "limit", "after", "detect"}


@pytest.mark.parametrize("maker", MAKERS, ids=range(len(MAKERS)))
@pytest.mark.parametrize("field", PAYLOAD_FIELDS)
def test_every_policy_looks_at_every_hostile_value(maker: Any, field: str) -> None:
    operation = Operation("tool.after", {"gen_ai.tool.name": "a"}, **{field: maker()})
    decision = ALL.admit(operation, State())
    assert isinstance(decision, Decision)


@pytest.mark.parametrize("maker", MAKERS, ids=range(len(MAKERS)))
def test_every_policy_looks_at_every_hostile_attribute(maker: Any) -> None:
    for name in (
        "gen_ai.tool.name",
        "gen_ai.agent.id",
        "gen_ai.conversation.id",
        "gen_ai.usage.input_tokens",
        "x",
    ):
        for point in ("tool.before", "model.after"):
            assert isinstance(ALL.admit(Operation(point, {name: maker()}), State()), Decision)


ALL = Engine(BUNDLE)


def shared(levels: int) -> Any:
    """A list that is small in memory and endless when it is walked: each level holds the next one twice."""
    value: Any = ["text"]
    for _ in range(levels):
        value = [value, value]
    return value


@pytest.mark.parametrize("make", [Endless, EndlessMap, cyclic, lambda: shared(60)])
def test_comparing_values_without_an_end_ends(make: Any) -> None:
    engine = Engine(parse_bundle(text_of([{"when": "arguments.a == arguments.b"}])))
    arguments = {"a": make(), "b": make()}
    [match] = engine.evaluate(Operation("tool.before", {}, arguments=arguments), State()).matches
    assert match.failed


@pytest.mark.parametrize("field", ["input", "arguments"])
def test_texts_in_lists_that_share_their_branches_end(field: str) -> None:
    decision = ALL.admit(Operation("tool.before", {}, **{field: {"a": shared(60)}}), State())
    assert any(match.failed for match in decision.matches)
