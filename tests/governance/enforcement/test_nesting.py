"""One operation that several guards and adapters see: decided with all that is known, and counted once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.governed import CARD, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.limits import Counter

LIMITED = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: nesting, version: "1"}
spec:
  policies:
    - id: two-calls
      severity: low
      on: [model.before, tool.before]
      limit: {of: calls, max: 2, per: agent}
      action: block
      onError: block
    - id: cards
      severity: high
      on: [model.before, model.after, tool.before, tool.after]
      detect: {in: [input, output, tool.arguments, tool.result], any: ["pii.card"]}
      action: redact
    - id: known
      severity: low
      on: [model.before, tool.before]
      match: {model: ["old-*"], tool: ["old_*"]}
      action: flag
"""


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(LIMITED)


def adapter(governor: Governor, kind: str, name: str) -> GovernedCall | None:
    """What an adapter begins for an operation of that name."""
    operation, named = {
        "model": ("chat", "gen_ai.request.model"),
        "tool": ("execute_tool", "gen_ai.tool.name"),
    }[kind]
    return GovernedCall.begin(governor, kind, {"gen_ai.operation.name": operation, named: name})


def begun(governor: Governor, kind: str, name: str) -> GovernedCall:
    call = adapter(governor, kind, name)
    assert call is not None
    return call


def calls(traced: Traced) -> int:
    """How many calls the decisions that were told stand for."""
    return sum(point.endswith(".before") for point in traced.points)


@pytest.mark.parametrize("outer", ["gpt-4o", "openai/gpt-4o"])
def test_an_adapter_within_anothers_call_lets_it_pass(governor: Governor, traced: Traced, outer: str) -> None:
    call = begun(governor, "model", outer)
    call.before(input="hi")
    with call.running():
        assert adapter(governor, "model", "gpt-4o") is None
        assert adapter(governor, "model", "gpt-4o") is None  # a retry
        assert adapter(governor, "model", "4o") is not None
    assert adapter(governor, "model", "gpt-4o") is not None
    assert calls(traced) == 1


def test_another_operation_within_a_call_is_decided(governor: Governor) -> None:
    call = begun(governor, "tool", "research")
    call.before(arguments={})
    with call.running():
        assert adapter(governor, "model", "research") is not None
        inner = begun(governor, "model", "gpt-4o")
        inner.before(input="hi")
        with inner.running():
            assert adapter(governor, "tool", "research") is not None  # not directly within: a step of its own


def test_two_governors_decide_each_for_itself(governor: Governor) -> None:
    call = begun(governor, "model", "gpt-4o")
    call.before(input="hi")
    with call.running():
        assert adapter(Governor.from_text(LIMITED), "model", "gpt-4o") is not None


@pytest.mark.parametrize("name", ["gpt-4o", None])
def test_a_guard_of_ones_own_and_an_adapter_within_count_once(
    governor: Governor, traced: Traced, name: str | None
) -> None:
    for _ in range(2):
        with governor.guard("model", name=name):
            call = begun(governor, "model", "gpt-4o")
            call.before(input="hi")
    assert calls(traced) == 2
    with pytest.raises(PolicyViolation, match="two-calls"), governor.guard("model", name=name):
        pass


def test_the_adapter_within_a_guard_sees_what_the_guard_did_not(governor: Governor, traced: Traced) -> None:
    with governor.guard("model", name="gpt-4o"):
        call = begun(governor, "model", "gpt-4o")
        decision = call.before(input=f"pay {CARD}")
    assert decision.payload["input"] == "pay [REDACTED:pii.card]"
    assert [d.attributes["promethios.decision.enforced"] for d in traced.decisions][:2] == ["allow", "redact"]


def test_what_the_guard_told_is_not_told_again(governor: Governor, traced: Traced) -> None:
    with governor.guard("model", name="old-1"):
        begun(governor, "model", "old-1").before(input="hi")
    assert calls(traced) == 1


def test_the_second_call_within_a_guard_is_another_one(governor: Governor) -> None:
    with governor.guard("model", name="gpt-4o"):
        begun(governor, "model", "gpt-4o").before(input="one")
        begun(governor, "model", "gpt-4o").before(input="two")
        with pytest.raises(PolicyViolation, match="two-calls"):
            begun(governor, "model", "gpt-4o").before(input="three")


def test_a_guard_of_ones_own_within_an_adapters_call_counts_nothing_more(
    governor: Governor, traced: Traced
) -> None:
    @governor.guard("tool")
    def note(text: str) -> str:
        return f"{text} {CARD}"

    for _ in range(2):
        call = begun(governor, "tool", "note")
        call.before(arguments={"text": "hi"})
        with call.running():
            result = note("hi")
        call.after(result=result)
        assert result == "hi [REDACTED:pii.card]"
    assert calls(traced) == 2


def test_a_guarded_function_that_calls_itself_counts_every_time(governor: Governor) -> None:
    @governor.guard("tool")
    def walk(depth: int) -> Any:
        return walk(depth - 1) if depth else "there"

    assert walk(1) == "there"
    with pytest.raises(PolicyViolation, match="two-calls"):
        walk(0)


def test_the_tokens_within_a_guard_count_once(governor: Governor) -> None:
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
    with governor.guard("model", name="gpt-4o", attributes=usage) as guard:
        call = begun(governor, "model", "gpt-4o")
        call.before(input="hi")
        with call.running():
            guard.output = "hello"
        call.after(usage, output="hello")
    assert governor.state.used(Counter("tokens", "", "agent", "unknown")) == 15


FAILING = LIMITED.replace("action: redact", "action: redact\n      onError: block")


def test_what_cannot_be_written_back_is_for_on_error(governor: Governor, traced: Traced) -> None:
    call = begun(governor, "model", "gpt-4o")
    call.before(input=f"pay {CARD}")
    with call.fail_open("redact a request", "input"):
        raise KeyError("a bug of ours")
    told = [event.attributes["promethios.policy.failed"] for d in traced.decisions for event in d.events]
    assert told == [False, True]  # what was told as redacted was not
    closed = Governor.from_text(FAILING)
    call = begun(closed, "model", "gpt-4o")
    call.before(input=f"pay {CARD}")
    with (
        pytest.raises(PolicyViolation, match="'cards' could not be evaluated"),
        call.fail_open("redact a request", "input"),
    ):
        raise KeyError("a bug of ours")
    with (
        pytest.raises(PolicyViolation, match=r"model\.after .*'cards' could not be evaluated"),
        call.fail_open("redact an answer", "output"),
    ):
        raise KeyError("a bug of ours")


def test_what_is_not_ours_passes_through_fail_open(governor: Governor) -> None:
    call = begun(governor, "model", "gpt-4o")
    with pytest.raises(KeyboardInterrupt), call.fail_open("redact a request", "input"):
        raise KeyboardInterrupt
