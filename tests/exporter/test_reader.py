"""A thread of their own collects metrics: who flushes or ends waits for it until a time, no longer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from promethios.exporter import configure
from promethios.exporter.testing import OtlpSink

ZERO_CODE = """
import sys, threading
from opentelemetry import metrics, trace

def forever(options):
    threading.Event().wait()

from promethios.exporter import in_force
in_force.set_up()
metrics.get_meter("agent").create_observable_gauge("agent.load", [forever])
trace.get_tracer("agent").start_span("work-of-the-agent").end()
"""


class Stuck:
    """The callback of an observable instrument that answers when it is let go, and not before."""

    def __init__(self) -> None:
        self.asked, self.free = threading.Event(), threading.Event()

    def __call__(self, _: CallbackOptions) -> list[Observation]:
        self.asked.set()
        self.free.wait()
        return [Observation(1)]


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.free.set()


def test_a_callback_that_hangs_holds_neither_flush_nor_shutdown(sink: OtlpSink, stuck: Stuck) -> None:
    handle = configure(sink.url, "", set_global=False, exit_budget=2.0)
    handle.meter_provider.get_meter("agent").create_observable_gauge("agent.load", [stuck])
    handle.tracer_provider.get_tracer("agent").start_span("work-of-the-agent").end()
    ended = threading.Event()

    def end() -> None:
        handle.flush(0.2)
        handle.shutdown()
        ended.set()

    threading.Thread(target=end, daemon=True).start()

    assert stuck.asked.wait(30)
    assert ended.wait(30) and not stuck.free.is_set()
    assert [span.name for span in sink.spans()] == ["work-of-the-agent"]


def test_a_process_set_up_by_its_environment_ends_though_a_callback_hangs(sink: OtlpSink) -> None:
    environ = {**os.environ, "PROMETHIOS_ENDPOINT": sink.url, "PROMETHIOS_API_KEY": "k"}
    environ["PROMETHIOS_EXIT_BUDGET"] = "2"

    ended = subprocess.run(
        [sys.executable, "-c", ZERO_CODE], env=environ, capture_output=True, text=True, timeout=25, check=True
    )

    assert [span.name for span in sink.spans()] == ["work-of-the-agent"]
    assert "the last metrics were not collected in time" in ended.stderr


def test_what_was_counted_last_is_collected_at_the_end(sink: OtlpSink) -> None:
    handle = configure(sink.url, "", set_global=False, metric_interval=3600.0)
    counter = handle.meter_provider.get_meter("agent").create_counter("agent.answers")
    for _ in range(3):
        counter.add(1)
        handle.flush(30)
    counter.add(1)
    handle.shutdown(30)

    told = [metric for metric in sink.metrics() if metric.name == "agent.answers"]
    assert {point.as_int for metric in told for point in metric.sum.data_points} == {1, 2, 3, 4}


def test_who_ends_it_too_waits_for_what_another_thread_still_collects(sink: OtlpSink, stuck: Stuck) -> None:
    """A delivery that is closed takes no more: what was collected behind that was lost."""
    handle = configure(sink.url, "", set_global=False, metric_interval=3600.0)
    handle.meter_provider.get_meter("agent").create_observable_gauge("agent.load", [stuck])
    threads = [threading.Thread(target=handle.shutdown, args=(60,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert stuck.asked.wait(30)
    threads[1].join(0.2)
    stuck.free.set()
    for thread in threads:
        thread.join()
    assert "agent.load" in {metric.name for metric in sink.metrics()}
    assert not any(handle.totals().dropped.values())
