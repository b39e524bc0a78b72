"""A file of the spool: nothing in it is lost, and nothing in it stops a start."""

from __future__ import annotations

import gzip
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.disks import nothing_written

from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.layout import START
from promethios.exporter.leases import Lease
from promethios.exporter.records import HEADER, record_size
from promethios.exporter.spool import Segment

MakeBatch = Callable[..., Batch]
Open = Callable[[], Segment]

NOW = 1_700_000_000 * 10**9


@pytest.fixture
def damaged() -> list[int]:
    return []


@pytest.fixture
def opened(tmp_path: Path, damaged: list[int]) -> Open:
    return lambda: Segment(tmp_path / "one.bulk.spool", Lane.BULK, damaged.append)


def _drain(segment: Segment) -> list[Batch]:
    batches = []
    while lease := segment.take():
        batches.append(lease.batch())
        lease.settle()
    return batches


def _settle_one(segment: Segment) -> None:
    lease = segment.take()
    assert lease
    lease.settle()


def test_gives_back_what_was_put_in_oldest_first(opened: Open) -> None:
    batches = [Batch(kind, items, os.urandom(items * 100)) for items, kind in enumerate(Signal, start=1)]
    spool = opened()
    for batch in batches:
        spool.append(batch, NOW)
    assert spool.items == 6
    assert _drain(spool) == batches
    assert (spool.items, bool(spool)) == (0, False)
    spool.close()


def test_survives_the_process(opened: Open, batch: MakeBatch) -> None:
    spool = opened()
    spool.append(batch("a"), NOW)
    spool.append(batch("b"), NOW)
    _settle_one(spool)
    spool.close()
    again = opened()
    assert again.items == 1
    assert _drain(again) == [batch("b")]
    again.close()


def test_an_empty_file_is_deleted_when_it_is_closed(opened: Open) -> None:
    spool = opened()
    spool.close()
    assert not spool.path.exists()


def test_a_drained_file_gives_its_space_back(opened: Open, batch: MakeBatch) -> None:
    spool = opened()
    empty = spool.size
    spool.append(batch("a", 100), NOW)
    assert spool.path.stat().st_size == spool.size == empty + record_size(batch("a", 100))
    _settle_one(spool)
    assert spool.path.stat().st_size == spool.size == empty
    spool.close()


def test_only_the_owner_can_read_it(opened: Open) -> None:
    spool = opened()
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    spool.close()


def test_only_one_process_holds_it(opened: Open) -> None:
    spool = opened()
    with pytest.raises(BlockingIOError):
        opened()
    spool.close()


def test_a_torn_record_is_cut_off_wherever_it_was_torn(
    opened: Open, batch: MakeBatch, damaged: list[int]
) -> None:
    first, second = batch("first"), batch("second")
    for cut in range(1, record_size(second) + 1):
        spool = opened()
        spool.append(first, NOW)
        whole = spool.size
        spool.append(second, NOW)
        spool.abandon()
        os.truncate(spool.path, spool.size - cut)
        again = opened()
        assert again.path.stat().st_size == whole
        again.append(second, NOW)
        assert _drain(again) == [first, second]
        again.close()
    assert damaged == []
    assert not spool.path.with_suffix(".corrupt").exists()


def test_a_damaged_body_is_set_aside_and_its_neighbours_are_delivered(
    opened: Open, batch: MakeBatch, damaged: list[int]
) -> None:
    spool = opened()
    spool.append(batch("a"), NOW)
    end_of_first = spool.size
    spool.append(batch("b", 7), NOW)
    length = spool.size - end_of_first
    spool.append(batch("c"), NOW)
    spool.abandon()
    _flip(spool.path, end_of_first + HEADER + 9)
    again = opened()
    assert _drain(again) == [batch("a"), batch("c")]
    assert damaged == [7]
    assert again.items == 0
    assert again.path.with_suffix(".corrupt").stat().st_size == length
    again.close()


