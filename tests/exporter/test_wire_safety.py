"""What the network may not do to an agent: hold up its end, pass for a success, fill its memory, multiply."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from tests.support.deliveries import KEY, batch, delivering, soon

from promethios.exporter import FlushResult, PromethiosSpanExporter, Settings
from promethios.exporter.outcomes import Delivered, Outcome, Parked, Permanent, Transient
from promethios.exporter.retry import LONGEST_RETRY_AFTER, parse_retry_after
from promethios.exporter.sender import Sender
from promethios.exporter.testing import Answer, DeadEnd, OtlpSink

MIB = 1024 * 1024

#: Agents that record something and end as any script ends.
AGENTS = {
    "one line": """
import sys
from promethios.exporter import configure
agent = configure(sys.argv[1], api_key="any", adapters=False)
agent.tracer_provider.get_tracer("test").start_span("hello").end()
""",
    "the exporter alone": """
import sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from promethios.exporter import PromethiosSpanExporter
tracers = TracerProvider()
exporter = PromethiosSpanExporter(endpoint=sys.argv[1], api_key="any")
tracers.add_span_processor(BatchSpanProcessor(exporter))
tracers.get_tracer("test").start_span("hello").end()
""",
}


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def sender(sink: OtlpSink) -> Iterator[Sender]:
    sender = Sender(Settings.load({}, endpoint=sink.url, api_key=KEY, timeout=20.0))
    yield sender
    sender.close()


@pytest.mark.parametrize("connects", [True, False], ids=["not read", "no packet answered"])
@pytest.mark.parametrize("code", AGENTS.values(), ids=AGENTS.keys())
def test_G08_a_process_ends_although_its_packets_are_swallowed(code: str, connects: bool) -> None:
    with DeadEnd(connects) as nowhere:
        command = [sys.executable, "-W", "error", "-c", code, nowhere.url]
        # The budget is 5 seconds; others wait for 30. What is in between is for a machine under load.
        run = subprocess.run(command, capture_output=True, text=True, timeout=25)
        url = nowhere.url
    assert (run.returncode, run.stdout) == (0, "")
    # One line, of what is lost: whatever else is said here is a fault.
    lost = f" items that {url} has not taken are lost: a `spool_dir` would keep them\n"
    assert run.stderr.lstrip("0123456789") == lost


def test_G08_a_shutdown_keeps_to_the_time_that_it_is_given_while_a_request_hangs(sink: OtlpSink) -> None:
    sink.default = Answer(hang=True)
    with delivering(sink.url, timeout=600.0) as delivery:
        delivery.submit(batch("a", 3))
        sink.wait(1)
        # The request hangs until the sink is closed, which is after this.
        assert delivery.close(time.monotonic() + 0.1) == FlushResult(dropped=3)


@pytest.mark.parametrize(
    "answer",
    [Answer.redirect("/elsewhere"), Answer.page(), Answer(204), Answer(200, b"<html>"), Answer(401)],
    ids=["302", "a page", "204", "a page as OTLP", "401"],
)
def test_G10_what_others_take_for_a_success_is_none(sink: OtlpSink, answer: Answer) -> None:
    sink.default = answer
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 3))
        told = delivery.flush(soon())
    assert not told
    assert told == FlushResult(parked=3)


def test_G10_what_a_partial_success_rejects_is_no_success(sink: OtlpSink) -> None:
    sink.script(Answer.rejecting(3, "too old"))
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 3))
        told = delivery.flush(soon())
    assert not told
    assert told == FlushResult(dropped=3)


def test_G10_a_partial_success_that_rejects_more_than_there_was_is_not_believed(sink: OtlpSink) -> None:
    sink.script(Answer.rejecting(2**40), Answer.rejecting(-5))
    with delivering(sink.url) as delivery:
        for name in "ab":
            delivery.submit(batch(name, 3))
        assert delivery.flush(soon()) == FlushResult(delivered=3, dropped=3)


@pytest.mark.parametrize("status", [200, 400, 503])
def test_G11_of_an_endless_answer_a_little_is_read(sink: OtlpSink, sender: Sender, status: int) -> None:
    sent = itertools.count()

    def endless() -> Iterator[bytes]:
        for _ in range(1024):
            next(sent)
            yield bytes(MIB)

    sink.script(Answer(status, endless))
    outcome = sender.send(batch())
    assert isinstance(outcome, Parked | Permanent)
    assert "with an answer of more than 4194304 bytes" in outcome.reason
    # 4 MiB, and what the buffers of the two sockets took.
    assert next(sent) < 64


def test_G11_of_a_page_nothing_is_read(sink: OtlpSink, sender: Sender) -> None:
    sink.script(Answer(200, Answer.huge().body, {"Content-Type": "text/html"}))
    assert isinstance(sender.send(batch()), Parked)
    assert sender.send(batch()) == Delivered()


FAILURES = [
    Answer(503),
    Answer(429, headers={"Retry-After": "0"}),
    Answer(500),
    Answer.redirect("/v1/traces"),
    Answer(raw=b""),
    Answer(raw=b"", reset=True),
    Answer(200, b"x" * 50, cut=20),
]


@pytest.mark.parametrize("answer", FAILURES)
def test_G14_an_attempt_is_one_request_whatever_comes_back(
    sink: OtlpSink, sender: Sender, answer: Answer
) -> None:
    sink.default = answer
    assert not isinstance(sender.send(batch()), Delivered)
    assert len(sink.requests) == 1


def test_G14_neither_the_sdk_nor_the_library_repeats_what_the_delivery_repeats(sink: OtlpSink) -> None:
    sink.default = Answer.busy(3600)
    tracers = TracerProvider(shutdown_on_exit=False)
    exporter = PromethiosSpanExporter(endpoint=sink.url, api_key=KEY)
    tracers.add_span_processor(BatchSpanProcessor(exporter))
    tracers.get_tracer("test").start_span("hello").end()
    tracers.force_flush()
    sink.wait(1)
    assert not exporter.force_flush(100)
    tracers.shutdown()
    assert len(sink.requests) == 1


def test_G14_all_attempts_send_the_same_bytes(sink: OtlpSink) -> None:
    sink.script(*[each for each in FAILURES if each.status in (503, 429) or each.raw is not None])
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 30))
        assert delivery.flush(soon()) == FlushResult(delivered=30)
    assert len(sink.requests) == 5
    assert {request.body for request in sink.requests} == {batch("a", 30).body}


_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 503 no",
        b"HTTP/1.1 100 Continue",
        b"HTTP/0.9 200",
        b"HTTP/1.1 99999 x",
        b"Content-Type: application/x-protobuf",
        b"Content-Length: 5",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length: x",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Encoding: gzip",
        b"Content-Encoding: gzip, gzip, br",
        b"Retry-After: Mon, 99 Foo 99999 99:99:99 +99999999",
        b"Date: +99999999 Nov 99999999999999999999 1.2.3 99",
        b"Connection: close",
        b"Location: http://[::1",
        b"Set-Cookie: \xff\xfe",
        b": nothing",
        b" folded",
        b"",
        b"5",
        b"ffffffffffffffffff",
        b"0",
        b"\x1f\x8b\x08\x00",
    ]
)


@given(
    parts=st.lists(_LINES | st.binary(max_size=20), max_size=12), end=st.sampled_from([b"\r\n", b"\n", b""])
)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
def test_G11_whatever_bytes_come_back_there_is_an_outcome_and_no_exception(
    sink: OtlpSink, sender: Sender, parts: list[bytes], end: bytes
) -> None:
    sink.script(Answer(raw=end.join([*parts, b""])))
    outcome: Outcome = sender.send(batch())
    assert isinstance(outcome, Delivered | Transient | Permanent | Parked)


@given(st.text(max_size=60) | st.text(alphabet="0123456789 :+-,.GMTNovSun", max_size=60))
@settings(max_examples=150, deadline=None, database=None)
def test_G14_whatever_retry_after_says_the_wait_is_bounded(text: str) -> None:
    for sent in (None, text, "Sun, 06 Nov 1994 08:49:37 GMT"):
        seconds = parse_retry_after(text, sent)
        assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER
