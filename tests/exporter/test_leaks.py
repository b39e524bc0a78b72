"""What is closed leaves nothing behind, however often it is done."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from promethios.exporter import Promethios, configure
from promethios.exporter.batch import Batch
from promethios.exporter.delivery import Delivery
from promethios.exporter.settings import Settings
from promethios.exporter.testing import OtlpSink
from promethios.governance.telemetry import forks

ROUNDS = 1000 if os.environ.get("CI") else 200


def _held() -> dict[str, int]:
    gc.collect()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "renewed": len(forks._alive),
        "threads": sum(each.name.startswith("promethios-d") for each in threading.enumerate()),
    }


@contextmanager
def _leaves_nothing() -> Iterator[None]:
    before = _held()
    yield
    until = time.monotonic() + 20
    while (now := _held()) and any(now[what] > before[what] for what in now):
        assert time.monotonic() < until, (before, now)
        threading.Event().wait(0.05)


def test_deliveries_that_are_closed_leave_no_thread_no_file_and_no_callback(
    batch: Callable[..., Batch], sink: OtlpSink, tmp_path: Path
) -> None:
    def run(number: int) -> None:
        spool: dict[str, Any] = {"spool_dir": tmp_path} if number % 10 == 0 else {}
        delivery = Delivery(Settings.load(endpoint=sink.url, api_key="k", **spool))
        if number % 20 == 0:
            delivery.submit(batch(f"span {number}"))
        delivery.close(time.monotonic() + 5)

    run(0)
    with _leaves_nothing():
        for number in range(ROUNDS):
            run(number)
    assert len(sink.spans()) == 1 + ROUNDS // 20


def test_the_callbacks_of_forks_do_not_pile_up() -> None:
    """`os.register_at_fork` keeps what it was given for ever."""
    code = (
        "import os\n"
        "made = []\n"
        "register = os.register_at_fork\n"
        "os.register_at_fork = lambda **given: (made.append(given), register(**given))\n"
        "from promethios.exporter.delivery import Delivery\n"
        "from promethios.exporter.settings import Settings\n"
        "first = Delivery(Settings.load(api_key='k'))\n"
        "count = len(made)\n"
        "for _ in range(20): Delivery(Settings.load(api_key='k')).close(0)\n"
        "print(len(made) - count)\n"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True, timeout=60) == "0\n"


def test_an_agent_that_is_shut_down_is_collected(sink: OtlpSink) -> None:
    def run() -> Promethios:
        return configure(sink.url, "k", set_global=False, adapters=False)

    run().shutdown()
    with _leaves_nothing():
        for _ in range(5):
            run().shutdown()
