"""Combinations of steps that are allowed alone: what counts as having come before, for whom, and how long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from promethios.governance.decision import Verdict
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.sequences import Sequences

MakeEngine = Callable[..., Engine]
READ = "{match: {tool: 'read_*'}, within: 10m, per: conversation}"
BLOCK = {"action": "block", "onError": "block"}
SEND_AFTER_READ = {"match": "{tool: send}", "after": READ, **BLOCK}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def tool(name: str, point: str = "tool.before", **attributes: Any) -> Operation:
    named = {"gen_ai.conversation.id": "c"} | {
        key.replace("__", "."): value for key, value in attributes.items()
    }
    return Operation(point, {"gen_ai.tool.name": name, **named})


def enforced(made: Engine, operation: Operation, state: State) -> Verdict:
    return made.admit(operation, state).enforced


def test_a_step_is_stopped_behind_the_other_and_not_before_it(engine: MakeEngine) -> None:
    made, state = engine(SEND_AFTER_READ), State()
    assert enforced(made, tool("send"), state) is Verdict.ALLOW
    assert enforced(made, tool("read_customer"), state) is Verdict.ALLOW
    decision = made.admit(tool("send"), state)
    assert decision.enforced is Verdict.BLOCK
    assert decision.matches[0].rule == "after"
    assert decision.matches[0].reason == (
        "what policy 'p1' looks out for came before in this conversation, at most 600 s ago"
    )


def test_a_step_is_forgotten_when_its_time_is_over(engine: MakeEngine) -> None:
    clock = Clock()
    made, state = engine(SEND_AFTER_READ), State(clock=clock)
    made.admit(tool("read_customer"), state)
    clock.now += 600
    assert enforced(made, tool("send"), state) is Verdict.BLOCK
    clock.now += 0.001
    assert enforced(made, tool("send"), state) is Verdict.ALLOW


def test_without_a_time_a_step_is_not_forgotten(engine: MakeEngine) -> None:
    clock = Clock()
    made, state = (
        engine({"after": "{match: {tool: read_x}, per: agent}", "match": "{tool: send}"}),
        State(clock=clock),
    )
    made.admit(tool("read_x"), state)
    clock.now += 1e9
    decision = made.admit(tool("send"), state)
    assert decision.enforced is Verdict.FLAG
    assert decision.matches[0].reason == "what policy 'p1' looks out for came before for this agent"


@pytest.mark.parametrize(
    ("per", "same", "other"),
    [
        ("conversation", {"gen_ai__agent__id": "x"}, {"gen_ai__conversation__id": "d"}),
        ("agent", {"gen_ai__conversation__id": "d"}, {"gen_ai__agent__id": "x"}),
        (
            "tenant",
            {"gen_ai__conversation__id": "d", "gen_ai__agent__id": "x"},
            {"promethios__tenant__id": "t"},
        ),
    ],
)
def test_what_the_two_have_in_common_is_as_the_policy_says(
    engine: MakeEngine, per: str, same: dict[str, Any], other: dict[str, Any]
) -> None:
    made, state = (
        engine({"match": "{tool: send}", "after": f"{{match: {{tool: read}}, per: {per}}}"}),
        State(),
    )
    made.admit(tool("read"), state)
    assert enforced(made, tool("send", **same), state) is Verdict.FLAG
    assert enforced(made, tool("send", **other), state) is Verdict.ALLOW


def test_what_was_stopped_has_not_happened(engine: MakeEngine) -> None:
    made, state = engine({"match": "{tool: 'read_*'}", **BLOCK}, SEND_AFTER_READ), State()
    assert enforced(made, tool("read_customer"), state) is Verdict.BLOCK
    assert enforced(made, tool("send"), state) is Verdict.ALLOW


def test_what_was_only_flagged_or_would_be_blocked_in_shadow_has_happened(engine: MakeEngine) -> None:
    made, state = engine({"match": "{tool: 'read_*'}", "mode": "shadow", **BLOCK}, SEND_AFTER_READ), State()
    made.admit(tool("read_customer"), state)
    assert enforced(made, tool("send"), state) is Verdict.BLOCK


def test_what_is_told_too_late_to_stop_it_has_happened(engine: MakeEngine) -> None:
    made, state = engine({"match": "{tool: 'read_*'}", **BLOCK}, SEND_AFTER_READ), State()
    assert made.admit(tool("read_customer"), state, happened=True).enforced is Verdict.BLOCK
    assert enforced(made, tool("send"), state) is Verdict.BLOCK


def test_an_operation_does_not_come_after_itself(engine: MakeEngine) -> None:
    made, state = engine({"after": "{match: {tool: send}, within: 1m, per: agent}"}), State()
    first = made.admit(tool("send"), state)
    assert first.enforced is Verdict.ALLOW
    assert made.evaluate(tool("send"), state, again=True).enforced is Verdict.ALLOW
    assert made.admit(tool("send"), state).enforced is Verdict.FLAG
    assert made.evaluate(tool("send"), state, again=True).enforced is Verdict.FLAG


def test_an_operation_does_not_come_after_itself_however_long_policies_look_back(engine: MakeEngine) -> None:
    made, state = engine({"after": "{match: {tool: send}, per: agent}"}), State()
    made.admit(tool("send"), state)
    assert made.evaluate(tool("send"), state, again=True).enforced is Verdict.ALLOW


def test_an_operation_looked_at_again_forgets_the_one_before_it_in_time(engine: MakeEngine) -> None:
    clock = Clock()
    made, state = engine({"after": "{match: {tool: send}, within: 1m, per: agent}"}), State(clock=clock)
    made.admit(tool("send"), state)
    clock.now += 61
    made.admit(tool("send"), state)
    assert made.evaluate(tool("send"), state, again=True).enforced is Verdict.ALLOW


def test_evaluating_and_parts_of_streams_record_nothing_until_they_are_accounted_for(
    engine: MakeEngine,
) -> None:
    after = "{on: [tool.after], match: {tool: read}, per: conversation}"
    made, state = engine({"match": "{tool: send}", "after": after}), State()
    done = tool("read", "tool.after")
    decision = made.evaluate(done, state)
    assert made.evaluate(tool("send"), state).enforced is Verdict.ALLOW
    made.account(done, decision, state)
    assert made.evaluate(tool("send"), state).enforced is Verdict.FLAG


def test_a_step_is_counted_at_the_points_that_the_policy_says(engine: MakeEngine) -> None:
    after = "{on: [tool.after], match: {tool: read}, per: conversation}"
    made, state = engine({"match": "{tool: send}", "after": after}), State()
    made.admit(tool("read"), state)
    assert enforced(made, tool("send"), state) is Verdict.ALLOW
    made.admit(tool("read", "tool.after"), state)
    assert enforced(made, tool("send"), state) is Verdict.FLAG


def test_attributes_that_are_no_names_are_compared_too(engine: MakeEngine) -> None:
    after = "{match: {tool: read, attributes: {rows: [1000, many]}}, per: conversation}"
    made, state = engine({"match": "{tool: send}", "after": after}), State()
    made.admit(tool("read", rows=3), state)
    assert enforced(made, tool("send"), state) is Verdict.ALLOW
    made.admit(tool("read", rows="many"), state)
    assert enforced(made, tool("send"), state) is Verdict.FLAG


def test_all_parts_of_a_policy_must_hold_beside_what_came_before(engine: MakeEngine) -> None:
    made, state = (
        engine({"after": READ, "when": "arguments.n > 5", "limit": "{of: calls, max: 1, per: tool}"}),
        State(),
    )
    made.admit(tool("read_x"), state)

    def send(n: int) -> Verdict:
        return enforced(made, Operation("tool.before", tool("send").attributes, arguments={"n": n}), state)

    assert [send(n) for n in (6, 5, 6)] == [Verdict.ALLOW, Verdict.ALLOW, Verdict.FLAG]


def test_what_happened_stays_in_the_next_bundle_where_it_asks_the_same(engine: MakeEngine) -> None:
    state = State()
    engine({"match": "{tool: send}", "after": READ}).admit(tool("read_customer"), state)
    same = engine(
        {
            "match": "{tool: send}",
            "after": "{within: 1h, per: conversation, match: {tool: ['read_*']}}",
            **BLOCK,
        }
    )
    assert enforced(same, tool("send"), state) is Verdict.BLOCK
    others = engine(
        {"match": "{tool: send}", "after": "{match: {tool: 'read_c*'}, per: conversation}"},
        {"match": "{tool: send}", "after": "{match: {tool: 'read_*'}, per: agent}"},
        {"match": "{tool: send}", "after": "{match: {tool: 'read_*', agent: a}, per: conversation}"},
        {
            "match": "{tool: send}",
            "after": "{match: {tool: 'read_*', attributes: {x: 1}}, per: conversation}",
        },
        {"match": "{tool: send}", "after": "{on: [tool.after], match: {tool: 'read_*'}, per: conversation}"},
    )
    assert enforced(others, tool("send"), state) is Verdict.ALLOW


def test_steps_that_differ_only_in_an_attributes_pattern_are_two(engine: MakeEngine) -> None:
    def after(region: str) -> dict[str, str]:
        match = f"{{tool: read, attributes: {{region: '{region}'}}}}"
        return {"match": "{tool: send}", "after": f"{{match: {match}, per: conversation}}"}

    made, state = engine(after("eu-*"), after("us-*"), after("us-1")), State()
    made.admit(tool("read", region="us-2"), state)
    assert [match.policy_id for match in made.admit(tool("send"), state).matches] == ["p2"]


def test_attributes_that_cannot_be_read_are_no_step_and_fail_the_policy(engine: MakeEngine) -> None:
    class Unreadable(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            if key == "gen_ai.conversation.id":
                raise RuntimeError
            return super().get(key, default)

    made, state = engine(SEND_AFTER_READ), State()
    assert (
        enforced(made, Operation("tool.before", Unreadable(tool("read_x").attributes)), state)
        is Verdict.ALLOW
    )
    decision = made.admit(Operation("tool.before", Unreadable(tool("send").attributes)), state)
    assert (decision.enforced, decision.matches[0].failed) == (Verdict.BLOCK, True)
    assert decision.matches[0].reason == "policy 'p1' could not be evaluated: RuntimeError"


def test_the_step_that_was_not_repeated_for_longest_is_forgotten_first(engine: MakeEngine) -> None:
    made, state = engine(SEND_AFTER_READ), State(max_keys=2)
    for conversation in ("a", "b", "a", "c"):
        made.admit(tool("read_x", gen_ai__conversation__id=conversation), state)
    verdicts = [enforced(made, tool("send", gen_ai__conversation__id=each), state) for each in "abc"]
    assert verdicts == [Verdict.BLOCK, Verdict.ALLOW, Verdict.BLOCK]


def test_the_memory_of_a_step_does_not_grow_with_repetition() -> None:
    sequences = Sequences(10)
    for second in range(1000):
        sequences.record(("step", "key"), float(second))
    assert len(sequences) == 1
    assert sequences.times(("step", "key")) == (999.0, 998.0)


def test_of_threads_that_do_one_thing_only_once_exactly_one_comes_first(engine: MakeEngine) -> None:
    made = engine({"after": "{match: {tool: send}, per: conversation}", **BLOCK})
    for round_ in range(50):
        state, start = State(), threading.Barrier(4)

        def work(state: State = state, start: threading.Barrier = start) -> Verdict:
            start.wait()
            return enforced(made, tool("send"), state)

        with ThreadPoolExecutor(4) as pool:
            verdicts = [done.result() for done in [pool.submit(work) for _ in range(4)]]
        assert sorted(verdicts) == [Verdict.ALLOW, *[Verdict.BLOCK] * 3], round_
