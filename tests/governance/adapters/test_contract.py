"""What the adapter of every library that calls models does: one suite, with providers on real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from tests.support.agents import run_without_sdk
from tests.support.governed import CARD, POLICIES, MakeTraced, Traced
from tests.support.libraries import ALLOWED, DENIED, LIBRARIES, Answer, Instrumentation, Library
from tests.support.providers import Provider, Reply, ToolUse

from promethios.governance import GovernanceLogProcessor, Governor, PolicyViolation, find_violation
from promethios.governance.adapters import instrument_all, uninstrument_all

# The libraries and the instrumentations warn of each other; what warns of us is an error.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.filterwarnings("error:::promethios")]

SECRET = "AKIA" + "IOSFODNN7EXAMPLE"
MORE = """
    - id: no-keys-in-answers
      severity: critical
      on: [model.after]
      detect: {in: [output], any: ["secret.*"]}
      action: block
      onError: block
      message: "a key must not reach the caller"
"""


def cases(point: str = "", what: str = "") -> Any:
    """Every library in every way that it can be asked, with the mark of what the test proves."""

    def one(library: Library, how: str) -> Any:
        marks = [pytest.mark.proves(library.distribution, point, what, how)] if point else []
        return pytest.param(library, how, id=f"{library.distribution}-{how.replace(' ', '-')}", marks=marks)

    each = [one(library, how) for library in LIBRARIES for how in library.hows]
    return pytest.mark.parametrize(("library", "how"), each)


def libraries() -> Any:
    return pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.distribution)


def instrumented_libraries() -> Any:
    each = [
        pytest.param(library, number, id=f"{instrumentation.name}")
        for library in LIBRARIES
        if library.distribution != "litellm"  # whose instrumentations are those of what is below it
        for number, instrumentation in enumerate(library.instrumentations())
    ]
    return pytest.mark.parametrize(("library", "number"), each)


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES + MORE)


@pytest.fixture
def guard(governor: Governor) -> Iterator[None]:
    instrument_all(governor)
    yield
    uninstrument_all()


@pytest.fixture
def serve(library: Library) -> Iterator[Callable[..., Provider]]:
    with ExitStack() as opened:
        yield lambda *replies: opened.enter_context(library.provider(*replies))


Serve = Callable[..., Provider]


@contextmanager
def instrumented(
    instrumentation: Instrumentation, traced: Traced, governor: Governor, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InMemoryLogRecordExporter]:
    """An instrumentation that captures all content, in spans and in logs."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", instrumentation.captures)
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    exporter, logs = InMemoryLogRecordExporter(), LoggerProvider()
    logs.add_log_record_processor(GovernanceLogProcessor(governor))
    logs.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with instrumentation.on(tracer_provider=traced.provider, logger_provider=logs):
        yield exporter
    logs.shutdown()


@cases("model.before", "blocked")
def test_a_denied_model_is_never_asked(library: Library, how: str, serve: Serve, guard: None) -> None:
    server = serve()
    with pytest.raises(PolicyViolation, match=r"^model\.before blocked by policy 'models': model 'gpt-4' is"):
        library.ask(server, how, model=DENIED)
    assert server.requests == []


@cases("model.before", "redacted")
def test_the_request_leaves_redacted(library: Library, how: str, serve: Serve, guard: None) -> None:
    server = serve()
    library.ask(server, how, f"pay with {CARD} now")
    (request,) = server.requests
    assert "pay with [REDACTED:pii.card] now" in json.dumps(request.json)
    assert " 1111" not in request.text


@cases("model.after", "redacted")
def test_the_answer_comes_back_redacted(library: Library, how: str, serve: Serve, guard: None) -> None:
    server = serve(Reply(f"Your card is {CARD}, right?", tools=(ToolUse("pay", {"card": CARD, "n": 1}),)))
    answer = library.ask(server, how)
    assert answer.text == "Your card is [REDACTED:pii.card], right?"
    assert json.loads(answer.arguments) == {"card": "[REDACTED:pii.card]", "n": 1}


@cases("model.after", "blocked")
def test_a_blocked_answer_does_not_reach_the_caller(
    library: Library, how: str, serve: Serve, guard: None
) -> None:
    answer = Answer()
    with pytest.raises(PolicyViolation, match="a key must not reach the caller"):
        library.ask(serve(Reply(f"The key is {SECRET} and more words follow.")), how, answer=answer)
    assert SECRET[:6] not in answer.text
    assert "follow" not in answer.text


@cases("model.before", "seen")
def test_a_call_is_told_once_with_what_identifies_it(
    library: Library, how: str, serve: Serve, guard: None, traced: Traced
) -> None:
    library.ask(serve(), how)
    assert traced.points == ["model.before", "model.after"]
    before, _ = traced.decisions
    assert before.attributes is not None
    assert before.attributes["gen_ai.request.model"] == ALLOWED
    assert (
        before.attributes["gen_ai.provider.name"]
        == {
            "anthropic": "anthropic",
            "boto3": "aws.bedrock",
            "google-genai": "gcp.gemini",
            "litellm": "openai",
            "openai": "openai",
        }[library.distribution]
    )


