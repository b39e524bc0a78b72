"""Whatever breaks inside: where a policy says ``onError: block`` nothing runs, else everything does.

Bugs are injected through what applications hand in (arguments, attributes, results, policies, plug-ins,
clocks, providers), at every entry point, with the same policies once closed and once open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

from promethios.governance import GovernanceLogProcessor, GovernanceSpanProcessor, Governor, PolicyViolation
from promethios.governance.adapters import OpenAIGuard
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle
from promethios.receiver.demo.llm import StandIn

POINTS = "[model.before, model.after, tool.before, tool.after, response]"
FIELDS = "[input, output, tool.arguments, tool.result]"
DETECTING = f"on: {POINTS}, detect: {{in: {FIELDS}, any: [pii.card]}}, action: redact"
PLUGGED = f"on: {POINTS}, detect: {{in: {FIELDS}, any: [custom.broken]}}, action: redact"
ASKING = f"""on: {POINTS}, when: 'attributes["no.such.key"] == "x"', action: flag"""
NAMING = f"""on: {POINTS}, when: 'agent.name == "clerk"', action: flag"""
LIMITING = (
    "on: [model.before, tool.before], limit: {of: calls, max: 100, per: agent, window: 1m}, action: flag"
)
TOTALLING = "on: [model.before, tool.before], limit: {of: calls, max: 100, per: agent}, action: flag"
TEXT = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: bugs, version: "1"}
spec:
  detectors:
    - {id: custom.broken, pattern: 'it'}
  policies:
"""


class InjectedError(Exception):
    """What every injected bug raises."""


def broken(*_: Any, **__: Any) -> Any:
    """Fail, whatever is asked."""
    raise InjectedError("injected")


class Hostile:
    """An object that answers nothing."""

    __str__ = __repr__ = __eq__ = __hash__ = broken
    __iter__ = __len__ = __bool__ = __getattr__ = broken


class HostileText(str):
    """A text that fails wherever Python asks the object itself."""

    __str__ = __eq__ = __hash__ = __len__ = __format__ = broken


class HostileMap(Mapping[str, Any]):
    """A mapping that says it has something, and does not give it."""

    __getitem__ = __iter__ = broken

    def __len__(self) -> int:
        return 1


class BrokenProvider:
    """Fails at everything a tracer or meter provider is asked for."""

    __getattr__ = broken


@dataclass(frozen=True)
class Bug:
    """One thing that goes wrong.

    Args:
        policy: The policy that it is about, without its ``onError``.
        decides: Whether the policy cannot be evaluated by it; else only telemetry is concerned.
        argument: What the operation is called with.
        attributes: What is said about it.
        inject: Puts the bug into a governor.
    """

    policy: str
    decides: bool = True
    argument: Any = "it"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    inject: Callable[[Governor], None] = lambda governor: None


def _break_clock(governor: Governor) -> None:
    governor.state = State(clock=broken)


def _break_lane(governor: Governor) -> None:
    governor.set_decision_lane(BrokenProvider())  # type: ignore[arg-type]


def _break_provider(governor: Governor) -> None:
    governor.set_tracer_provider(BrokenProvider())  # type: ignore[arg-type]


def _break_meter(governor: Governor) -> None:
    governor.set_meter_provider(BrokenProvider())  # type: ignore[arg-type]


BUGS = {
    "argument": Bug(DETECTING, argument=Hostile()),
    "argument within": Bug(DETECTING, argument={"a": [Hostile()]}),
    "mapping": Bug(DETECTING, argument=HostileMap()),
    "attribute": Bug(NAMING, attributes={"gen_ai.agent.name": Hostile()}),
    "text": Bug(NAMING, attributes={"gen_ai.agent.name": HostileText("it")}),
    "condition": Bug(ASKING),
    "detector": Bug(PLUGGED),
    "clock of a window": Bug(LIMITING, inject=_break_clock),
    "clock of a total": Bug(TOTALLING, inject=_break_clock),
    "lane": Bug(TOTALLING, decides=False, inject=_break_lane),
    "provider": Bug(TOTALLING, decides=False, inject=_break_provider),
    "meter": Bug(TOTALLING, decides=False, inject=_break_meter),
}


def governor_of(bug: Bug, on_error: str) -> Governor:
    """A governor with the bug in it."""
    text = f"{TEXT}    - {{id: tested, severity: high, onError: {on_error}, {bug.policy}}}\n"
    bundle = parse_bundle(text)
    detectors = tuple(replace(each, check=broken) for each in bundle.detectors)
    governor = Governor(replace(bundle, detectors=detectors))
    bug.inject(governor)
    return governor


