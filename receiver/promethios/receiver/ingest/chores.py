"""What the writer's thread does now and then between commits: checkpoints, retention, rollups."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

_log = logging.getLogger(__name__)

Do = Callable[[Connection], None]


@dataclass(slots=True)
class _Chore:
    seconds: float
    do: Do
    name: str
    due: float
    #: How it failed the last time; empty when it did not.
    failed: str = ""


class Chores:
    """Chores and when they are due; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chores: list[_Chore] = []

    def add(self, seconds: float, do: Do, name: str) -> None:
        """Do something every so many seconds, first when they have passed once."""
        with self._lock:
            self._chores.append(_Chore(seconds, do, name, time.monotonic() + seconds))

    def wait_seconds(self) -> float | None:
        """How long until one is due, at least 0; None when there is none."""
        with self._lock:
            due = min((chore.due for chore in self._chores), default=None)
        return None if due is None else max(0.0, due - time.monotonic())

    def run_due(self, connection: Connection) -> list[Exception]:
        """Do what is due; what fails is logged, undone, returned, and done again when its time comes.

        The same failure is logged once: a log that tells it each time would fill a full disk further.
        """
        now = time.monotonic()
        errors: list[Exception] = []
        with self._lock:
            due = [chore for chore in self._chores if chore.due <= now]
        for chore in due:
            try:
                chore.do(connection)
            except Exception as error:
                _tell(chore, error)
                errors.append(error)
            else:
                _tell(chore, None)
            finally:
                _end_transaction(connection)
                chore.due = time.monotonic() + chore.seconds
        return errors


def _tell(chore: _Chore, error: Exception | None) -> None:
    """Log what is new; where the database is to blame without the way to it, which leads nowhere."""
    database = isinstance(error, OperationalError)
    cause = error.orig if isinstance(error, OperationalError) else error
    failed = "" if error is None else f"{type(cause).__name__}: {cause}"
    if failed and failed != chore.failed:
        _log.error(
            "the chore %r failed; it is tried again every %g s: %s",
            *(chore.name, chore.seconds, failed),
            exc_info=None if database else error,
        )
    elif chore.failed and not failed:
        _log.warning("the chore %r is done again", chore.name)
    chore.failed = failed


def _end_transaction(connection: Connection) -> None:
    """A chore that left its transaction open would have the next commit fail."""
    try:
        if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("ROLLBACK")
    except Exception:
        _log.exception("cannot roll back what a chore began")
