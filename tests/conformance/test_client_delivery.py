"""OTLP's statements about how a client goes on: retries, connections, several destinations, its clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.support.deliveries import KEY, batch, delivering, soon

from promethios.exporter import DropReason, FlushResult, PromethiosSpanExporter
from promethios.exporter.outcomes import Transient
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.sender import Sender
from promethios.exporter.settings import Settings
from promethios.exporter.testing import Answer, DeadEnd, OtlpSink, Received

#: Statuses that OTLP has a client try again, and connections that end without an answer, in every way.
LATER = {
    "429": Answer(429),
    "502": Answer(502),
    "503": Answer(503),
    "504": Answer(504),
    "ended": Answer(raw=b""),
    "reset": Answer(raw=b"", reset=True),
    "ended in the head": Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "ended in the body": Answer(200, b"\x0a\x00" * 50, cut=20),
    "reset in the body": Answer(200, b"\x0a\x00" * 50, cut=20, reset=True),
    "ended before the empty line": Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"),
    "no HTTP": Answer(raw=b"220 mail.example.com ESMTP\r\n"),
    "an impossible length": Answer(200, headers={"Content-Length": "5, 7"}, cut=0),
}


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest.mark.parametrize("answer", LATER.values(), ids=LATER.keys())
def test_C04_what_is_worth_another_attempt_gets_one(sink: OtlpSink, answer: Answer) -> None:
    sink.script(answer, answer)
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 3))
        assert delivery.flush(soon()) == FlushResult(delivered=3)
    assert len(sink.requests) == 3


def test_C04_a_connection_that_cannot_be_made_is_tried_again(sink: OtlpSink) -> None:
    port = sink.port
    sink.close()
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 3))
        assert delivery.flush(time.monotonic() + 0.1) == FlushResult(parked=3)
        with OtlpSink(port) as back:
            back.wait(1)
            assert delivery.flush(soon()) == FlushResult(delivered=3)


@pytest.mark.parametrize("connects", [True, False], ids=["no answer", "no connection"])
def test_C04_silence_is_given_up_and_tried_again(connects: bool) -> None:
    with DeadEnd(connects) as nowhere:
        sender = Sender(Settings.load({}, endpoint=nowhere.url, api_key=KEY, timeout=0.3))
        outcomes = [sender.send(batch()) for _ in range(2)]
        sender.close()
    named = "ReadTimeoutError" if connects else "ConnectTimeoutError"
    assert outcomes == [Transient(f"no answer: {named}")] * 2


@pytest.mark.parametrize(
    "answer", [Answer(drip=0.02), Answer(200, bytes(50), {"X": "y" * 500}, drip=0.02)], ids=["head", "long"]
)
def test_C04_an_answer_that_drips_is_given_up_in_the_time_of_a_request(
    sink: OtlpSink, answer: Answer
) -> None:
    sink.script(answer)
    sender = Sender(Settings.load({}, endpoint=sink.url, api_key=KEY, timeout=0.4))
    assert sender.send(batch()) == Transient("no answer: ReadTimeoutError")
    sender.close()


def test_C04_waits_grow_and_are_not_the_same_for_everyone() -> None:
    lone, others = RetryPolicy(), [RetryPolicy() for _ in range(50)]
    assert all(0.125 <= each.delay(1) <= 0.25 for each in others)
    assert all(15 <= each.delay(100) <= 30 for each in others)
    assert len({each.delay(4) for each in others}) > 40
    assert len({each.delay(4, retry_after=60) for each in others}) > 40
    assert 60 <= lone.delay(4, retry_after=60) <= 66


def test_C09_one_connection_is_kept_for_all_requests(sink: OtlpSink) -> None:
    sink.script(Answer(), Answer.failing(400, "no"), Answer.busy(), Answer.rejecting(1))
    with delivering(sink.url) as delivery:
        for name in "abcde":
            delivery.submit(batch(name))
        delivery.flush(soon())
    assert len(sink.requests) == 6
    assert sink.connections == 1


def test_C09_a_kept_connection_that_the_server_has_ended_is_made_anew(sink: OtlpSink) -> None:
    sink.default = Answer(headers={"Connection": "close"})
    with delivering(sink.url) as delivery:
        for name in "abc":
            delivery.submit(batch(name))
            assert delivery.flush(soon()) == FlushResult(delivered=1)
    assert sink.connections == 3


@pytest.mark.parametrize("limit", [1, 4])
def test_C09_as_many_requests_are_under_way_as_the_setting_says(limit: int) -> None:
    lock, under_way, most, together = threading.Lock(), 0, 0, threading.Barrier(limit)

    def answer(request: Received) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(20)
        with lock:
            under_way -= 1
        return Answer()

    with OtlpSink(default=answer) as sink, delivering(sink.url, max_in_flight=limit) as delivery:
        for number in range(4 * limit):
            delivery.submit(batch(f"{number}"))
        assert delivery.flush(soon()) == FlushResult(delivered=4 * limit)
        assert most == limit
        assert sink.connections <= limit


def test_C09_what_is_not_delivered_is_recorded(sink: OtlpSink) -> None:
    sink.default = Answer.busy()
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 3))
        sink.wait(1)
        assert delivery.close(time.monotonic()) == FlushResult(dropped=3)
        assert delivery.totals().dropped == {DropReason.SHUTDOWN: 3}


def test_C09_an_end_waits_for_what_is_under_way_or_does_not_as_its_deadline_says(tmp_path: Path) -> None:
    asked = threading.Event()

    def late(seconds: float) -> Callable[[Received], Answer]:
        def answer(request: Received) -> Answer:
            asked.set()
            return Answer(delay=seconds)

        return answer

    for wait, delay, expected in (
        (20.0, 0.3, FlushResult(delivered=2)),
        (0.0, 30.0, FlushResult(parked=2)),
    ):
        with (
            OtlpSink(default=late(delay)) as sink,
            delivering(sink.url, spool_dir=tmp_path / f"{wait}") as delivery,
        ):
            delivery.submit(batch("a", 2))
            assert asked.wait(20)
            asked.clear()
            assert delivery.close(time.monotonic() + wait) == expected


def test_C10_a_destination_that_is_down_does_not_hold_up_another(sink: OtlpSink) -> None:
    shared = [batch(f"{number}", 2) for number in range(5)]
    with (
        DeadEnd() as nowhere,
        delivering(nowhere.url) as silent,
        delivering(sink.url) as working,
    ):
        for each in shared:
            silent.submit(each)
            working.submit(each)
        assert working.flush(soon()) == FlushResult(delivered=10)
        assert silent.flush(time.monotonic()) == FlushResult(parked=10)
    assert [request.body for request in sink.requests] == [each.body for each in shared]


def test_C10_each_destination_has_its_own_answers_to_the_same_span(sink: OtlpSink) -> None:
    with OtlpSink(default=Answer.failing(400, "no")) as other:
        tracers = TracerProvider(shutdown_on_exit=False)
        exporters = [PromethiosSpanExporter(endpoint=each.url, api_key=KEY) for each in (sink, other)]
        for exporter in exporters:
            tracers.add_span_processor(SimpleSpanProcessor(exporter))
        with tracers.get_tracer("test").start_as_current_span("hello"):
            pass
        tracers.force_flush()
        tracers.shutdown()
        assert [span.name for span in sink.spans()] == [span.name for span in other.spans()] == ["hello"]
