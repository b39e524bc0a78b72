"""What the span processor achieves without any adapter: each instrumentation as it is, and real libraries.

An instrumentation that says model and provider at its span's start, and lets through what is raised there,
has its calls blocked before a byte leaves. The others are seen: told once, when the span ends, and as a flag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import httpx
import pytest
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    set_trace_processors,
    set_tracing_disabled,
)
from anthropic import Anthropic, AsyncAnthropic
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pydantic import SecretStr
from tests.support import providers
from tests.support.governed import CARD, MakeTraced, Traced

from promethios.governance import GovernanceSpanProcessor, Governor, find_violation
from promethios.governance.enforcement.stop import PolicyStop
from promethios.receiver.demo.llm import StandIn

# OpenLLMetry's own imports warn.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: alone, version: "1"}
spec:
  policies:
    - id: models
      severity: high
      on: [model.before]
      params: {denied: [gpt-4, claude-2]}
      when: model.request in params.denied
      action: block
      onError: block
    - id: agents
      severity: high
      on: [agent.before]
      when: agent.name == "rogue"
      action: block
      onError: block
    - id: cards
      severity: high
      on: [model.before, model.after]
      detect: {in: [input, output], any: ["pii.card"]}
      action: redact
    - id: budget
      severity: low
      on: [model.before]
      limit: {of: calls, max: 1, per: conversation}
      action: flag
"""


@dataclass
class Wire:
    """What left the process, and where to."""

    openai: StandIn
    anthropic: providers.Anthropic

    @property
    def requests(self) -> int:
        return len(self.openai.requests) + len(self.anthropic.requests)


Call = Callable[[Wire, str, str], Any]


def openai_sync(wire: Wire, model: str, text: str) -> Any:
    client = OpenAI(base_url=wire.openai.url, api_key="k", max_retries=0)
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


def openai_async(wire: Wire, model: str, text: str) -> Any:
    async def run() -> Any:
        async with AsyncOpenAI(base_url=wire.openai.url, api_key="k", max_retries=0) as client:
            return await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": text}]
            )

    return asyncio.run(run())


def anthropic_sync(wire: Wire, model: str, text: str) -> Any:
    client = Anthropic(base_url=wire.anthropic.url, api_key="k", max_retries=0)
    return client.messages.create(model=model, max_tokens=9, messages=[{"role": "user", "content": text}])


def anthropic_async(wire: Wire, model: str, text: str) -> Any:
    async def run() -> Any:
        async with AsyncAnthropic(base_url=wire.anthropic.url, api_key="k", max_retries=0) as client:
            return await client.messages.create(
                model=model, max_tokens=9, messages=[{"role": "user", "content": text}]
            )

    return asyncio.run(run())


def langchain_sync(wire: Wire, model: str, text: str) -> Any:
    with httpx.Client() as http:
        return chat(wire, model, http_client=http).invoke(text)


def langchain_async(wire: Wire, model: str, text: str) -> Any:
    async def run() -> Any:
        async with httpx.AsyncClient() as http:
            return await chat(wire, model, http_async_client=http).ainvoke(text)

    return asyncio.run(run())


def chat(wire: Wire, model: str, **client: Any) -> ChatOpenAI:
    key = SecretStr("k")
    return ChatOpenAI(model=model, base_url=wire.openai.url, api_key=key, max_retries=0, **client)


def agents(wire: Wire, model: str, text: str) -> Any:
    async def run() -> Any:
        async with AsyncOpenAI(base_url=wire.openai.url, api_key="k", max_retries=0) as client:
            answers = OpenAIChatCompletionsModel(model=model, openai_client=client)
            return await Runner.run(Agent(name="clerk", model=answers), text)

    return asyncio.run(run())


#: The instrumentation's distribution, where its instrumentor is, and what its calls become.
OFFICIAL_OPENAI = "opentelemetry-instrumentation-genai-openai"
OPENLLMETRY_OPENAI = "opentelemetry-instrumentation-openai"
OPENINFERENCE_OPENAI = "openinference-instrumentation-openai"
INSTRUMENTORS = {
    OFFICIAL_OPENAI: "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    OPENLLMETRY_OPENAI: "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
    OPENINFERENCE_OPENAI: "openinference.instrumentation.openai:OpenAIInstrumentor",
    "opentelemetry-instrumentation-genai-anthropic": (
        "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor"
    ),
    "opentelemetry-instrumentation-anthropic": (
        "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor"
    ),
    "openinference-instrumentation-anthropic": (
        "openinference.instrumentation.anthropic:AnthropicInstrumentor"
    ),
    "opentelemetry-instrumentation-genai-langchain": (
        "opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor"
    ),
    "opentelemetry-instrumentation-langchain": "tests.support.relay:LangchainInstrumentor",
    "openinference-instrumentation-langchain": (
        "openinference.instrumentation.langchain:LangChainInstrumentor"
    ),
    "opentelemetry-instrumentation-genai-openai-agents": (
        "opentelemetry.instrumentation.genai.openai_agents:OpenAIAgentsInstrumentor"
    ),
    "openinference-instrumentation-openai-agents": (
        "openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor"
    ),
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with StandIn() as openai, providers.Anthropic() as anthropic:
        yield Wire(openai, anthropic)


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES)


