"""The one thread that writes: requests queue for it, share a commit, and are answered after it.

    request's thread                        writer's thread
    put(work) ── queue, bounded in bytes ──> BEGIN IMMEDIATE
    wait                                     savepoint, work, release   (each on its own)
    answer  <────────────────────────────── COMMIT, synchronous=FULL

Guarantees: nobody hears "stored" before the commit that stores it returned. A piece of work that fails takes
back only its own rows. When the commit itself fails, everybody in it hears so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from promethios.receiver.refusal import Refusal, unavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: How long a request waits for its commit before it is told to try again, seconds.
PATIENCE: Final = 30.0
_MOST_IN_COMMIT: Final = 256


class _Work(Generic[T]):
    """Something to do in a transaction, and its outcome."""

    def __init__(self, do: Callable[[Connection], T], size: int) -> None:
        self.do = do
        self.size = size
        self.done = threading.Event()
        self.result: T | None = None
        self.error: Exception | None = None

    def fail(self, error: Exception) -> None:
        self.error = error
        self.done.set()


class Writer:
    """Owns the writing connection.

    Args:
        engine: The engine of the one writing connection.
        queue_bytes: How many bytes may wait; what comes then is told to try again.
        commit_seconds: How long the first piece of work waits for others to share its commit.
    """

    def __init__(self, engine: Engine, *, queue_bytes: int, commit_seconds: float) -> None:
        self._engine = engine
        self._queue_bytes = queue_bytes
        self._commit_seconds = commit_seconds
        self._changed = threading.Condition()
        self._queue: deque[_Work[Any]] = deque()
        self._queued = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="promethios-writer", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[Connection], T], size: int = 0) -> T:
        """Run `work` in a transaction; return its result after the commit.

        Args:
            work: Is called in the writer's thread, in a savepoint of its own.
            size: What it counts in the queue, bytes.

        Raises:
            Refusal: The queue is full, the writer stops, or the database cannot store it now.
        """
        item = _Work(work, size)
        with self._changed:
            if self._stopping:
                raise unavailable("the receiver is shutting down")
            if self._queue and self._queued + size > self._queue_bytes:
                raise unavailable("the receiver's queue is full", retry_after=2)
            self._queue.append(item)
            self._queued += size
            self._changed.notify_all()
        if not item.done.wait(PATIENCE):
            raise unavailable(f"the database took longer than {PATIENCE:.0f} s", retry_after=3)
        if item.error is not None:
            raise item.error
        return item.result  # type: ignore[return-value]

    def stop(self) -> None:
        """Take no more work, commit what waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while works := self._take():
                self._commit(connection, works)

    def _take(self) -> list[_Work[Any]]:
        """Wait for work, and a little longer for work that can share its commit; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            deadline = time.monotonic() + self._commit_seconds
            while not self._stopping and len(self._queue) < _MOST_IN_COMMIT:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            works = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_IN_COMMIT))]
            self._queued -= sum(work.size for work in works)
        return works

    def _commit(self, connection: Connection, works: list[_Work[Any]]) -> None:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for work in works:
                self._perform(connection, work)
            connection.exec_driver_sql("COMMIT")
        except Exception as error:
            self._give_up(connection, works, error)
            return
        for work in works:
            work.done.set()

    def _perform(self, connection: Connection, work: _Work[Any]) -> None:
        connection.exec_driver_sql("SAVEPOINT work")
        try:
            work.result = work.do(connection)
        except Exception as error:
            connection.exec_driver_sql("ROLLBACK TO work")
            work.error = _as_refusal(error)
        connection.exec_driver_sql("RELEASE work")

    def _give_up(self, connection: Connection, works: list[_Work[Any]], error: Exception) -> None:
        """The transaction is lost: undo it, and tell everybody in it to try again."""
        try:
            if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError:
            _log.exception("cannot roll back")
        for work in works:
            work.fail(_as_refusal(error))


def _as_refusal(error: Exception) -> Exception:
    """What the client hears. A fault of ours is one that passes: its data must not be dropped for it."""
    if isinstance(error, Refusal):
        return error
    _log.error("cannot store a request: %s", error, exc_info=error)
    return unavailable("the database cannot store this now", retry_after=2)
