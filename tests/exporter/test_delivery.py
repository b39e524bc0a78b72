"""What becomes of batches: delivered, sent again, parked, kept over a restart, or dropped and counted."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from promethios.exporter import DropReason, FlushResult
from promethios.exporter.batch import Batch, Signal
from promethios.exporter.delivery import Delivery
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.settings import Settings
from promethios.exporter.spools import MOST_FILES, SpoolFolder
from promethios.exporter.testing import Answer, OtlpSink

Deliver = Callable[..., Delivery]
MakeBatch = Callable[..., Batch]
Soon = Callable[[], float]

DOWN = Answer(503)
WRONG_KEY = Answer(401)


def _names(sink: OtlpSink) -> list[str]:
    return [span.name for span in sink.spans()]


def test_batches_arrive_in_their_order(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon
) -> None:
    delivery = deliver()
    for name in "abcdef":
        delivery.submit(batch(name))
    assert delivery.flush(soon()) == FlushResult(delivered=6)
    assert _names(sink) == list("abcdef")


def test_a_failed_batch_is_sent_again_with_the_same_bytes(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon
) -> None:
    sink.script(DOWN, Answer(429, headers={"Retry-After": "0"}), Answer(body=b"x", cut=0), Answer(502))
    delivery = deliver()
    delivery.submit(batch("a", 3))
    delivery.submit(batch("b"))
    assert delivery.flush(soon()) == FlushResult(delivered=4)
    *attempts, last = sink.requests
    assert len(attempts) == 5
    assert {(request.body, request.headers["content-length"]) for request in attempts} == {
        (attempts[0].body, str(len(attempts[0].body)))
    }
    assert last.body == batch("b").body


def test_a_server_that_asks_for_time_gets_it(sink: OtlpSink, deliver: Deliver, batch: MakeBatch) -> None:
    sink.script(Answer(503, headers={"Retry-After": "3000"}))
    delivery = deliver()
    delivery.submit(batch("a"))
    sink.wait(1)
    while delivery.flush(time.monotonic() + 1) != FlushResult(parked=1):
        pass
    delivery.submit(batch("b"))
    assert delivery.flush(time.monotonic() + 0.2) == FlushResult(parked=2)
    assert len(sink.requests) == 1


def test_refused_data_is_dropped_counted_and_not_sent_again(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, caplog: pytest.LogCaptureFixture
) -> None:
    sink.script(Answer(400, b"\x12\x06bad id"))
    delivery = deliver()
    delivery.submit(batch("bad", 3))
    delivery.submit(batch("good"))
    assert delivery.flush(soon()) == FlushResult(delivered=1, dropped=3)
    assert delivery.totals().dropped == {DropReason.REFUSED: 3}
    assert _names(sink) == ["bad", "bad", "bad", "good"]
    assert "HTTP 400 (bad id): dropped 3 items of /v1/traces" in caplog.messages


def test_a_receiver_that_refuses_everything_does_not_flood_the_log(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, caplog: pytest.LogCaptureFixture
) -> None:
    sink.default = Answer(500)
    delivery = deliver()
    for _ in range(20):
        delivery.submit(batch())
    assert delivery.flush(soon()).dropped == 20
    assert caplog.messages == ["HTTP 500: dropped 1 items of /v1/traces"]


def test_what_a_partial_success_rejects_is_counted(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, caplog: pytest.LogCaptureFixture
) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="ids of 7 bytes")
    sink.script(Answer(body=ExportTraceServiceResponse(partial_success=partial).SerializeToString()))
    delivery = deliver()
    delivery.submit(batch("a", 5))
    assert delivery.flush(soon()) == FlushResult(delivered=3, dropped=2)
    assert delivery.totals().dropped == {DropReason.REJECTED: 2}
    assert caplog.messages == ["the receiver rejected 2 items: ids of 7 bytes"]


@pytest.mark.parametrize(
    "answer",
    [
        WRONG_KEY,
        Answer(403),
        Answer(404),
        Answer(307, headers={"Location": "http://127.0.0.1:1/"}),
        Answer(200, b"<html>", {"Content-Type": "text/html"}),
    ],
    ids=["401", "403", "404", "307", "a page with 200"],
)
@pytest.mark.parametrize("on_disk", [True, False], ids=["spool", "memory"])
def test_a_misconfiguration_parks_and_sends_nothing_more(
    sink: OtlpSink,
    deliver: Deliver,
    batch: MakeBatch,
    soon: Soon,
    tmp_path: Path,
    answer: Answer,
    on_disk: bool,
) -> None:
    sink.default = answer
    delivery = deliver(spool_dir=tmp_path if on_disk else None)
    delivery.submit(batch("a", 2))
    assert delivery.flush(soon()) == FlushResult(parked=2)
    for name in "bcd":
        delivery.submit(batch(name))
    assert delivery.flush(soon()) == FlushResult(parked=5)
    assert len(sink.requests) == 1
    assert (delivery.totals().spooled, delivery.totals().queued) == ((5, 0) if on_disk else (0, 5))


def test_parking_is_logged_once_without_the_key(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, caplog: pytest.LogCaptureFixture
) -> None:
    sink.default = WRONG_KEY
    caplog.set_level(logging.DEBUG)
    delivery = deliver(api_key="pmk_live_donttell")
    for name in "abc":
        delivery.submit(batch(name))
        delivery.flush(soon())
    parked = [record for record in caplog.records if record.levelno == logging.ERROR]
    expected = "HTTP 401: the key is missing, wrong or expired: check `api_key`"
    assert [record.getMessage() for record in parked] == [
        f"telemetry is parked, not delivered to {sink.url}: {expected}"
    ]
    assert "donttell" not in caplog.text


def test_what_is_parked_goes_out_with_a_new_key(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.script(WRONG_KEY)
    delivery = deliver(spool_dir=tmp_path)
    for name in "abc":
        delivery.submit(batch(name))
    delivery.flush(soon())
    delivery.use_key("pmk_test_new")
    assert delivery.flush(soon()) == FlushResult(delivered=3)
    assert [request.headers["authorization"] for request in sink.requests] == [
        "Bearer pmk_test_key",
        *["Bearer pmk_test_new"] * 3,
    ]
    assert _names(sink) == ["a", "a", "b", "c"]


def test_a_new_key_that_cannot_be_one_changes_nothing(deliver: Deliver, batch: MakeBatch, soon: Soon) -> None:
    delivery = deliver()
    with pytest.raises(ValueError, match=r"^`api_key` holds a space"):
        delivery.use_key("no key")
    delivery.submit(batch("a"))
    assert delivery.flush(soon()) == FlushResult(delivered=1)


def test_what_is_parked_goes_out_with_the_next_process_and_its_key(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.script(WRONG_KEY)
    first = deliver(spool_dir=tmp_path, api_key="pmk_test_old")
    first.submit(batch("a", 2))
    first.flush(soon())
    assert first.close(soon()) == FlushResult(parked=2)
    second = deliver(spool_dir=tmp_path, api_key="pmk_test_new")
    sink.wait(2)
    assert second.flush(soon()) == FlushResult(delivered=2)
    assert sink.requests[0].body == sink.requests[1].body
    second.close(soon())
    assert list(tmp_path.iterdir()) == []


def test_a_receiver_that_comes_back_gets_everything(
    deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path, deaf_port: int
) -> None:
    delivery = deliver(endpoint=f"http://127.0.0.1:{deaf_port}", spool_dir=tmp_path)
    for name in "abc":
        delivery.submit(batch(name))
    while delivery.totals().spooled < 3:
        time.sleep(0.01)
    delivery.submit(batch("d"))
    assert delivery.totals().spooled == 4
    with OtlpSink(deaf_port) as sink:
        assert delivery.flush(soon()) == FlushResult(delivered=4)
        assert _names(sink) == list("abcd")
        delivery.submit(batch("e"))
        assert delivery.flush(soon()) == FlushResult(delivered=1)
    delivery.close(soon())
    assert list(tmp_path.iterdir()) == []


def test_what_a_process_could_not_deliver_the_next_one_does(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = DOWN
    first = deliver(spool_dir=tmp_path)
    for name in "abc":
        first.submit(batch(name))
    assert first.close(soon()) == FlushResult(parked=3)
    attempts = len(sink.requests)
    sink.default = Answer()
    second = deliver(spool_dir=tmp_path)
    second.submit(batch("d"))
    assert second.flush(soon()) == FlushResult(delivered=4)
    assert _names(sink)[attempts:] == list("abcd")


def test_a_damaged_record_is_counted_and_the_rest_delivered(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = WRONG_KEY
    first = deliver(spool_dir=tmp_path)
    for items, name in enumerate("abc", start=1):
        first.submit(batch(name, items))
    first.close(soon())
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[content.index(batch("b", 2).body) + 12] ^= 0xFF
    path.write_bytes(content)
    sink.default = Answer()
    second = deliver(spool_dir=tmp_path)
    sink.wait(3)
    assert second.flush(soon()) == FlushResult(delivered=4, dropped=2)
    assert second.totals().dropped == {DropReason.SPOOL_DAMAGED: 2}
    second.close(soon())
    assert [path.suffix for path in tmp_path.iterdir()] == [".corrupt"]


def test_memory_is_bounded_and_drops_are_counted(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon
) -> None:
    sink.default = WRONG_KEY
    size = len(batch("a", 10).body)
    delivery = deliver(max_memory_bytes=size * 3)
    for _ in range(5):
        delivery.submit(batch("a", 10))
        delivery.flush(soon())
    assert delivery.totals().queued == 30
    assert delivery.totals().dropped == {DropReason.MEMORY_FULL: 20}
    assert delivery.close(soon()).dropped == 30
    assert delivery.totals().dropped == {DropReason.MEMORY_FULL: 20, DropReason.SHUTDOWN: 30}


def test_the_spool_is_bounded_and_drops_are_counted(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = WRONG_KEY
    delivery = deliver(max_spool_bytes=2_000, spool_dir=tmp_path)
    for _ in range(40):
        delivery.submit(batch("a", 10))
    delivery.flush(soon())
    totals = delivery.totals()
    assert totals.queued + totals.spooled + totals.dropped[DropReason.SPOOL_FULL] == 400
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2_000


def test_what_is_handed_over_is_on_disk_before_it_is_sent(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, tmp_path: Path
) -> None:
    sink.script(Answer(hang=True))
    delivery = deliver(spool_dir=tmp_path)
    assert [delivery.submit(batch("a", 10)) for _ in range(5)] == [True] * 5
    assert (delivery.totals().queued, delivery.totals().spooled) == (0, 50)


def test_what_many_processes_left_is_delivered_as_soon_as_that_can_be(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    left = 2 * MOST_FILES + 5
    for _ in range(left):
        folder = SpoolFolder(tmp_path, 1 << 20, print, print)
        folder.append(batch("a"), time.time_ns())
        folder.close()
    delivery = deliver(spool_dir=tmp_path)
    sink.wait(left, timeout=25)
    delivery.close(soon())
    assert delivery.totals().delivered == left
    assert list(tmp_path.iterdir()) == []


def test_what_memory_never_has_room_for_displaces_nothing(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon
) -> None:
    sink.default = WRONG_KEY
    delivery = deliver(max_memory_bytes=1000)
    delivery.submit(batch("a"))
    assert delivery.flush(soon()) == FlushResult(parked=1)
    delivery.submit(Batch(Signal.TRACES, 3, bytes(1001)))
    assert delivery.flush(soon()) == FlushResult(parked=1, dropped=3)


def test_a_spool_folder_that_is_a_file_falls_back_to_memory(
    sink: OtlpSink,
    deliver: Deliver,
    batch: MakeBatch,
    soon: Soon,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "spool").write_text("not a folder")
    sink.script(WRONG_KEY)
    delivery = deliver(spool_dir=tmp_path / "spool")
    delivery.submit(batch("a"))
    assert delivery.flush(soon()) == FlushResult(parked=1)
    assert delivery.totals().queued == 1
    told = [message for message in caplog.messages if message.startswith("cannot write to the spool")]
    assert len(told) == 1
    delivery.use_key("pmk_test_new")
    assert delivery.flush(soon()) == FlushResult(delivered=1)


def test_closing_ends_in_time_against_a_receiver_that_says_nothing(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = Answer(hang=True)
    delivery = deliver(spool_dir=tmp_path, timeout=60.0)
    delivery.submit(batch("a"))
    delivery.submit(batch("b"))
    sink.wait(1)
    assert delivery.close(time.monotonic() + 0.3) == FlushResult(parked=2)
    assert delivery.totals().dropped == {}


def test_closing_without_a_spool_counts_what_is_lost(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch
) -> None:
    sink.default = Answer(hang=True)
    delivery = deliver(timeout=60.0)
    delivery.submit(batch("a", 4))
    assert delivery.close(time.monotonic() + 0.3) == FlushResult(dropped=4)
    assert delivery.totals().dropped == {DropReason.SHUTDOWN: 4}


def test_what_comes_after_closing_is_counted_as_lost(deliver: Deliver, batch: MakeBatch, soon: Soon) -> None:
    delivery = deliver()
    delivery.close(soon())
    delivery.submit(batch("late", 2))
    assert delivery.flush(soon()) == FlushResult(dropped=2)
    assert delivery.close(soon()) == FlushResult()


def test_flush_tells_each_item_once(sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon) -> None:
    delivery = deliver()
    delivery.submit(batch("a"))
    first = delivery.flush(soon())
    assert (first, bool(first)) == (FlushResult(delivered=1), True)
    assert delivery.flush(soon()) == FlushResult()
    sink.default = WRONG_KEY
    delivery.submit(batch("b"))
    second = delivery.flush(soon())
    assert (second, bool(second)) == (FlushResult(parked=1), False)
    assert delivery.flush(soon()) == FlushResult(parked=1)


def test_two_processes_share_a_folder_without_sharing_a_file(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = WRONG_KEY
    one, other = deliver(spool_dir=tmp_path), deliver(spool_dir=tmp_path, api_key="pmk_other")
    one.submit(batch("one"))
    other.submit(batch("other"))
    one.flush(soon())
    other.flush(soon())
    assert len(list(tmp_path.iterdir())) == 2
    sink.default = Answer()
    other.use_key("pmk_other_new")
    assert other.flush(soon()) == FlushResult(delivered=1)
    assert one.flush(soon()) == FlushResult(parked=1)


@pytest.mark.parametrize("on_disk", [True, False], ids=["spool", "memory"])
def test_while_parked_an_empty_request_asks_whether_that_is_still_so(
    sink: OtlpSink, batch: MakeBatch, soon: Soon, tmp_path: Path, on_disk: bool
) -> None:
    sink.script(WRONG_KEY, WRONG_KEY, WRONG_KEY)
    settings = Settings.load(endpoint=sink.url, api_key="k", spool_dir=tmp_path if on_disk else None)
    delivery = Delivery(settings, RetryPolicy(initial=0.01, probe=0.05))
    for name in "ab":
        delivery.submit(batch(name))
    while delivery.totals().delivered < 2:
        delivery.wait(time.monotonic() + 0.05)
    assert delivery.close(soon()) == FlushResult(delivered=2)
    assert [len(request.message.resource_spans) for request in sink.requests] == [1, 0, 0, 0, 1, 1]
    assert _names(sink) == ["a", "a", "b"]


def test_more_requests_than_one_are_under_way_where_that_is_wanted(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, tmp_path: Path
) -> None:
    sink.default = Answer(hang=True)
    delivery = deliver(max_in_flight=3, spool_dir=tmp_path, timeout=60.0)
    for name in "abcde":
        delivery.submit(batch(name))
    sink.wait(3)
    assert sorted(_names(sink)) == ["a", "b", "c"]
    assert delivery.close(time.monotonic() + 0.2) == FlushResult(parked=5)


@pytest.mark.parametrize("answer", [Answer(), WRONG_KEY, Answer.busy(3000)], ids=["idle", "parked", "outage"])
def test_threads_that_have_nothing_to_send_sleep(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, answer: Answer
) -> None:
    sink.default = answer
    delivery = deliver(max_in_flight=4)
    delivery.submit(batch("a"))
    sink.wait(1)
    delivery.flush(time.monotonic() + 0.1)
    before = time.process_time()
    # Nothing is to happen in it: threads that wake each other take all of it.
    threading.Event().wait(0.8)
    assert time.process_time() - before < 0.3


def test_news_that_a_process_left_are_sent_until_they_are_delivered(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = DOWN
    before = deliver(spool_dir=tmp_path)
    before.tell(batch("news"))
    before.close(time.monotonic())
    requests = len(sink.requests)
    after = deliver(spool_dir=tmp_path)
    sink.wait(requests + 2)
    sink.default = Answer()
    after.submit(batch("a"))
    while after.flush(soon()).parked:
        pass
    after.close(soon())
    assert _names(sink)[-2:] == ["news", "a"]
    assert list(tmp_path.iterdir()) == []


def test_answers_out_of_order_settle_each_their_own(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    chance = random.Random(5)
    sink.script(*chance.choices([Answer(), DOWN, Answer(400)], k=80))
    delivery = deliver(max_in_flight=4, spool_dir=tmp_path)
    for number in range(60):
        delivery.submit(batch(str(number)))
    while delivery.flush(soon()).parked:
        pass
    totals = delivery.totals()
    assert totals.delivered + totals.dropped[DropReason.REFUSED] == 60
    assert set(_names(sink)) == {str(number) for number in range(60)}


def test_what_has_waited_too_long_is_dropped_and_counted(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path
) -> None:
    sink.default = WRONG_KEY
    delivery = deliver(spool_dir=tmp_path, max_spool_age=0.05)
    for name in "ab":
        delivery.submit(batch(name, 2))
    delivery.flush(soon())
    time.sleep(0.1)
    sink.default = Answer()
    delivery.use_key("pmk_test_new")
    while delivery.flush(soon()).parked:
        pass
    assert delivery.totals().dropped == {DropReason.EXPIRED: 4}


@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_receiver_answers_every_item_is_delivered_or_counted(
    sink: OtlpSink, deliver: Deliver, batch: MakeBatch, soon: Soon, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    answers = [Answer(), Answer(), Answer(400), DOWN, Answer(429), Answer(body=b"abc", cut=1), WRONG_KEY]
    sink.script(*chance.choices(answers, k=60))
    delivery = deliver(spool_dir=tmp_path if seed % 2 else None)

    def record(thread: int) -> None:
        for number in range(10):
            delivery.submit(batch(f"{thread}.{number}", 1 + number % 3))

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while delivery.flush(soon()).parked:
        delivery.use_key("pmk_test_another")
    totals = delivery.totals()
    assert (totals.queued, totals.spooled) == (0, 0)
    assert set(totals.dropped) <= {DropReason.REFUSED}
    assert totals.delivered + totals.dropped.get(DropReason.REFUSED, 0) == 4 * (4 * 1 + 3 * 2 + 3 * 3)
    assert set(_names(sink)) == {f"{i}.{j}" for i in range(4) for j in range(10)}
    delivery.close(soon())
    assert list(tmp_path.iterdir()) == []
