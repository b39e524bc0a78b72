"""What is remembered of names, and that nothing is remembered that could be another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.planning import MAX_NAME, MAX_REMEMBERED, PointPlanner
from promethios.governance.policies import parse_bundle

MakeEngine = Callable[..., Engine]
BUNDLE = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: planning, version: "1"}
spec:
  policies:
    - {id: p, severity: low, on: [tool.before], match: {tool: 'a*'}, action: flag}
"""


def tool(name: Any) -> Operation:
    return Operation("tool.before", {"gen_ai.tool.name": name})


@pytest.mark.parametrize("names", [[1, True], [True, 1], [1.0, True], ["1", 1], [1, "1"]])
def test_values_that_are_equal_are_not_taken_for_each_other(engine: MakeEngine, names: list[Any]) -> None:
    made = engine({"match": "{attributes: {gen_ai.tool.name: [1]}}"})
    found = [bool(made.evaluate(tool(name), State()).matches) for name in names]
    assert found == [type(name) in (int, float) for name in names]


def test_a_name_that_only_says_that_it_equals_another_is_not_that() -> None:
    class Pretender:
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("abc")

    made = Engine(parse_bundle(BUNDLE))
    assert made.evaluate(tool("abc"), State()).matches
    assert not made.evaluate(tool(Pretender()), State()).matches


def test_names_are_remembered_up_to_a_number_and_a_length() -> None:
    planner = PointPlanner(parse_bundle(BUNDLE).policies, [])
    planner.plan(tool("a" * MAX_NAME))
    planner.plan(tool("a" * MAX_NAME))
    assert len(planner) == 1
    planner.plan(tool("a" * (MAX_NAME + 1)))
    assert len(planner) == 1
    for number in range(3 * MAX_REMEMBERED):
        planner.plan(tool(f"a{number}"))
        assert len(planner) <= MAX_REMEMBERED


def test_a_sequence_may_ask_for_any_operation_at_a_point(engine: MakeEngine) -> None:
    made, state = engine({"after": "{on: [tool.after], per: conversation}"}), State()
    assert not made.admit(tool("a"), state).matches
    made.admit(Operation("tool.after", {"gen_ai.tool.name": "b"}), state)
    assert made.admit(tool("a"), state).matches


def test_a_condition_on_names_that_has_no_value_fails_its_policy(engine: MakeEngine) -> None:
    made = engine(
        {"when": "10 / size(tool.name) > 1"}, {"when": "10 / size(tool.name) > 1 && arguments.a == 1"}
    )
    first, second = made.evaluate(tool(""), State()).matches
    assert first.reason == "policy 'p1' could not be evaluated: division by zero"
    assert second.failed
    assert [match.failed for match in made.evaluate(tool("abc"), State()).matches] == [False, True]


def test_what_was_worked_out_for_a_name_is_used_again_and_others_stay() -> None:
    planner = PointPlanner(parse_bundle(BUNDLE).policies, [])
    plans = [planner.plan(tool(name)) for name in ("a", "b", None)]
    assert len(planner) == 3
    assert all(planner.plan(tool(name)) is plan for name, plan in zip(("a", "b", None), plans, strict=True))


def test_a_long_name_beside_a_short_one_is_not_remembered(engine: MakeEngine) -> None:
    bundle = parse_bundle(BUNDLE.replace("{tool: 'a*'}", "{tool: 'a*', model: 'm'}"))
    planner = PointPlanner(bundle.policies, [])
    names = {"gen_ai.tool.name": "a" * (MAX_NAME + 1), "gen_ai.request.model": "m"}
    planner.plan(Operation("tool.before", names))
    assert len(planner) == 0


def test_a_name_that_only_a_sequence_asks_for_tells_operations_apart(engine: MakeEngine) -> None:
    made, state = engine({"after": "{match: {agent: a}, per: tenant}", "match": "{tool: send}"}), State()
    for agent in ("b", "a"):
        made.admit(Operation("tool.before", {"gen_ai.tool.name": "t", "gen_ai.agent.name": agent}), state)
    assert made.admit(tool("send"), state).matches


def test_all_names_of_a_step_must_fit(engine: MakeEngine) -> None:
    made, state = (
        engine({"after": "{match: {tool: read, agent: a}, per: tenant}", "match": "{tool: send}"}),
        State(),
    )
    made.admit(tool("read"), state)
    assert not made.admit(tool("send"), state).matches


def test_conditions_with_other_constants_are_other_questions(engine: MakeEngine) -> None:
    made = engine(
        {"when": "arguments.n > params.most", "params": "{most: 5}"},
        {"when": "arguments.n > params.most", "params": "{most: 9}"},
    )
    decision = made.evaluate(Operation("tool.before", arguments={"n": 7}), State())
    assert [match.policy_id for match in decision.matches] == ["p1"]


def test_a_name_that_only_a_condition_reads_tells_operations_apart(engine: MakeEngine) -> None:
    made = engine({"when": "tool.name == 'a' && arguments.n == 1"}, {"when": "tool.name != 'a'"})

    def matched(name: str) -> list[str]:
        operation = Operation("tool.before", {"gen_ai.tool.name": name}, arguments={"n": 1})
        return [match.policy_id for match in made.evaluate(operation, State()).matches]

    assert [matched(name) for name in "abab"] == [["p1"], ["p2"], ["p1"], ["p2"]]


@pytest.mark.parametrize(
    "past", [{"after": "{match: {tool: read}, per: agent}"}, {"limit": "{of: calls, max: 1, per: agent}"}]
)
def test_a_condition_beside_what_came_before_must_hold(engine: MakeEngine, past: dict[str, str]) -> None:
    made, state = engine({"match": "{tool: send}", "when": "arguments.n == 1", **past}), State()
    made.admit(tool("read"), state)
    found = [
        bool(
            made.evaluate(
                Operation("tool.before", tool("send").attributes, arguments={"n": n}), state
            ).matches
        )
        for n in (2, 1)
    ]
    assert found == [False, True]


def test_a_condition_on_names_that_is_neither_true_nor_false_fails_its_policy(engine: MakeEngine) -> None:
    made = engine({"when": "'[true, 1][size(tool.name)]'"})
    assert [match.failed for match in made.evaluate(tool(""), State()).matches] == [False]
    assert [match.failed for match in made.evaluate(tool("a"), State()).matches] == [True]