@pytest.fixture
def instrument(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    set_trace_processors([])
    set_tracing_disabled(False)
    used: list[Any] = []

    def put_on(*distributions: str, provider: TracerProvider = traced.provider) -> None:
        for distribution in distributions:
            module, name = INSTRUMENTORS[distribution].split(":")
            used.append(getattr(import_module(module), name)())
            used[-1].instrument(tracer_provider=provider)

    yield put_on
    for each in reversed(used):
        each.uninstrument()
    set_trace_processors([])
    set_tracing_disabled(True)


def told(traced: Traced, point: str) -> list[tuple[str, str]]:
    """Verdict and what was enforced of each decision at `point`."""
    found = [dict(span.attributes or {}) for span in traced.decisions]
    return [
        (str(each["promethios.decision.verdict"]), str(each["promethios.decision.enforced"]))
        for each in found
        if each["promethios.decision.point"] == point
    ]


def cases(*table: tuple[str, str, str, Call, str]) -> list[Any]:
    """A row for each call: distribution, what is achieved, how, the call, and the denied model."""
    return [
        pytest.param(
            *(distribution, what, call, denied),
            marks=pytest.mark.proves(f"processor alone: {distribution}", "model.before", what, how),
            id=f"{distribution}-{how}",
        )
        for distribution, what, how, call, denied in table
    ]


ANTHROPIC = "opentelemetry-instrumentation-genai-anthropic"
MODELS = cases(
    (OFFICIAL_OPENAI, "blocked", "sync", openai_sync, "gpt-4"),
    (OFFICIAL_OPENAI, "blocked", "async", openai_async, "gpt-4"),
    (OPENLLMETRY_OPENAI, "seen", "sync", openai_sync, "gpt-4"),
    (OPENLLMETRY_OPENAI, "seen", "async", openai_async, "gpt-4"),
    (OPENINFERENCE_OPENAI, "seen", "sync", openai_sync, "gpt-4"),
    (OPENINFERENCE_OPENAI, "seen", "async", openai_async, "gpt-4"),
    (ANTHROPIC, "blocked", "sync", anthropic_sync, "claude-2"),
    (ANTHROPIC, "blocked", "async", anthropic_async, "claude-2"),
    ("opentelemetry-instrumentation-anthropic", "seen", "sync", anthropic_sync, "claude-2"),
    ("opentelemetry-instrumentation-anthropic", "seen", "async", anthropic_async, "claude-2"),
    ("openinference-instrumentation-anthropic", "seen", "sync", anthropic_sync, "claude-2"),
    ("openinference-instrumentation-anthropic", "seen", "async", anthropic_async, "claude-2"),
    ("opentelemetry-instrumentation-genai-langchain", "seen", "sync", langchain_sync, "gpt-4"),
    ("opentelemetry-instrumentation-genai-langchain", "seen", "async", langchain_async, "gpt-4"),
    ("opentelemetry-instrumentation-langchain", "seen", "sync", langchain_sync, "gpt-4"),
    ("opentelemetry-instrumentation-langchain", "seen", "async", langchain_async, "gpt-4"),
    ("openinference-instrumentation-langchain", "seen", "sync", langchain_sync, "gpt-4"),
    ("openinference-instrumentation-langchain", "seen", "async", langchain_async, "gpt-4"),
    ("openinference-instrumentation-openai-agents", "seen", "async", agents, "gpt-4"),
)


@pytest.mark.parametrize(("distribution", "what", "call", "denied"), MODELS)
def test_a_denied_model_is_blocked_or_told_as_what_it_is(
    wire: Wire, traced: Traced, instrument: Any, distribution: str, what: str, call: Call, denied: str
) -> None:
    instrument(distribution)
    if what == "blocked":
        with pytest.raises(Exception, match="models") as caught:
            call(wire, denied, "hello")
        assert find_violation(caught.value) is not None
        assert (wire.requests, told(traced, "model.before")) == (0, [("block", "block")])
    else:
        call(wire, denied, "hello")
        assert (wire.requests, told(traced, "model.before")) == (1, [("block", "flag")])


@pytest.mark.parametrize(("distribution", "what", "call", "denied"), MODELS[::2])
def test_an_allowed_call_is_decided_once_and_its_content_redacted(
    wire: Wire, traced: Traced, instrument: Any, distribution: str, what: str, call: Call, denied: str
) -> None:
    instrument(distribution)
    call(wire, "other-model", f"my card is {CARD}")
    assert wire.requests == 1
    assert len(told(traced, "model.before")) == 1
    assert len(told(traced, "model.after")) == 1
    assert " 1111" not in traced.everything()


def test_an_agents_name_is_known_in_time_to_flag_it(wire: Wire, traced: Traced, instrument: Any) -> None:
    instrument("opentelemetry-instrumentation-genai-openai-agents")
    agents(wire, "other-model", "hello")
    assert told(traced, "agent.before") == [("allow", "allow")]


TOGETHER = {
    "three around one client": ((OFFICIAL_OPENAI, OPENINFERENCE_OPENAI, OPENLLMETRY_OPENAI), openai_sync),
    "three the other way round": ((OPENLLMETRY_OPENAI, OPENINFERENCE_OPENAI, OFFICIAL_OPENAI), openai_sync),
    "two that say it late": ((OPENLLMETRY_OPENAI, OPENINFERENCE_OPENAI), openai_sync),
    "callbacks beside the client's": (
        ("opentelemetry-instrumentation-langchain", OFFICIAL_OPENAI),
        langchain_sync,
    ),
    "callbacks beside one that is late": (
        ("openinference-instrumentation-langchain", OPENINFERENCE_OPENAI),
        langchain_sync,
    ),
    "the official ones": (("opentelemetry-instrumentation-genai-langchain", OFFICIAL_OPENAI), langchain_sync),
    "an official one and another's": (
        ("opentelemetry-instrumentation-genai-langchain", OPENINFERENCE_OPENAI),
        langchain_sync,
    ),
    "callbacks and async": (("opentelemetry-instrumentation-langchain", OFFICIAL_OPENAI), langchain_async),
    "agents": (("openinference-instrumentation-openai-agents", OFFICIAL_OPENAI), agents),
}


@pytest.mark.parametrize("within", [True, False], ids=["in a trace", "each a trace of its own"])
@pytest.mark.parametrize(("distributions", "call"), TOGETHER.values(), ids=TOGETHER)
def test_several_instrumentations_of_one_call_decide_it_once(
    wire: Wire, traced: Traced, instrument: Any, distributions: tuple[str, ...], call: Call, within: bool
) -> None:
    instrument(*distributions)
    for _ in range(2):
        if within:
            with traced.provider.get_tracer("app").start_as_current_span("request"):
                call(wire, "other-model", "hello")
        else:
            call(wire, "other-model", "hello")
    assert wire.requests == 2
    verdicts = told(traced, "model.before")
    assert verdicts == [("allow", "allow"), ("flag", "flag")]  # the second call of two, and no more
    assert len(told(traced, "model.after")) == 2


SWALLOWING = [
    ("opentelemetry-instrumentation-genai-langchain", langchain_sync),
    ("opentelemetry-instrumentation-genai-langchain", langchain_async),
]


@pytest.mark.parametrize(("distribution", "call"), SWALLOWING)
def test_a_hard_stop_blocks_where_a_violation_would_be_swallowed(
    wire: Wire, instrument: Any, distribution: str, call: Call
) -> None:
    traced = Traced(TracerProvider())
    hard = GovernanceSpanProcessor(Governor.from_text(POLICIES), hard_stop=True)
    traced.provider.add_span_processor(hard)
    traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
    instrument(distribution, provider=traced.provider)
    with pytest.raises(PolicyStop, match=r"model\.before blocked by policy 'models'") as caught:
        call(wire, "gpt-4", "hello")
    assert find_violation(caught.value) is not None
    assert (wire.requests, told(traced, "model.before")) == (0, [("block", "block")])
    traced.provider.shutdown()


def test_g13_the_processor_alone_blocks_what_is_not_sampled(
    wire: Wire, traced_with: MakeTraced, instrument: Any
) -> None:
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    traced = traced_with(sampler=TraceIdRatioBased(0.0))
    instrument(OFFICIAL_OPENAI, provider=traced.provider)
    with pytest.raises(Exception, match="models"):
        openai_sync(wire, "gpt-4", "hello")
    assert (wire.requests, traced.decisions) == (0, [])
