"""The verdict ``approve``: nobody can be asked yet, so it stops an operation, and says why, everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from openai import OpenAI
from tests.support.governed import Traced

from promethios.governance import Governor, PolicyViolation, Verdict
from promethios.governance.adapters import OpenAIGuard
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.streaming import StreamInspector
from promethios.receiver.demo.llm import StandIn

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: approving, version: "1"}
spec:
  policies:
    - id: ask-first
      severity: high
      on: [tool.before, model.before]
      when: 'tool.name == "send_mail" || model.request == "big-1"'
      action: approve
      onError: block
      message: "a person has to agree"
    - id: ask-after
      severity: high
      on: [tool.after, model.after, response]
      detect: {in: [output, tool.result], any: ["pii.card"]}
      action: approve
      onError: block
      message: "a person has to look at it"
"""
CARD = "4111 1111 1111 1111"
BEFORE = "needs an approval, which nobody can give yet, by policy 'ask-first': a person has to agree"
AFTER = "needs an approval, which nobody can give yet, by policy 'ask-after': a person has to look at it"


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES)


def function(governor: Governor) -> Any:
    return governor.guard("tool", "send_mail")(lambda: None)()


def coroutine(governor: Governor) -> Any:
    async def send_mail() -> None: ...

    return asyncio.run(governor.guard("tool")(send_mail)())


def generator(governor: Governor) -> Any:
    def send_mail() -> Iterator[str]:
        yield "sent"

    return governor.guard("tool")(send_mail)()


def async_generator(governor: Governor) -> Any:
    async def send_mail() -> AsyncIterator[str]:
        yield "sent"

    return governor.guard("tool")(send_mail)()


def context_manager(governor: Governor) -> Any:
    with governor.guard("tool", "send_mail"):
        raise AssertionError("it ran")


def adapter(governor: Governor) -> Any:
    OpenAIGuard().instrument(governor=governor)
    try:
        with StandIn() as llm, OpenAI(base_url=llm.url, api_key="unused") as client:
            try:
                client.chat.completions.create(model="big-1", messages=[{"role": "user", "content": "hi"}])
            finally:
                assert llm.requests == []
    finally:
        OpenAIGuard().uninstrument()


def result(governor: Governor) -> Any:
    return governor.guard("tool", "read")(lambda: CARD)()


def response(governor: Governor) -> Any:
    return governor.guard("response")(lambda: CARD)()


def yielded(governor: Governor) -> Any:
    def answer() -> Iterator[str]:
        yield from (CARD, " and more")

    return list(governor.guard("response")(answer)())  # type: ignore[arg-type]


def stream(governor: Governor) -> Any:
    inspector = StreamInspector(GovernedCall(governor, "model", {}, by_adapter=True))
    return inspector.whole(CARD)


@pytest.mark.parametrize(
    ("enter", "message"),
    [
        *(
            (each, BEFORE)
            for each in (function, coroutine, generator, async_generator, context_manager, adapter)
        ),
        *((each, AFTER) for each in (result, response, yielded, stream)),
    ],
)
def test_what_needs_an_approval_is_stopped_and_says_so(
    governor: Governor, enter: Callable[[Governor], Any], message: str
) -> None:
    with pytest.raises(PolicyViolation) as caught:
        enter(governor)
    assert str(caught.value).endswith(message)
    assert caught.value.decision.enforced is Verdict.APPROVE


def test_the_gate_stops_what_needs_an_approval(governor: Governor, traced: Traced) -> None:
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "send_mail"}
    with pytest.raises(PolicyViolation, match="needs an approval, which nobody can give yet"):
        traced.provider.get_tracer("acme").start_span("execute_tool send_mail", attributes=attributes)
    assert [span.attributes["promethios.decision.enforced"] for span in traced.decisions] == ["approve"]