def through_function(governor: Governor, bug: Bug, ran: list[int]) -> Any:
    @governor.guard("tool", attributes=bug.attributes)
    def work(given: Any) -> str:
        ran.append(1)
        return "done"

    return work(bug.argument)


def through_coroutine(governor: Governor, bug: Bug, ran: list[int]) -> Any:
    @governor.guard("tool", attributes=bug.attributes)
    async def work(given: Any) -> str:
        ran.append(1)
        return "done"

    return asyncio.run(work(bug.argument))


def through_generator(governor: Governor, bug: Bug, ran: list[int]) -> Any:
    @governor.guard("tool", attributes=bug.attributes)
    def work(given: Any) -> Iterator[str]:
        ran.append(1)
        yield "do"
        yield "ne"

    return "".join(work(bug.argument))


def through_async_generator(governor: Governor, bug: Bug, ran: list[int]) -> Any:
    @governor.guard("tool", attributes=bug.attributes)
    async def work(given: Any) -> AsyncIterator[str]:
        ran.append(1)
        yield "do"
        yield "ne"

    async def gathered() -> str:
        return "".join([text async for text in work(bug.argument)])

    return asyncio.run(gathered())


def through_context_manager(governor: Governor, bug: Bug, ran: list[int]) -> Any:
    with governor.guard("model", "m", input=bug.argument, attributes=bug.attributes) as guard:
        ran.append(1)
        guard.output = "done"
    return guard.output


def through_async_context_manager(governor: Governor, bug: Bug, ran: list[int]) -> Any:
    async def work() -> Any:
        async with governor.guard("tool", "t", arguments=bug.argument, attributes=bug.attributes) as guard:
            ran.append(1)
            guard.result = "done"
        return guard.result

    return asyncio.run(work())


GUARDS = {
    "function": through_function,
    "coroutine": through_coroutine,
    "generator": through_generator,
    "async generator": through_async_generator,
    "context manager": through_context_manager,
    "async context manager": through_async_context_manager,
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def check(
    run: Callable[[Governor, Bug, list[int]], Any], bug: Bug, on_error: str, expected: Any = "done"
) -> None:
    """Run with the bug, and see that the operation ran, or not, as the policy says."""
    ran: list[int] = []
    governor = governor_of(bug, on_error)
    if bug.decides and on_error == "block":
        with pytest.raises(PolicyViolation, match="'tested' could not be evaluated"):
            run(governor, bug, ran)
        assert ran == []
    else:
        assert run(governor, bug, ran) == expected
        assert ran == [1]


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_is_open_or_closed_as_the_policy_says(guard: str, bug: str, on_error: str) -> None:
    check(GUARDS[guard], BUGS[bug], on_error)


RESULTS = {"object": Hostile(), "within": {"a": [Hostile()]}, "mapping": HostileMap()}


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("kind", ["function", "coroutine", "generator", "async generator"])
def test_a_result_that_cannot_be_read_is_withheld_or_given_as_it_is(
    kind: str, result: str, on_error: str
) -> None:
    governor, own = governor_of(Bug(DETECTING), on_error), RESULTS[result]

    def work() -> Any:
        return own

    async def work_async() -> Any:
        return own

    def give() -> Iterator[Any]:
        yield own

    async def give_async() -> AsyncIterator[Any]:
        yield own

    async def first(values: Any) -> Any:
        return await anext(values)

    guard: Any = governor.guard("tool")
    runs: dict[str, Callable[[], Any]] = {
        "function": guard(work),
        "coroutine": lambda: asyncio.run(guard(work_async)()),
        "generator": lambda: next(guard(give)()),
        "async generator": lambda: asyncio.run(first(guard(give_async)())),
    }
    if on_error == "block":
        with pytest.raises(PolicyViolation, match="'tested' could not be evaluated"):
            runs[kind]()
    else:
        assert runs[kind]() is own


@pytest.fixture(scope="module")
def llm() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


def _ask(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "say it"}], **more)


def openai_sync(url: str) -> None:
    with OpenAI(base_url=url, api_key="unused", max_retries=0) as client:
        assert _ask(client).choices[0].message.content


def openai_stream(url: str) -> None:
    with OpenAI(base_url=url, api_key="unused", max_retries=0) as client:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in _ask(client, stream=True))


def openai_async(url: str) -> None:
    async def ask() -> None:
        async with AsyncOpenAI(base_url=url, api_key="unused", max_retries=0) as client:
            assert (await _ask(client)).choices[0].message.content

    asyncio.run(ask())


