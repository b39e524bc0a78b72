"""What interrupts us in our own thread, a signal's handler or a finalizer, may be governed as well."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from tests.support.governed import POLICIES, Traced

import promethios.governance
from promethios.governance import Governor, Operation

HERE = promethios.governance.__path__[0]
ASKED = Operation("model.before", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"})


class Interrupted:
    """Calls something once at each line of our package, as a signal's handler would."""

    def __init__(self, handler: Callable[[], Any]) -> None:
        self._handler = handler
        self._seen: set[tuple[str, int]] = set()
        self._inside = False
        self.times = 0

    def __call__(self, frame: Any, event: str, _: Any) -> Any:
        place = frame.f_code.co_filename, frame.f_lineno
        if self._inside or not place[0].startswith(HERE):
            return None if self._inside else self
        if event == "line" and place not in self._seen:
            self._seen.add(place)
            self._inside = True
            try:
                self._handler()
                self.times += 1
            finally:
                self._inside = False
        return self


def within(seconds: float, work: Callable[[], None]) -> bool:
    """Whether `work` ended in time, in a thread that keeps nobody from ending."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    return done.wait(seconds)


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES, meter_provider=MeterProvider([InMemoryMetricReader()]))


def test_a_handler_that_is_governed_too_may_interrupt_a_decision_anywhere(
    governor: Governor, traced: Traced
) -> None:
    handler = Interrupted(lambda: governor.decide(ASKED))

    def work() -> None:
        sys.settrace(handler)
        try:
            governor.decide(ASKED)
        finally:
            sys.settrace(None)

    assert within(20, work), f"stuck after {handler.times} interruptions"
    assert handler.times > 50
    seqs = [(span.attributes or {})["promethios.decision.seq"] for span in traced.decisions]
    assert sorted(seqs, key=str) == sorted(range(1, handler.times + 2), key=str)
