"""Guards: the operation does not run when it is blocked, and sees what is left after redaction."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from opentelemetry.trace import StatusCode
from pydantic import BaseModel
from tests.support.governed import CARD, POLICIES, Traced

from promethios.governance import Governor, PolicyViolation, Verdict, find_violation, is_violation


def test_a_blocked_function_never_runs(governor: Governor) -> None:
    ran = []

    @governor.guard("tool")
    def delete_user(user: str) -> None:
        ran.append(user)

    with pytest.raises(PolicyViolation, match=r"^tool\.before blocked by policy 'no-delete': nothing may"):
        delete_user("ann")
    assert ran == []


def test_a_blocked_coroutine_never_runs(governor: Governor) -> None:
    ran = []

    @governor.guard("tool", name="delete_user")
    async def remove(user: str) -> None:
        ran.append(user)

    with pytest.raises(PolicyViolation):
        asyncio.run(remove("ann"))
    assert ran == []


def test_a_function_is_called_with_redacted_arguments(governor: Governor) -> None:
    @governor.guard("tool")
    def note(text: str, *, tags: list[str], **rest: Any) -> tuple[Any, ...]:
        return text, tags, rest

    text, tags, rest = note(f"pay {CARD}", tags=[CARD, "x"], other=CARD)
    assert CARD not in f"{text}{tags}{rest}"
    assert tags[1] == "x"
    assert text.startswith("pay ")


def test_a_method_keeps_its_object(governor: Governor) -> None:
    class Desk:
        notes: ClassVar[list[tuple[Desk, str]]] = []

        @governor.guard("tool")
        def note(self, text: str) -> None:
            self.notes.append((self, text))

    desk = Desk()
    desk.note(f"pay {CARD}")
    ((owner, text),) = desk.notes
    assert owner is desk
    assert CARD not in text


@dataclass(frozen=True)
class Payment:
    card: str
    when: date
    amount: Decimal


class Order(BaseModel):
    payments: list[Payment]


def test_objects_are_looked_into_and_keep_their_types(governor: Governor) -> None:
    @governor.guard("tool")
    def book(order: Order) -> Order:
        return order

    order = Order(payments=[Payment(CARD, date(2026, 1, 2), Decimal("9.50"))])
    (payment,) = book(order).payments
    assert CARD not in payment.card
    assert (payment.when, payment.amount) == (date(2026, 1, 2), Decimal("9.50"))


def test_an_object_that_cannot_be_looked_into_is_told_by_on_error(governor: Governor) -> None:
    @governor.guard("tool")
    def connect() -> object:
        return object()

    with pytest.raises(PolicyViolation, match="'secret-results' could not be evaluated"):
        connect()


def test_a_result_is_redacted(governor: Governor) -> None:
    @governor.guard("tool")
    async def read() -> dict[str, Any]:
        return {"rows": [{"card": CARD, "id": 7}]}

    rows = asyncio.run(read())["rows"]
    assert rows[0]["id"] == 7
    assert CARD not in str(rows)


def test_a_blocked_result_is_withheld(governor: Governor) -> None:
    @governor.guard("tool")
    def read() -> str:
        return "AKIAIOSFODNN7EXAMPLQ is the key"

    with pytest.raises(PolicyViolation, match=r"tool\.after blocked by policy 'secret-results'"):
        read()


def test_a_context_manager_decides_before_and_after(governor: Governor) -> None:
    with governor.guard("tool", name="note", arguments={"text": CARD}) as call:
        assert CARD not in call.arguments["text"]
        call.result = f"noted {CARD}"
    assert call.result.startswith("noted ")
    assert CARD not in call.result


def test_an_async_context_manager_blocks_on_entering(governor: Governor) -> None:
    async def use() -> None:
        async with governor.guard("tool", name="delete_all"):
            raise AssertionError("the body ran")

    with pytest.raises(PolicyViolation):
        asyncio.run(use())


def test_a_response_is_redacted_before_it_leaves(governor: Governor) -> None:
    @governor.guard("response")
    def answer() -> str:
        return f"your card is {CARD}"

    assert CARD not in answer()


def test_what_the_function_raises_reaches_the_caller_unchanged(governor: Governor) -> None:
    @governor.guard("tool")
    def fail() -> None:
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        fail()


def test_an_unknown_kind_is_named(governor: Governor) -> None:
    with pytest.raises(ValueError, match="cannot guard 'tools': a guard's kind is one of tool, model"):
        governor.guard("tools")


def test_a_guard_opens_the_span_of_its_operation(governor: Governor, traced: Traced) -> None:
    with governor.conversation("c-1", agent="clerk"), governor.guard("tool", name="note"):
        pass
    (span,) = traced.spans("execute_tool note")
    decision = traced.decisions[0]
    assert decision.parent is not None
    assert decision.parent.span_id == span.context.span_id
    assert span.attributes["promethios.decision.id"] == decision.attributes["promethios.decision.id"]
    assert decision.attributes["gen_ai.conversation.id"] == "c-1"
    assert decision.attributes["gen_ai.agent.name"] == "clerk"


def test_a_blocked_operation_is_an_error_on_its_span(governor: Governor, traced: Traced) -> None:
    with pytest.raises(PolicyViolation), governor.guard("tool", name="delete_all"):
        pass
    (span,) = traced.spans("execute_tool delete_all")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["promethios.decision.enforced"] == "block"


def test_a_decision_tells_its_reason_and_never_the_content(governor: Governor, traced: Traced) -> None:
    with governor.guard("tool", name="note", arguments={"text": CARD}):
        pass
    (event,) = traced.decisions[0].events
    assert event.name == "gen_ai.guardrail.result"
    assert event.attributes["gen_ai.guardrail.policy.id"] == "cards"
    assert event.attributes["gen_ai.guardrail.policy.rule.id"] == "pii.card"
    assert event.attributes["gen_ai.guardrail.result.type"] == "redact"
    assert " 1111" not in traced.everything()


def test_decisions_are_numbered_without_gaps(governor: Governor, traced: Traced) -> None:
    for _ in range(5):
        with governor.guard("tool", name="note"):
            pass
    numbers = [decision.attributes["promethios.decision.seq"] for decision in traced.decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    ids = {decision.attributes["promethios.decision.id"] for decision in traced.decisions}
    assert len(ids) == len(numbers)


def test_a_violation_is_found_behind_what_wraps_it(governor: Governor) -> None:
    try:
        try:
            with governor.guard("tool", name="delete_all"):
                pass
        except PolicyViolation as violation:
            raise RuntimeError("the framework's own") from violation
    except RuntimeError as error:
        assert is_violation(error)
        assert is_violation(ExceptionGroup("several", [ValueError(), error]))
        assert find_violation(error) is error.__cause__
    assert not is_violation(ValueError())


def test_a_violation_carries_no_content_and_survives_pickling(governor: Governor) -> None:
    guard = governor.guard("tool", name="delete_x", arguments={"a": CARD})
    with pytest.raises(PolicyViolation) as caught, guard:
        pass
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.policy_id == "no-delete"
    assert again.decision.enforced is Verdict.BLOCK
    assert CARD not in repr(again.decision)
    assert again.decision.payload == {}


def test_failing_telemetry_never_reaches_the_caller(
    governor: Governor, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        resource = None

        def get_tracer(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("no tracer today")

    governor.set_decision_lane(Broken())  # type: ignore[arg-type]
    with governor.guard("tool", name="note") as call:
        call.result = "ok"
    assert call.result == "ok"
    assert "cannot tell decision" in caplog.text


def test_a_span_that_cannot_be_opened_never_reaches_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def get_tracer(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("no tracer today")

    governor = Governor.from_text(POLICIES, tracer_provider=Broken())  # type: ignore[arg-type]
    with governor.guard("tool", name="note") as call:
        call.result = "ok"
    assert call.result == "ok"
    assert "cannot open the span 'execute_tool note'" in caplog.text


def test_a_resource_that_cannot_be_read_never_reaches_the_caller() -> None:
    class Broken:
        @property
        def resource(self) -> Any:
            raise RuntimeError("no resource today")

    governor = Governor.from_text(POLICIES, tracer_provider=Broken())  # type: ignore[arg-type]
    with governor.guard("tool", name="note") as call:
        call.result = "ok"
    assert call.result == "ok"