@cases("model.after", "seen")
def test_the_tokens_count_with_those_that_were_cached(
    library: Library, how: str, serve: Serve, governor: Governor, guard: None
) -> None:
    server = serve(Reply(input_tokens=90, cached_tokens=80, output_tokens=20))
    with governor.conversation("c-1"):
        library.ask(server, how)
        with pytest.raises(PolicyViolation, match="the conversation has used its tokens"):
            library.ask(server, how)
    with governor.conversation("c-2"):
        library.ask(server, how)
    assert len(server.requests) == 2


@cases()
def test_what_is_not_sampled_is_guarded(
    library: Library, how: str, serve: Serve, guard: None, traced_with: MakeTraced
) -> None:
    traced = traced_with(sampler=ALWAYS_OFF)
    server = serve(Reply(f"Your card is {CARD}."))
    with traced.provider.get_tracer("application").start_as_current_span("unsampled"):
        with pytest.raises(PolicyViolation):
            library.ask(server, how, model=DENIED)
        assert library.ask(server, how, CARD).text == "Your card is [REDACTED:pii.card]."
    assert len(server.requests) == 1
    assert " 1111" not in server.received


@libraries()
def test_without_the_sdk_all_of_it_holds(library: Library) -> None:
    assert run_without_sdk(WITHOUT_SDK.format(name=library.distribution)).splitlines() == [
        f"{how}: stopped, [REDACTED:pii.card], 1 request" for how in library.hows
    ]


WITHOUT_SDK = """
from tests.support.governed import CARD, POLICIES
from tests.support.libraries import DENIED, LIBRARIES
from tests.support.providers import Reply
from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import instrument_all

instrument_all(Governor.from_text(POLICIES))  # before any of the libraries is imported
library = next(each for each in LIBRARIES if each.distribution == {name!r})
for how in library.hows:
    with library.provider(Reply(CARD)) as server:
        try:
            library.ask(server, how, model=DENIED)
        except PolicyViolation:
            text = library.ask(server, how, CARD).text
            assert " 1111" not in server.received
            print(f"{{how}}: stopped, {{text}}, {{len(server.requests)}} request")
"""


@libraries()
def test_a_client_that_was_there_before_is_guarded(
    library: Library, serve: Serve, governor: Governor
) -> None:
    server = serve()
    with library.opened(server) as client:
        library.call(client, DENIED, "before")
        instrument_all(governor)
        try:
            with pytest.raises(PolicyViolation):
                library.call(client, DENIED, "guarded")
        finally:
            uninstrument_all()
        library.call(client, DENIED, "taken off")
    assert len(server.requests) == 2


@pytest.mark.parametrize("order", ["guard first", "instrumentation first"])
@instrumented_libraries()
def test_the_order_of_guard_and_instrumentation_does_not_matter(
    library: Library,
    number: int,
    order: str,
    serve: Serve,
    governor: Governor,
    traced: Traced,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve()
    with ExitStack() as stack:
        stack.callback(uninstrument_all)
        if order == "guard first":
            instrument_all(governor)
        stack.enter_context(instrumented(library.instrumentations()[number], traced, governor, monkeypatch))
        if order == "instrumentation first":
            instrument_all(governor)
        with pytest.raises(PolicyViolation):
            library.ask(server, "sync", model=DENIED)
        assert server.requests == []
        assert traced.points == ["model.before"]
        library.ask(server, "sync")
    assert traced.points == ["model.before", "model.before", "model.after"]


@cases()
def test_two_instrumentations_at_once_decide_once(
    library: Library,
    how: str,
    serve: Serve,
    governor: Governor,
    guard: None,
    traced: Traced,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        for each in library.instrumentations()[:2]:
            stack.enter_context(instrumented(each, traced, governor, monkeypatch))
        library.ask(serve(), how)
    assert traced.points == ["model.before", "model.after"]


@instrumented_libraries()
def test_what_was_redacted_is_nowhere(
    library: Library,
    number: int,
    serve: Serve,
    governor: Governor,
    guard: None,
    traced: Traced,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(Reply(f"Your card is {CARD}.", tools=(ToolUse("pay", {"card": CARD}),)))
    with instrumented(library.instrumentations()[number], traced, governor, monkeypatch) as logs:
        for how in library.hows:
            library.ask(server, how, f"pay with {CARD}")
    records = [each.log_record for each in logs.get_finished_logs()]
    exported = traced.everything() + "".join(f"{each.body} {each.attributes}" for each in records)
    assert "pay with" in exported  # or the instrumentation captured nothing, and this proves nothing
    assert " 1111" not in server.received
    assert " 1111" not in exported


@cases()
def test_what_the_provider_refuses_reaches_the_caller_unchanged(
    library: Library, how: str, serve: Serve, guard: None
) -> None:
    with pytest.raises(Exception, match="no such thing") as caught:
        library.ask(serve(Reply("no such thing", status=400)), how)
    assert type(caught.value).__name__ == library.error
    assert find_violation(caught.value) is None
