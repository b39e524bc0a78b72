"""What is counted, for whom, for how long, and that threads cannot take more than there is."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from promethios.governance.decision import BundleId, Decision, Verdict
from promethios.governance.engine import Engine
from promethios.governance.limits import Counter, Entry, Room, State, agent_of, key_of, used_up
from promethios.governance.operation import Operation
from promethios.governance.pricing import Prices

MakeEngine = Callable[..., Engine]
TOKENS = {"gen_ai.usage.input_tokens": 70, "gen_ai.usage.output_tokens": 30}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def decided(point: str, enforced: Verdict = Verdict.ALLOW) -> Decision:
    return Decision(point, enforced, enforced, (), {}, BundleId("b", "1", ""), 0)


def record(state: State, point: str, enforced: Verdict = Verdict.ALLOW, **attributes: Any) -> None:
    named = {f"gen_ai.{name.replace('_', '.', 1)}": value for name, value in attributes.items()}
    state.record(Operation(point, named), decided(point, enforced))


def test_calls_are_counted_by_kind_for_conversation_agent_and_tool() -> None:
    state = State()
    record(state, "tool.before", conversation_id="c", agent_id="a", tool_name="t")
    record(state, "model.before", conversation_id="c", agent_id="a")
    for per, key in (("conversation", "=c"), ("agent", "a")):
        assert state.used(Counter("calls", "tool", per, key)) == 1
        assert state.used(Counter("calls", "model", per, key)) == 1
    assert state.used(Counter("calls", "tool", "tool", "t")) == 1


@pytest.mark.parametrize(
    ("enforced", "calls"),
    [(Verdict.ALLOW, 1), (Verdict.FLAG, 1), (Verdict.REDACT, 1), (Verdict.APPROVE, 0), (Verdict.BLOCK, 0)],
)
def test_a_call_that_is_stopped_is_not_counted(enforced: Verdict, calls: int) -> None:
    state = State()
    record(state, "tool.before", enforced, tool_name="t")
    assert state.used(Counter("calls", "tool", "tool", "t")) == calls


def test_tokens_are_counted_when_the_model_has_answered() -> None:
    state = State()
    counter = Counter("tokens", "", "conversation", "=c")
    state.record(
        Operation("model.before", {**TOKENS, "gen_ai.conversation.id": "c"}), decided("model.before")
    )
    assert state.used(counter) == 0
    state.record(Operation("model.after", {**TOKENS, "gen_ai.conversation.id": "c"}), decided("model.after"))
    assert state.used(counter) == 100
    assert state.used(Counter("tokens", "", "agent", "unknown")) == 100


def test_tokens_are_also_read_from_the_names_of_older_conventions() -> None:
    state = State()
    old = {"gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 6}
    state.record(Operation("model.after", old), decided("model.after"))
    assert state.used(Counter("tokens", "", "agent", "unknown")) == 11


@pytest.mark.parametrize("tokens", [-5, "70", 1.5, True, 10**30, None])
def test_a_count_of_tokens_that_cannot_be_is_not_believed(tokens: Any) -> None:
    state = State()
    state.record(Operation("model.after", {"gen_ai.usage.input_tokens": tokens}), decided("model.after"))
    assert state.used(Counter("tokens", "", "agent", "unknown")) == 0


def test_an_agent_is_known_by_id_then_name_then_service() -> None:
    attributes = {"service.name": "s", "gen_ai.agent.name": "n", "gen_ai.agent.id": "i"}
    assert agent_of(attributes) == "i"
    del attributes["gen_ai.agent.id"]
    assert agent_of(attributes) == "n"
    del attributes["gen_ai.agent.name"]
    assert agent_of(attributes) == "s"
    assert agent_of({}) == "unknown"


def test_an_unknown_conversation_is_one_for_each_agent() -> None:
    assert key_of("conversation", {"gen_ai.agent.id": "a"}) != key_of(
        "conversation", {"gen_ai.agent.id": "b"}
    )
    assert key_of("conversation", {"gen_ai.agent.id": "a"}) != key_of(
        "conversation", {"gen_ai.conversation.id": "a"}
    )


def test_a_token_budget_stops_the_conversation_that_used_it_up_and_no_other(engine: MakeEngine) -> None:
    made = engine(
        {
            "on": "[model.before]",
            "limit": "{of: tokens, max: 100, per: conversation}",
            "action": "block",
            "onError": "block",
        }
    )
    state = State()
    first, second = ({"gen_ai.conversation.id": name} for name in ("one", "two"))
    assert made.evaluate(Operation("model.before", first), state).enforced is Verdict.ALLOW
    state.record(Operation("model.after", {**TOKENS, **first}), decided("model.after"))
    assert made.evaluate(Operation("model.before", first), state).enforced is Verdict.BLOCK
    assert made.evaluate(Operation("model.before", second), state).enforced is Verdict.ALLOW


def test_deciding_changes_nothing(engine: MakeEngine) -> None:
    made = engine({"limit": "{of: calls, max: 1, per: tool}"})
    state = State()
    operation = Operation("tool.before", {"gen_ai.tool.name": "t"})
    for _ in range(3):
        assert made.evaluate(operation, state).verdict is Verdict.ALLOW
    assert state.used(Counter("calls", "tool", "tool", "t")) == 0


@pytest.mark.parametrize(
    ("window", "step"), [(60, 1), (120, 1), (600, 60), (7200, 60), (86400, 3600), (604800, 3600)]
)
def test_a_window_forgets_after_its_length_and_a_step_at_most(window: int, step: int) -> None:
    clock = Clock()
    state = State(clock=clock)
    counter = Counter("calls", "tool", "tool", "t")
    record(state, "tool.before", tool_name="t")
    clock.now += window - 0.001
    assert state.used(counter, float(window)) == 1
    clock.now += step + 0.002
    assert state.used(counter, float(window)) == 0
    assert state.used(counter) == 1


def test_a_window_adds_up_what_is_in_it() -> None:
    clock = Clock()
    state = State(clock=clock)
    for _ in range(10):
        record(state, "tool.before", tool_name="t")
        clock.now += 10
    assert state.used(Counter("calls", "tool", "tool", "t"), 45.0) == 4
    assert state.used(Counter("calls", "tool", "tool", "t"), 3600.0) == 10


def test_a_clock_that_steps_back_loses_nothing() -> None:
    clock = Clock()
    state = State(clock=clock)
    record(state, "tool.before", tool_name="t")
    clock.now -= 100
    record(state, "tool.before", tool_name="t")
    assert state.used(Counter("calls", "tool", "tool", "t"), 60.0) == 2


def test_the_count_that_was_not_added_to_for_longest_goes_first() -> None:
    state = State(max_keys=2)
    for name in ("a", "b", "a", "c"):
        record(state, "model.before", conversation_id=name, agent_id=name)
    assert state.used(Counter("calls", "model", "agent", "a")) == 2
    assert state.used(Counter("calls", "model", "agent", "b")) == 0
    assert state.used(Counter("calls", "model", "agent", "c")) == 1


def test_a_state_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^max_keys is 0: a state keeps at least one count$"):
        State(max_keys=0)


def test_counts_are_exact_under_threads() -> None:
    state, start = State(), threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(500):
            record(state, "tool.before", tool_name="t", conversation_id="c")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(8)]:
            done.result()
    assert state.used(Counter("calls", "tool", "tool", "t")) == 4000
    assert state.used(Counter("calls", "tool", "conversation", "=c"), 3600.0) == 4000


def test_threads_that_are_admitted_are_exactly_as_many_as_the_limit(engine: MakeEngine) -> None:
    made = engine(
        {"limit": "{of: calls, max: 100, per: tool}", "action": "block", "onError": "block"},
        {"limit": "{of: calls, max: 50, per: conversation, window: 1h}", "action": "flag"},
    )
    state, start = State(), threading.Barrier(8)
    operation = Operation("tool.before", {"gen_ai.tool.name": "t"})

    def work() -> list[Verdict]:
        start.wait()
        return [made.admit(operation, state).enforced for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        verdicts = [verdict for done in [pool.submit(work) for _ in range(8)] for verdict in done.result()]
    assert verdicts.count(Verdict.ALLOW) == 50
    assert verdicts.count(Verdict.FLAG) == 50
    assert verdicts.count(Verdict.BLOCK) == 300


def test_a_call_that_is_looked_at_again_does_not_count_for_itself(engine: MakeEngine) -> None:
    made = engine(
        {"limit": "{of: calls, max: 1, per: tool}"}, {"limit": "{of: calls, max: 2, per: conversation}"}
    )
    state, operation = State(), Operation("tool.before", {"gen_ai.tool.name": "t"})

    def matched() -> list[str]:
        return [match.policy_id for match in made.evaluate(operation, state, again=True).matches]

    made.admit(operation, state)
    assert matched() == []
    made.admit(operation, state)
    assert matched() == ["p1"]
    made.admit(operation, state)
    assert matched() == ["p1", "p2"]


def test_a_call_that_was_forgotten_uses_nothing_up_when_it_is_looked_at_again(engine: MakeEngine) -> None:
    made = engine({"limit": "{of: calls, max: 0, per: tool}"}, {"limit": "{of: calls, max: 1, per: agent}"})
    decision = made.evaluate(Operation("tool.before", {"gen_ai.tool.name": "t"}), State(), again=True)
    assert [match.policy_id for match in decision.matches] == ["p1"]


def test_tokens_are_not_an_operations_own_before_its_answer(engine: MakeEngine) -> None:
    made, state = engine({"on": "[model.before]", "limit": "{of: tokens, max: 100, per: agent}"}), State()
    state.record(Operation("model.after", TOKENS), decided("model.after"))
    assert made.evaluate(Operation("model.before"), state, again=True).matches


def test_a_state_of_one_keeps_one_of_each() -> None:
    state = State(max_keys=1)
    record(state, "tool.before", tool_name="t", conversation_id="c")
    assert state.used(Counter("calls", "tool", "conversation", "=c")) == 1
    fresh = state.trust_score({})
    for name in ("a", "b"):
        state.trust.record(name, 5.0)
    assert state.trust_score({"gen_ai.agent.id": "a"}) == fresh
    assert state.trust_score({"gen_ai.agent.id": "b"}) < fresh


class Unreadable(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        raise RuntimeError


def test_an_answer_that_tells_no_tokens_or_cannot_be_read_uses_nothing() -> None:
    assert used_up({}, Prices()) == ()
    assert used_up({"gen_ai.usage.input_tokens": 0}, Prices()) == ()
    assert used_up(Unreadable({"gen_ai.usage.input_tokens": 7}), Prices()) == ()


class NoConversation(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        if key == "gen_ai.conversation.id":
            raise RuntimeError
        return super().get(key, default)


def test_each_policy_fails_once_where_it_cannot_be_told_whose_count_it_is(engine: MakeEngine) -> None:
    after = "{match: {tool: read}, per: conversation}"
    made = engine(
        {"limit": "{of: calls, max: 5, per: conversation}"},
        {"limit": "{of: calls, max: 9, per: conversation}"},
        {"after": after},
        {"after": after, "severity": "high"},
    )
    decision = made.evaluate(Operation("tool.before", NoConversation()), State())
    assert [match.policy_id for match in decision.matches] == ["p4", "p1", "p2", "p3"]
    assert {match.reason.partition(" could")[2] for match in decision.matches} == {
        " not be evaluated: RuntimeError"
    }


def test_of_limits_on_one_count_each_has_its_own_end(engine: MakeEngine) -> None:
    limits = ("{of: calls, max: 3, per: tool}", "{of: calls, max: 1, per: tool}")
    made, state = engine(*({"limit": limit} for limit in limits)), State()
    operation = Operation("tool.before", {"gen_ai.tool.name": "t"})
    found = [[match.policy_id for match in made.admit(operation, state).matches] for _ in range(4)]
    assert found == [[], ["p2"], ["p2"], ["p1", "p2"]]


def test_what_can_not_be_read_is_admitted_where_its_policies_only_flag(engine: MakeEngine) -> None:
    made, state = engine({"after": "{match: {tool: read}, per: agent}"}), State()
    decision = made.admit(Operation("tool.before", Unreadable()), state)
    assert [match.failed for match in decision.matches] == [True]
    assert state.used(Counter("calls", "tool", "agent", "unknown")) == 1


def test_a_forked_child_counts_though_a_thread_of_its_parent_held_the_lock() -> None:
    state, held, go_on = State(), threading.Event(), threading.Event()

    def slow() -> Iterator[Room]:
        held.set()
        go_on.wait()
        yield from ()

    parent = threading.Thread(target=state.record_if, args=(Entry(), slow()))
    parent.start()
    held.wait()
    state.after_fork()
    try:
        record(state, "tool.before", tool_name="t")
        assert state.used(Counter("calls", "tool", "tool", "t")) == 1
    finally:
        go_on.set()
        parent.join()


class Endless(dict[str, Any]):
    def __iter__(self) -> Iterator[str]:
        return itertools.repeat("x")


def test_names_without_an_end_are_not_walked_to_find_tokens() -> None:
    assert used_up(Endless(), Prices()) == ()
    assert used_up(Endless(TOKENS), Prices()) == (("tokens", 100),)