def test_a_damaged_header_sets_its_record_aside_and_the_next_one_is_found(
    opened: Open, batch: MakeBatch, damaged: list[int]
) -> None:
    spool = opened()
    spool.append(batch("a"), NOW)
    end_of_first = spool.size
    spool.append(batch("b"), NOW)
    second = spool.size - end_of_first
    spool.append(batch("c"), NOW)
    spool.abandon()
    _flip(spool.path, end_of_first)
    again = opened()
    assert _drain(again) == [batch("a"), batch("c")]
    assert damaged == [1]
    assert again.path.with_suffix(".corrupt").stat().st_size == second
    again.close()


def test_a_damaged_head_sends_again_rather_than_loses(opened: Open, batch: MakeBatch) -> None:
    spool = opened()
    spool.append(batch("a"), NOW)
    spool.append(batch("b"), NOW)
    _settle_one(spool)
    spool.abandon()
    _flip(spool.path, 9)
    again = opened()
    assert _drain(again) == [batch("a"), batch("b")]
    again.close()


def test_a_file_that_is_no_spool_is_set_aside(
    tmp_path: Path, opened: Open, batch: MakeBatch, damaged: list[int]
) -> None:
    (tmp_path / "one.bulk.spool").write_bytes(b"#!/bin/sh\necho this is no spool\n")
    spool = opened()
    assert spool.take() is None
    spool.append(batch("a"), NOW)
    assert _drain(spool) == [batch("a")]
    assert damaged == [1]
    assert (tmp_path / "one.bulk.corrupt").read_bytes().startswith(b"#!/bin/sh")
    spool.close()


def test_no_damage_ever_stops_a_start(
    opened: Open, batch: MakeBatch, tmp_path: Path, damaged: list[int]
) -> None:
    chance = random.Random(20261122)
    batches = [batch(f"span {number}", number + 1) for number in range(6)]
    for _ in range(150):
        spool = opened()
        for each in batches:
            spool.append(each, NOW)
        spool.abandon()
        for _ in range(chance.randint(1, 4)):
            _flip(spool.path, chance.randrange(spool.size), chance.randrange(1, 256))
        if chance.random() < 0.3:
            os.truncate(spool.path, chance.randrange(spool.size))
        again = opened()
        survivors = _drain(again)
        assert all(survivor in batches for survivor in survivors)
        again.append(batches[0], NOW)
        assert _drain(again) == [batches[0]]
        again.close()
    assert damaged


def _flip(path: Path, at: int, bits: int = 0xFF) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ bits]))


def _plain(text: str, signal: Signal = Signal.TRACES) -> Batch:
    return Batch(signal, 1, text.encode(), Lane.BULK, packed=False)


def test_small_batches_of_a_signal_are_joined_into_one_request(opened: Open, batch: MakeBatch) -> None:
    segment = opened()
    for each in (_plain("a"), _plain("b"), _plain("c", Signal.LOGS), batch("whole", 3), _plain("d")):
        segment.append(each, NOW)
    sent = _drain(segment)
    assert [gzip.decompress(each.body) for each in (*sent[:2], sent[3])] == [b"ab", b"c", b"d"]
    assert [(each.signal, each.items) for each in sent[:2]] == [(Signal.TRACES, 2), (Signal.LOGS, 1)]
    assert sent[2] == batch("whole", 3)
    segment.close()


def test_damage_behind_small_batches_of_an_open_file_costs_none_of_them(
    opened: Open, batch: MakeBatch, damaged: list[int]
) -> None:
    segment, small = opened(), [Batch(Signal.TRACES, 1, bytes([n]) * 50, packed=False) for n in range(5)]
    for each in small:
        segment.append(each, NOW)
    with segment.path.open("r+b") as file:
        file.seek(START + 2 * record_size(small[0]))
        file.write(b"\xff" * 8)
    leases = [lease for _ in range(4) if (lease := segment.take())]
    assert [part for lease in leases for part in lease.parts] == small[:2] + small[3:]
    assert segment.items == 4
    assert sum(damaged) == 1
    for lease in leases:
        lease.settle()
    segment.close()
    assert not segment.path.exists()


