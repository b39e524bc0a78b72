"""One thread that does later what would keep an agent waiting now."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Final

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value

from promethios.governance.telemetry.forks import renew_in_child

_log = logging.getLogger(__name__)
#: How many jobs may wait; what comes when they do is dropped and counted.
CAPACITY: Final = 256
#: Seconds that the thread waits for a job before it ends; the next job starts another one.
_IDLE: Final = 5.0


class Worker:
    """Does jobs one after the other, in the background. Thread-safe; a forked child has its own.

    What a job raises is logged, once for each kind of exception, and counted. Jobs that wait when the process
    ends, or when it forks, are not done.

    Args:
        capacity: How many jobs may wait.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}: at least one job must be able to wait")
        self._capacity = capacity
        self._start()
        renew_in_child(self)

    def _start(self) -> None:
        self._jobs: Queue[Callable[[], None]] = Queue(self._capacity)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._logged: set[type[Exception]] = set()
        #: Jobs that found no place, and jobs that raised.
        self.dropped = self.failed = 0

    def renew(self) -> None:
        """Start anew, with nothing to do; called in a forked child."""
        self._start()

    def submit(self, job: Callable[[], None]) -> bool:
        """Have the job done; whether there was a place for it. It never waits."""
        with self._lock:
            try:
                self._jobs.put_nowait(job)
            except Full:
                self.dropped += 1
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="promethios-inspector", daemon=True)
                self._thread.start()
        return True

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything that was submitted is done; whether it is after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        jobs = self._jobs
        with jobs.all_tasks_done:
            while jobs.unfinished_tasks:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                jobs.all_tasks_done.wait(left)
        return True

    def _run(self) -> None:
        # What a detector calls to find out is none of the agent's operations.
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        jobs = self._jobs
        while (job := self._next(jobs)) is not None:
            try:
                job()
            except Exception as error:
                self._fail(error)
            finally:
                jobs.task_done()

    def _next(self, jobs: Queue[Callable[[], None]]) -> Callable[[], None] | None:
        """The next job; None, and no thread any more, where none came for a while."""
        try:
            return jobs.get(timeout=_IDLE)
        except Empty:
            with self._lock:
                if not jobs.empty():
                    return jobs.get_nowait()
                self._thread = None
                return None

    def _fail(self, error: Exception) -> None:
        self.failed += 1
        if type(error) not in self._logged and len(self._logged) < 32:
            self._logged.add(type(error))
            _log.error("a detector in the background failed with %s", type(error).__name__)
