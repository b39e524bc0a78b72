"""OTLP's statements about what a client makes of an answer: success, later, never, or not this address."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.deliveries import AT_ONCE, KEY, batch, delivering, soon

from promethios.exporter import DropReason, FlushResult
from promethios.exporter.batch import Batch, Signal
from promethios.exporter.outcomes import Delivered, Outcome, Parked, Permanent, TooLarge, Transient
from promethios.exporter.retry import LONGEST_RETRY_AFTER, RetryPolicy
from promethios.exporter.sender import Sender
from promethios.exporter.settings import Settings
from promethios.exporter.testing import Answer, OtlpSink

LIMIT = 4 * 1024 * 1024
ENDLESS = "with an answer of more than 4194304 bytes"
#: Every status that is not OTLP's success, not to be tried again, and not about the key or the address.
REFUSALS = sorted({*range(400, 432), 451, 500, 501, *range(505, 512)} - {401, 403, 404, 405, 407, 429})


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def outcome(sink: OtlpSink) -> Iterator[Callable[[Answer], Outcome]]:
    """Makes one request and says what its answer meant."""
    sender = Sender(Settings.load({}, endpoint=sink.url, api_key=KEY, timeout=20.0))

    def ask(answer: Answer) -> Outcome:
        sink.script(answer)
        return sender.send(batch())

    yield ask
    sender.close()


def zeros(size: int) -> bytes:
    """A field that OTLP does not have, of so many bytes in all: the longest answer that parses."""
    head = b"\x7a" + varint(size - 5)
    return head + bytes(size - len(head))


def varint(number: int) -> bytes:
    return bytes([*((number >> shift & 0x7F) | 0x80 for shift in range(0, 21, 7)), number >> 21])


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_C02_an_answer_is_read_up_to_the_limit_and_no_further(
    outcome: Callable[[Answer], Outcome], packed: bool
) -> None:
    headers = {"Content-Encoding": "gzip"} if packed else {}
    for body, expected in (
        (zeros(LIMIT), Delivered()),
        (zeros(LIMIT + 1), Parked(f"HTTP 200 {ENDLESS}: not an OTLP receiver; check `endpoint`")),
    ):
        assert outcome(Answer(200, gzip.compress(body, 1) if packed else body, headers)) == expected


@pytest.mark.parametrize("status", [200, 302, 429, 503, 401])
def test_C02_an_answer_over_the_limit_is_not_tried_again_and_its_data_waits_for_another_receiver(
    sink: OtlpSink, status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink.script(Answer.huge(LIMIT + 1, status=status))
    retry = RetryPolicy(initial=0.01, longest=0.02, probe=600)
    with delivering(sink.url, retry, spool_dir=tmp_path) as delivery:
        delivery.submit(batch("a", 3))
        assert delivery.flush(soon()) == FlushResult(parked=3)
        assert len(sink.requests) == 1
        delivery.use_key("another")
        assert delivery.flush(soon()) == FlushResult(delivered=3)
    assert any(f"HTTP {status} {ENDLESS}" in message for message in caplog.messages)


@pytest.mark.parametrize("status", [400, 500])
def test_C02_data_that_is_refused_at_length_is_refused(
    outcome: Callable[[Answer], Outcome], status: int
) -> None:
    assert outcome(Answer.huge(LIMIT + 1, status=status)) == Permanent(f"HTTP {status} {ENDLESS}")


def test_C02_a_compression_that_nobody_asked_for_is_not_read(outcome: Callable[[Answer], Outcome]) -> None:
    said = Parked("HTTP 200 with a body that does not decompress: check `endpoint`")
    for encoding in ("br", "zstd", "deflate", "gzip, gzip", "x-unheard-of"):
        assert outcome(Answer(200, b"\0" * 50, {"Content-Encoding": encoding})) == said


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer.busy(7), 7.0),
        (Answer.busy(0, status=429), 0.0),
        (Answer.busy("  7  "), 7.0),
        (Answer.busy(10**12), LONGEST_RETRY_AFTER),
        (Answer.busy("9" * 5000), LONGEST_RETRY_AFTER),
        (Answer.busy(datetime(2015, 11, 22, tzinfo=UTC)), 0.0),
        (Answer.busy(datetime(9999, 12, 31, tzinfo=UTC)), LONGEST_RETRY_AFTER),
        (Answer.busy("-5"), None),
        (Answer.busy("-99999999999999999999"), None),
        (Answer.busy("1.5"), None),
        (Answer.busy("NaN"), None),
        (Answer.busy("soon"), None),
        (Answer.busy("x" * 60_000), None),
        (Answer.busy("+99999999 Nov 99999999999999999999 1.2.3 99"), None),
        (Answer.busy(""), None),
        (Answer.busy(), None),
        (Answer.retry_info(2.5), 2.5),
        (Answer.retry_info(0, status=429), 0.0),
        (Answer.retry_info(-3), 0.0),
        (Answer.retry_info(10**10), LONGEST_RETRY_AFTER),
    ],
    ids=repr,
)
def test_C05_a_server_says_when_to_come_back_and_nonsense_says_nothing(
    outcome: Callable[[Answer], Outcome], answer: Answer, seconds: float | None
) -> None:
    assert outcome(answer) == Transient(f"HTTP {answer.status} (busy)", seconds)


def test_C05_a_date_is_compared_with_the_clock_of_the_server_that_named_it(
    outcome: Callable[[Answer], Outcome],
) -> None:
    there = datetime(2031, 5, 5, 12, 0, 0, tzinfo=UTC)
    moment = Answer.busy(there + timedelta(seconds=30)).headers
    date = {"Date": Answer.busy(there).headers["Retry-After"]}
    assert outcome(Answer(503, headers={**moment, **date})) == Transient("HTTP 503", 30.0)


def test_C05_the_header_counts_before_the_body(outcome: Callable[[Answer], Outcome]) -> None:
    both = Answer(503, Answer.retry_info(90).body, {"Retry-After": "4"})
    assert outcome(both) == Transient("HTTP 503 (busy)", 4.0)


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x1a\x7f", b"\x1a\x02\x0a\x05", b"<h1>no</h1>", b""])
def test_C05_a_body_that_is_no_status_says_nothing(outcome: Callable[[Answer], Outcome], body: bytes) -> None:
    assert outcome(Answer(503, body)) == Transient("HTTP 503")


def test_C05_only_the_first_details_of_a_status_are_looked_at(outcome: Callable[[Answer], Outcome]) -> None:
    info = Answer.retry_info(60).body
    assert isinstance(info, bytes)
    noise = b"\x1a\x02\x0a\x00" * 10_000
    assert outcome(Answer(503, noise + info)) == Transient("HTTP 503 (busy)")


@pytest.mark.parametrize("status", REFUSALS)
def test_C06_any_other_failure_is_not_tried_again(
    outcome: Callable[[Answer], Outcome], sink: OtlpSink, status: int
) -> None:
    refused = Answer.failing(status, "no", code=3)
    found = outcome(Answer(status, refused.body, {"Retry-After": "1"}))
    assert isinstance(found, Permanent)
    assert (found.reason, isinstance(found, TooLarge)) == (f"HTTP {status} (no)", status == 413)
    assert len(sink.requests) == 1


def test_C06_what_is_refused_is_dropped_and_counted_and_the_rest_goes_on(sink: OtlpSink) -> None:
    sink.script(Answer.failing(400, "bad id"), Answer.rejecting(2, "too old"))
    with delivering(sink.url) as delivery:
        for name in ("refused", "partly", "whole"):
            delivery.submit(batch(name, 3))
        assert delivery.flush(soon()) == FlushResult(delivered=4, dropped=5)
        assert delivery.totals().dropped == {DropReason.REFUSED: 3, DropReason.REJECTED: 2}
    assert len(sink.requests) == 3


@pytest.mark.parametrize("signal", Signal)
def test_C06_a_partial_success_is_read_for_every_signal(sink: OtlpSink, signal: Signal) -> None:
    sink.script(Answer.rejecting(2, "why"))
    sender = Sender(Settings.load({}, endpoint=sink.url, api_key=KEY))
    assert sender.send(Batch.pack(signal, 5, b"")) == Delivered(2, "why")
    sender.close()


ELSEWHERE = [
    Answer(401),
    Answer(403),
    Answer(404),
    Answer(405),
    Answer(407),
    Answer.redirect("http://127.0.0.1:1/v1/traces", 301),
    Answer.redirect("/v1/traces", 307),
    Answer.redirect("https://sign-in.example.com/", 308),
    Answer(204),
    Answer.page(),
]


@pytest.mark.parametrize("answer", ELSEWHERE, ids=lambda answer: f"{answer.status}")
def test_C07_what_speaks_of_the_key_or_the_address_parks_and_alarms_and_goes_out_after_a_change(
    sink: OtlpSink, answer: Answer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink.default = answer
    retry = RetryPolicy(initial=0.01, longest=0.02, probe=600)
    with delivering(sink.url, retry, spool_dir=tmp_path) as delivery:
        for name in "ab":
            delivery.submit(batch(name, 2))
        assert delivery.flush(soon()) == FlushResult(parked=4)
        assert len(sink.requests) == 1
        alarms = [record for record in caplog.records if record.levelname == "ERROR"]
        assert [f"HTTP {answer.status}" in record.getMessage() for record in alarms] == [True]
        sink.default = Answer()
        delivery.use_key("another")
        assert delivery.flush(soon()) == FlushResult(delivered=4)
    assert [span.name for span in sink.spans()[2:]] == ["a", "a", "b", "b"]


def test_C07_what_was_parked_goes_out_with_the_next_process_and_its_endpoint(
    sink: OtlpSink, tmp_path: Path
) -> None:
    with OtlpSink(default=Answer(404)) as wrong, delivering(wrong.url, spool_dir=tmp_path) as delivery:
        delivery.submit(batch("a", 3))
        assert delivery.flush(soon()) == FlushResult(parked=3)
    with delivering(sink.url, spool_dir=tmp_path) as delivery:
        sink.wait(1)
        assert delivery.flush(soon()) == FlushResult(delivered=3)


@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/plain", ""])
def test_C08_a_success_has_the_type_of_otlp(outcome: Callable[[Answer], Outcome], kind: str) -> None:
    found = outcome(Answer(200, b"", {"Content-Type": kind}))
    assert found == Parked(
        f"HTTP 200 with {kind or 'no content type'} instead of application/x-protobuf:"
        " not an OTLP receiver; check `endpoint`"
    )


def test_C08_the_type_may_have_parameters_and_capitals(outcome: Callable[[Answer], Outcome]) -> None:
    assert outcome(Answer(200, b"", {"Content-Type": "Application/X-Protobuf; v=1"})) == Delivered()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"ok", b"\x0a\xff\xff\xff\xff\x0f", b"\0"])
def test_C08_a_success_has_a_body_that_parses(outcome: Callable[[Answer], Outcome], body: bytes) -> None:
    assert outcome(Answer(200, body)) == Parked("HTTP 200 with a body that is not OTLP: check `endpoint`")


WHOLE = gzip.compress(b"", mtime=0)


@pytest.mark.parametrize(
    "body",
    [WHOLE[:-1], WHOLE[:10], WHOLE + b"x", b"\x1f", b"not gzip", b"\0"],
    ids=["cut", "its head", "more behind it", "a byte", "words", "a null"],
)
def test_C08_a_compressed_success_is_whole(outcome: Callable[[Answer], Outcome], body: bytes) -> None:
    packed = {"Content-Encoding": "gzip"}
    assert outcome(Answer(200, WHOLE, packed)) == Delivered()
    assert outcome(Answer(200, b"", packed)) == Delivered()
    assert outcome(Answer(200, body, packed)) == Parked(
        "HTTP 200 with a body that does not decompress: check `endpoint`"
    )


def test_C08_a_success_that_is_not_heard_to_its_end_is_none(sink: OtlpSink) -> None:
    sink.script(Answer(200, Answer.rejecting(1, "x" * 200).body, cut=100))
    with delivering(sink.url, AT_ONCE) as delivery:
        delivery.submit(batch("a"))
        assert delivery.flush(soon()) == FlushResult(delivered=1)
    assert len(sink.requests) == 2
