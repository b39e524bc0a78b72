"""What the writer's thread does now and then between commits: checkpoints, retention, rollups."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

_log = logging.getLogger(__name__)

Do = Callable[[Connection], None]


@dataclass(slots=True)
class _Chore:
    seconds: float
    do: Do
    name: str
    due: float


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
        """Do what is due; what fails is logged, undone, returned, and done again when its time comes."""
        now = time.monotonic()
        errors: list[Exception] = []
        with self._lock:
            due = [chore for chore in self._chores if chore.due <= now]
        for chore in due:
            try:
                chore.do(connection)
            except Exception as error:
                _log.exception("the chore %r failed; it is tried again in %g s", chore.name, chore.seconds)
                errors.append(error)
            finally:
                _end_transaction(connection)
                chore.due = time.monotonic() + chore.seconds
        return errors


def _end_transaction(connection: Connection) -> None:
    """A chore that left its transaction open would have the next commit fail."""
    try:
        if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("ROLLBACK")
    except Exception:
        _log.exception("cannot roll back what a chore began")
