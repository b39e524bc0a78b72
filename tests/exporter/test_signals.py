"""A signal's handler runs in the middle of anything that the main thread does, and may decide, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from promethios.exporter.batch import Lane
from promethios.exporter.spools import SpoolFolder

SUBMIT = """
import logging, signal, sys, time
from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.delivery import Delivery
from promethios.exporter.settings import Settings

logging.disable()
delivery = Delivery(Settings.load(endpoint="http://127.0.0.1:9", api_key="any", spool_dir=sys.argv[1]))
handled = []

def handle(*_):
    delivery.submit(Batch(Signal.TRACES, 1, b"handler" * 10, Lane.DECISIONS, packed=False))
    handled.append(1)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0005)
recorded = 0
while len(handled) < 400:
    delivery.submit(Batch(Signal.TRACES, 1, b"main" * 10, Lane.DECISIONS, packed=False))
    recorded += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(recorded + len(handled), delivery.close(0).parked)
"""

COUNT = """
import signal
from promethios.exporter.counts import Counts, DropReason

counts, handled, told = Counts(), [], 0

def handle(*_):
    counts.drop(1, DropReason.QUEUE_FULL)
    handled.append(1)
    signal.setitimer(signal.ITIMER_REAL, 0.001)

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001)
while len(handled) < 300:
    counts.dropped
    told += counts.since_last_flush(0).dropped
signal.setitimer(signal.ITIMER_REAL, 0)
told += counts.since_last_flush(0).dropped
print(len(handled) == told == counts.dropped[DropReason.QUEUE_FULL])
"""

COLLECT = """
import signal, time
from promethios.exporter.batching import Batcher

gone, handled, recorded = [], [], 0
batcher = Batcher(gone.extend, lambda items, reason: gone.extend([reason] * items), lambda item: 1)

def handle(*_):
    for _ in range(600):
        batcher.add(1)
    handled.append(600)
    signal.setitimer(signal.ITIMER_REAL, 0.001)

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001)
while len(handled) < 300:
    batcher.add(1)
    recorded += 1
signal.setitimer(signal.ITIMER_REAL, 0)
batcher.close(time.monotonic() + 20)
print(len(gone) == recorded + sum(handled))
"""


def _run(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_what_a_handler_decides_while_the_main_thread_decides_is_on_disk(tmp_path: Path) -> None:
    recorded, parked = map(int, _run(SUBMIT, str(tmp_path)).split())
    assert recorded == parked
    damaged: list[int] = []
    folder = SpoolFolder(tmp_path, 1 << 30, damaged.append, damaged.append)
    folder.adopt(folder.find(folder.paths, folder.room))
    kept = []
    while lease := folder.take(Lane.DECISIONS):
        kept += lease.parts
        folder.settle(lease)
    folder.close()
    assert (len(kept), damaged) == (recorded, [])
    assert sum(part.body.startswith(b"handler") for part in kept) >= 400


def test_a_handler_may_count_while_the_main_thread_reads_the_counts() -> None:
    assert _run(COUNT) == "True\n"


def test_a_handler_may_record_while_the_main_thread_wakes_the_thread_that_collects() -> None:
    assert _run(COLLECT) == "True\n"