def test_one_request_carries_no_more_than_a_batch_does(opened: Open) -> None:
    segment = opened()
    for number in range(1300):
        segment.append(_plain(f"{number};"), NOW)
    sent = _drain(segment)
    assert [each.items for each in sent] == [512, 512, 276]
    assert b"".join(gzip.decompress(each.body) for each in sent) == b"".join(b"%d;" % n for n in range(1300))
    segment.close()


def _two_leases(opened: Open, batch: MakeBatch) -> tuple[Segment, Lease, Lease]:
    """A segment with `a`, `b` and `c`, of which the first two are under way."""
    segment = opened()
    for name in "abc":
        segment.append(batch(name), NOW)
    first, second = segment.take(), segment.take()
    assert first and second
    return segment, first, second


def test_what_is_under_way_is_not_given_twice_and_stays_until_it_is_settled(
    opened: Open, batch: MakeBatch
) -> None:
    segment, _, second = _two_leases(opened, batch)
    second.settle()
    segment.abandon()
    again = opened()
    assert _drain(again) == [batch("a"), batch("b"), batch("c")]
    again.close()


def test_what_is_settled_out_of_order_is_not_sent_again_once_all_before_it_is(
    opened: Open, batch: MakeBatch
) -> None:
    segment, first, second = _two_leases(opened, batch)
    second.settle()
    first.settle()
    assert segment.items == 1
    segment.abandon()
    again = opened()
    assert _drain(again) == [batch("c")]
    again.close()


def test_a_disk_that_takes_no_more_gives_what_it_has(
    opened: Open, batch: MakeBatch, damaged: list[int]
) -> None:
    segment = opened()
    for name in "abc":
        segment.append(batch(name), NOW)
    with segment.path.open("r+b") as file:
        file.seek(START + record_size(batch("a")) + HEADER)
        file.write(b"\xff")
    with nothing_written():
        assert _drain(segment) == [batch("a"), batch("c")]
    assert (segment.items, damaged) == (0, [1])
    segment.append(batch("d"), NOW)
    segment.abandon()
    # What could not be noted is sent again; what came later is not hidden by it.
    again = opened()
    assert _drain(again)[-1] == batch("d")
    again.close()
    assert not segment.path.exists()


def test_what_is_too_old_is_dropped_and_what_is_under_way_is_not(opened: Open, batch: MakeBatch) -> None:
    segment = opened()
    for age, name in enumerate("cba"):
        segment.append(batch(name, 2), NOW + age)
    assert segment.expire(NOW) == 0
    assert segment.expire(NOW + 1) == 2
    lease = segment.take()
    assert segment.expire(NOW + 9) == 0
    assert lease and lease.batch() == batch("b", 2)
    lease.settle()
    assert segment.expire(NOW + 9) == 2
    assert not segment
    segment.close()


def test_a_file_of_another_version_is_set_aside_whole(
    tmp_path: Path, opened: Open, damaged: list[int]
) -> None:
    (tmp_path / "one.bulk.spool").write_bytes(b"PMSPOOL1" + bytes(60))
    segment = opened()
    assert segment.take() is None
    assert (tmp_path / "one.bulk.corrupt").read_bytes() == b"PMSPOOL1" + bytes(60)
    assert damaged == [1]
    segment.close()


def test_what_is_joined_keeps_within_the_limit_of_a_request(opened: Open) -> None:
    segment = opened()
    for number in range(40):
        segment.append(_plain(f"{number:02}" * 20), NOW)
    segment.append(_plain("x" * 900), NOW)
    sent = []
    while lease := segment.take(limit=300):
        sent.append(gzip.decompress(lease.batch().body))
        lease.settle()
    assert b"".join(sent) == b"".join(b"%02d" % number * 20 for number in range(40)) + b"x" * 900
    assert max(len(body) for body in sent[:-1]) <= 300
    assert len(sent) < 20
    segment.close()
