"""Retention: what is too old, and what is too much, in steps between commits.

Age is counted from when a row was received, by the steady clock: neither an agent's clock nor a jump of this
machine's own makes anything old. Telemetry goes after `retention_days`, and earlier where the database is
larger than `max_db_bytes`; evidence (decisions, violations, trust) goes after `evidence_days`, never earlier.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from promethios.receiver.maintenance import marks
from promethios.receiver.maintenance.clock import DAY, HOUR, SteadyClock, load
from promethios.receiver.maintenance.deleting import Deleter, bounds
from promethios.receiver.maintenance.marks import EVIDENCE, TELEMETRY, Mark
from promethios.receiver.maintenance.orphans import Orphans
from promethios.receiver.maintenance.shrinking import Shrinker, used_bytes

_log = logging.getLogger(__name__)

#: How often to look whether there is something to do, seconds; while there is, each call does a step.
LOOK_SECONDS: Final = 10.0
#: Too much is deleted until so much of the limit is used.
_DOWN_TO: Final = 0.95


@dataclass(frozen=True, slots=True)
class Keep:
    """What to keep.

    Args:
        retention_days: Telemetry, days after it was received; 0 for ever.
        evidence_days: Evidence, likewise.
        max_db_bytes: How large the database may be before telemetry goes early; 0 for any size.
    """

    retention_days: int
    evidence_days: int
    max_db_bytes: int = 0


class Retention:
    """Deletes what is not to be kept; a chore of the writer.

    Args:
        keep: What to keep.
        clock: The steady clock.
        monotonic: Seconds that only grow.

    Attributes:
        deleter: Counts what it deletes.
        over: Whether the database is larger than it may be, with nothing left that may go early.
    """

    def __init__(
        self, keep: Keep, clock: SteadyClock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep = keep
        self._clock = clock
        self._monotonic = monotonic
        self.deleter = Deleter()
        self.over = False
        self._orphans, self._shrinker = Orphans(), Shrinker()
        self._next_look = monotonic()
        self._too_much = False

    def tend(self, connection: Connection) -> None:
        """Do a step if there is something to do; called several times a second, outside a transaction."""
        if self._monotonic() < self._next_look:
            return
        again = LOOK_SECONDS
        try:
            again = 0.0 if self.step(connection) else LOOK_SECONDS
        finally:
            # Also after a step that failed, as on a full disk: the log need not say so ten times a second.
            self._next_look = self._monotonic() + again

    def step(self, connection: Connection) -> bool:
        """Do one step of what there is to do; whether there was anything."""
        steady = self._tell_time(connection)
        done = self._delete_old(connection, steady) or self._delete_too_much(connection)
        if done:
            self._orphans.begin()
            return True
        if self._orphans.note(connection) or self._orphans.sweep(connection):
            return True
        return self._shrinker.step(connection)

    def _tell_time(self, connection: Connection) -> int:
        """The steady time; now and then it is stored, with a mark of what has been received by it."""
        known = load(connection)
        at = 0 if known is None else self._clock.at(known)
        due = marks.due(connection, at)
        if self._clock.started and known is not None and not due and at - known.time < HOUR:
            return at
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        steady = self._clock.advance(connection)
        if due:
            marks.set_mark(connection, steady.time, steady.moment.wall_unix_nano)
        marks.forget(connection, steady.time - self._longest() * DAY)
        connection.exec_driver_sql("COMMIT")
        return steady.time

    def _longest(self) -> int:
        return max(self._keep.retention_days or marks.EVER_DAYS, self._keep.evidence_days)

    def _delete_old(self, connection: Connection, steady: int) -> bool:
        for days, tables in ((self._keep.retention_days, TELEMETRY), (self._keep.evidence_days, EVIDENCE)):
            mark = marks.before(connection, steady - days * DAY) if days else None
            if mark is not None and self._delete(connection, mark, tables):
                return True
        return False

    def _delete(self, connection: Connection, mark: Mark, tables: tuple[str, ...]) -> bool:
        return any(
            self.deleter.step(connection, table, up_to)
            for table, up_to in zip(tables, mark.ids(tables), strict=True)
        )

    def _delete_too_much(self, connection: Connection) -> bool:
        most = self._keep.max_db_bytes
        if not most:
            return False
        self._too_much = used_bytes(connection) > most * (_DOWN_TO if self._too_much else 1)
        if not self._too_much:
            self.over = False
            return False
        oldest = {}
        for table in TELEMETRY:
            first, newest = bounds(connection, table)
            if first < newest:
                oldest[table] = first
        mark = marks.covering(connection, oldest)
        if mark is not None and self._delete(connection, mark, TELEMETRY):
            return True
        if not self.over:
            _log.warning("the database is larger than max_db_bytes = %d, and holds nothing that may go", most)
        self.over = True
        return False