def openai_async_stream(url: str) -> None:
    async def ask() -> None:
        async with AsyncOpenAI(base_url=url, api_key="unused", max_retries=0) as client:
            assert [chunk async for chunk in await _ask(client, stream=True)]

    asyncio.run(ask())


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize(
    "bug", ["condition", "detector", "clock of a window", "clock of a total", "lane", "meter"]
)
@pytest.mark.parametrize("ask", [openai_sync, openai_stream, openai_async, openai_async_stream])
def test_an_adapter_is_open_or_closed_as_the_policy_says(
    llm: StandIn, ask: Callable[[str], None], bug: str, on_error: str
) -> None:
    def run(governor: Governor, _: Bug, ran: list[int]) -> str:
        before = len(llm.requests)
        OpenAIGuard().instrument(governor=governor)
        try:
            ask(llm.url)
        finally:
            OpenAIGuard().uninstrument()
            ran.extend([1] * (len(llm.requests) - before))
        return "done"

    check(run, BUGS[bug], on_error)


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize(
    "ask", [openai_sync, openai_stream, openai_async, openai_async_stream], ids=lambda each: each.__name__
)
def test_an_answer_that_cannot_be_decided_is_withheld_or_given(
    llm: StandIn, ask: Callable[[str], None], on_error: str
) -> None:
    after = Bug(ASKING.replace(POINTS, "[model.after]"))
    OpenAIGuard().instrument(governor=governor_of(after, on_error))
    try:
        if on_error == "block":
            with pytest.raises(PolicyViolation, match=r"model\.after .*'tested' could not be evaluated"):
                ask(llm.url)
        else:
            ask(llm.url)
    finally:
        OpenAIGuard().uninstrument()


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize(
    "bug", ["text", "condition", "clock of a window", "clock of a total", "lane", "meter"]
)
def test_the_gate_is_open_or_closed_as_the_policy_says(bug: str, on_error: str) -> None:
    def run(governor: Governor, given: Bug, ran: list[int]) -> str:
        provider = TracerProvider()
        provider.add_span_processor(GovernanceSpanProcessor(governor))
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **given.attributes}
        try:
            with provider.get_tracer("acme").start_as_current_span("chat m", attributes=attributes):
                ran.append(1)
        finally:
            provider.shutdown()
        return "done"

    check(run, BUGS[bug], on_error)


# The SDK itself raises for other objects, whoever listens.
OF_SPANS = [name for name in BUGS if name not in ("argument", "argument within", "mapping", "attribute")]


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize("bug", OF_SPANS)
def test_the_processor_never_raises(bug: str, on_error: str) -> None:
    """Where the gate has nothing to decide, because what the span is comes later."""
    governor, given = governor_of(BUGS[bug], on_error), BUGS[bug]
    provider = TracerProvider()
    provider.add_span_processor(GovernanceSpanProcessor(governor))
    with provider.get_tracer("acme").start_as_current_span("chat m") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.input.messages", HostileText(given.argument))
        span.set_attributes(given.attributes)
        span.add_event("said", {"content": HostileText(given.argument)})
    provider.shutdown()


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize("body", [*RESULTS, "text"])
def test_the_log_processor_never_raises(body: str, on_error: str) -> None:
    given = RESULTS[body] if body in RESULTS else HostileText("it")
    kept, provider = InMemoryLogRecordExporter(), LoggerProvider()
    provider.add_log_record_processor(GovernanceLogProcessor(governor_of(Bug(DETECTING), on_error)))
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    provider.get_logger("acme").emit(body=given, attributes={"x": "y"})
    provider.shutdown()
    assert len(kept.get_finished_logs()) == 1


@pytest.mark.parametrize("on_error", ["block", "flag"])
@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("ask", ["evaluate", "decide", "observe", "peek"])
def test_evaluating_never_raises(ask: str, bug: str, on_error: str) -> None:
    governor, given = governor_of(BUGS[bug], on_error), BUGS[bug]
    operation = Operation("tool.before", dict(given.attributes), arguments=given.argument)
    decision = getattr(governor, ask)(operation)
    counted = ask != "peek" or not bug.startswith("clock")  # which asks a clock only for what was before
    if given.decides and counted:
        assert [match.failed for match in decision.matches] == [True]
        assert decision.enforced == ("flag" if ask == "observe" else on_error)
    else:
        assert decision.matches == ()


@pytest.mark.parametrize("on_error", ["block", "flag"])
def test_attributes_that_cannot_be_listed_are_for_on_error(on_error: str) -> None:
    governor = governor_of(Bug(NAMING), on_error)
    decision = governor.decide(Operation("tool.before", HostileMap()))
    assert decision.enforced == on_error
