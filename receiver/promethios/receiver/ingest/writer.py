"""The one thread that writes: requests queue for it, share a commit, and are answered after it.

    request's thread                        writer's thread
    put(work) ── queue, bounded in bytes ──> BEGIN IMMEDIATE
    wait                                     savepoint, work, release   (each on its own)
    answer  <────────────────────────────── COMMIT, synchronous=FULL
                                             chores that are due, outside a transaction

Guarantees: nobody hears "stored" before the commit that stores it returned. A piece of work that fails takes
back only its own rows. When the commit itself fails, everybody in it hears so; when it failed for the disk or
the file, nothing more is taken until the database was opened anew and found whole: a second fsync that
succeeds says nothing of what the first one lost.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from promethios.receiver.ingest.chores import Chores
from promethios.receiver.ingest.figures import CommitCounts, WriterFigures
from promethios.receiver.refusal import Refusal, unavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: How long a request waits for its commit before it is told to try again, seconds.
PATIENCE: Final = 30.0
_MOST_IN_COMMIT: Final = 256
_BYTES_IN_COMMIT: Final = 16 * 1024 * 1024
#: How long until a database that is not whole is looked at again, seconds: the first time, and at most.
_LOOK_AGAIN: Final = (0.5, 60.0)
_BEING_CHECKED: Final = "the database failed and is being checked"
#: Primary result codes (the low byte) after which the connection is not believed any more.
_UNTRUSTED: Final = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}
)


class _Work(Generic[T]):
    """Something to do in a transaction, and its outcome."""

    __slots__ = ("do", "done", "error", "result", "since", "size")

    def __init__(self, do: Callable[[Connection], T], size: int) -> None:
        self.do = do
        self.size = size
        self.since = time.monotonic()
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
        commit_seconds: How long a commit waits at most for work that is on its way; see `coming`.
    """

    def __init__(self, engine: Engine, *, queue_bytes: int, commit_seconds: float) -> None:
        self._engine = engine
        self._queue_bytes = queue_bytes
        self._commit_seconds = commit_seconds
        self._changed = threading.Condition()
        self._queue: deque[_Work[Any]] = deque()
        self._queued = 0
        self._coming = 0
        self._oldest: float | None = None
        self._held: str | None = None
        self._broken = False
        self._stopping = False
        self._chores = Chores()
        self._counts = CommitCounts()
        self._after: tuple[Callable[[], None], ...] = ()
        self._thread = threading.Thread(
            target=self._run, args=(engine.connect(),), name="promethios-writer", daemon=True
        )
        self._thread.start()

    def do(self, work: Callable[[Connection], T], size: int = 0, *, always: bool = False) -> T:
        """Run `work` in a transaction; return its result after the commit.

        Args:
            work: Is called in the writer's thread, in a savepoint of its own.
            size: What it counts in the queue, bytes.
            always: Also while the writer is held: for what makes room, and for keys.

        Raises:
            Refusal: The queue is full, the writer is held or stops, or the database cannot store it now.
        """
        item = _Work(work, size)
        with self._changed:
            self._refuse_now(size, always)
            self._queue.append(item)
            self._queued += size
            self._changed.notify_all()
        if not item.done.wait(PATIENCE):
            raise unavailable(f"the database took longer than {PATIENCE:.0f} s", retry_after=3)
        if item.error is not None:
            raise item.error
        return item.result  # type: ignore[return-value]

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Say that `do` is to follow the block: a commit waits for who comes, so that they share it."""
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1

    def _refuse_now(self, size: int, always: bool) -> None:
        if self._stopping:
            raise unavailable("the receiver is shutting down")
        if self._broken:
            raise unavailable(_BEING_CHECKED, retry_after=3)
        if self._held is not None and not always:
            raise unavailable(self._held, retry_after=5)
        if self._queue and self._queued + size > self._queue_bytes:
            raise unavailable("the receiver's queue is full", retry_after=2, crowded=True)

    def hold(self, reason: str | None) -> None:
        """Take no work but what is done `always`, and say why; None takes work again.

        What waits already is still done.
        """
        with self._changed:
            self._held = reason

    def every(self, seconds: float, chore: Callable[[Connection], None], name: str) -> None:
        """Do a chore in the writer's thread, between commits, whenever `seconds` have passed; also when idle.

        Args:
            seconds: How long from its end to its next beginning.
            chore: Is called outside a transaction, and should take less than 50 ms: requests wait meanwhile.
                One that needs a transaction begins it with ``BEGIN IMMEDIATE`` and ends it with ``COMMIT``.
            name: What the log calls it when it fails.
        """
        self._chores.add(seconds, chore, name)
        with self._changed:
            self._changed.notify_all()

    def after_commit(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each commit, in the writer's thread: it must neither wait nor raise."""
        self._after = (*self._after, tell)

    def figures(self) -> WriterFigures:
        """What it has done and what waits; cheap, from any thread."""
        counts, now = self._counts, time.monotonic()
        with self._changed:
            waiting = (self._oldest, self._queue[0].since if self._queue else None)
            return WriterFigures(
                queued_bytes=self._queued,
                queued_requests=len(self._queue),
                oldest_seconds=max((now - since for since in waiting if since is not None), default=0.0),
                commits=counts.commits,
                failed_commits=counts.failed,
                rows=counts.rows,
                commit_seconds_sum=counts.seconds,
                commit_buckets=tuple(counts.buckets),
                held=_BEING_CHECKED if self._broken else self._held,
            )

    def stop(self) -> None:
        """Take no more work, commit what waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self, connection: Connection) -> None:
        try:
            while (works := self._take()) is not None:
                if works:
                    self._commit(connection, works)
                if not self._broken:
                    self._broken = any(map(_untrusted, self._chores.run_due(connection)))
                if self._broken:
                    connection = self._open_anew(connection)
        finally:
            connection.close()

    def _take(self) -> list[_Work[Any]] | None:
        """Wait for work, and a little longer for work that is on its way.

        Returns:
            The work; nothing when it is time for a chore; None at the end.
        """
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return None
                left = self._chores.wait_seconds()
                if left == 0 or not self._changed.wait(left):
                    return []
            self._wait_for_those_who_come()
            return self._pop()

    def _wait_for_those_who_come(self) -> None:
        """A little, while somebody is on the way to share the commit. Nobody who is alone waits."""
        deadline = time.monotonic() + self._commit_seconds
        while self._coming and not self._stopping and len(self._queue) < _MOST_IN_COMMIT:
            left = deadline - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _pop(self) -> list[_Work[Any]]:
        """The next work for one commit, not so long that others would wait for it for long."""
        works, size = [self._queue.popleft()], 0
        while self._queue and len(works) < _MOST_IN_COMMIT:
            size += works[-1].size
            if size >= _BYTES_IN_COMMIT:
                break
            works.append(self._queue.popleft())
        self._queued -= sum(work.size for work in works)
        self._oldest = works[0].since
        return works

    def _commit(self, connection: Connection, works: list[_Work[Any]]) -> None:
        started, before = time.monotonic(), _changes(connection)
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for work in works:
                self._perform(connection, work)
            connection.exec_driver_sql("COMMIT")
        except Exception as error:
            self._give_up(connection, works, error)
            return
        finally:
            self._oldest = None
        self._counts.committed(time.monotonic() - started, _changes(connection) - before)
        for work in works:
            work.done.set()
        for tell in self._after:
            tell()

    def _perform(self, connection: Connection, work: _Work[Any]) -> None:
        connection.exec_driver_sql("SAVEPOINT work")
        try:
            work.result = work.do(connection)
        except Exception as error:
            if _untrusted(error) or not _in_transaction(connection):
                # The whole transaction is gone (a full disk, a failed read): it is everybody's error.
                raise
            connection.exec_driver_sql("ROLLBACK TO work")
            work.error = _as_refusal(error)
        connection.exec_driver_sql("RELEASE work")

    def _give_up(self, connection: Connection, works: list[_Work[Any]], error: Exception) -> None:
        """The transaction is lost: undo it, and tell everybody in it to try again."""
        self._counts.failed += 1
        if _untrusted(error):
            self._broken = True
        try:
            if _in_transaction(connection):
                connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError:
            _log.exception("cannot roll back")
            self._broken = True
        refusal = _as_refusal(error)
        for work in works:
            # Each its own: it is raised in the thread of who waits.
            work.fail(Refusal(refusal.kind, refusal.message, retry_after=refusal.retry_after))

    def _open_anew(self, connection: Connection) -> Connection:
        """Throw the connection away, and take work again once the database was opened and found whole."""
        pause, longest = _LOOK_AGAIN
        while True:
            self._refuse_waiting()
            connection.close()
            self._engine.dispose()
            try:
                connection = self._engine.connect()
                _check(connection)
            except (SQLAlchemyError, sqlite3.Error) as error:
                _log.error("the database cannot be used: %s; it is looked at again in %g s", error, pause)
            else:
                _log.warning("the database was opened anew, and is whole")
                self._broken = False
                return connection
            with self._changed:
                if self._changed.wait_for(lambda: self._stopping, pause):
                    return connection
            pause = min(2 * pause, longest)

    def _refuse_waiting(self) -> None:
        with self._changed:
            works = list(self._queue)
            self._queue.clear()
            self._queued = 0
        for work in works:
            work.fail(unavailable(_BEING_CHECKED, retry_after=3))


def _check(connection: Connection) -> None:
    """Raise unless the database is whole, and a page of it can be written and synced."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise sqlite3.DatabaseError(f"it is not whole: {found}; see `promethios doctor`")
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    # The same number again: an empty transaction would not reach the disk, and succeed on a broken one.
    connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    connection.exec_driver_sql("COMMIT")


def _changes(connection: Connection) -> int:
    return connection.connection.driver_connection.total_changes  # type: ignore[union-attr,no-any-return]


def _in_transaction(connection: Connection) -> bool:
    return connection.connection.driver_connection.in_transaction  # type: ignore[union-attr,no-any-return]


def _untrusted(error: Exception) -> bool:
    """Whether the disk or the file failed, so that the connection's view of it may be wrong."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code: int | None = getattr(cause, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _UNTRUSTED


def _as_refusal(error: Exception) -> Refusal:
    """What the client hears. A fault of ours is one that passes: its data must not be dropped for it."""
    if isinstance(error, Refusal):
        return error
    _log.error("cannot store a request: %s", error, exc_info=error)
    return unavailable("the database cannot store this now", retry_after=2)
