"""The thread that evaluates: every tenant in turn, over and over, and leaves most of the time to others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Engine, exists, or_, select

from promethios.governance.alerting import AlertRule
from promethios.receiver.access.gate import Principal
from promethios.receiver.alerts import store
from promethios.receiver.alerts.configuration import Alerting
from promethios.receiver.alerts.evaluation import Outcome, Rows, Telling, look
from promethios.receiver.alerts.figures import AlertCounts
from promethios.receiver.store import schema
from promethios.receiver.store.alert_tables import alerts
from promethios.receiver.store.connections import snapshot

_log = logging.getLogger(__name__)

#: From a rule to its rows, with one tenant's eyes.
Signals = Callable[[Connection, Principal, AlertRule, int], Rows]

#: Time between two looks that counts at most, as a part of what it should be: a machine may have slept.
_MOST_PASSED: Final = 3.0
#: How often old rows are deleted, seconds.
_TIDY_SECONDS: Final = 3_600.0
#: Of a processor's time this part at most is spent on evaluating, whatever number of tenants there is.
_SHARE: Final = 0.2
_MILLISECOND: Final = 1_000_000


class Evaluator:
    """Evaluates the rules of every tenant.

    Args:
        alerting: The rules, and who is told.
        readers: Connections that read.
        write: Calls a function in a transaction of the writer.
        signals: Asks for a rule's numbers.
        counts: Where it is counted.
        seconds: How often.
        put: Is called after a commit in which something may have been put into the outbox.
    """

    def __init__(
        self,
        alerting: Alerting,
        readers: Engine,
        write: Callable[[Callable[[Connection], Any]], Any],
        signals: Signals,
        counts: AlertCounts,
        seconds: float,
        put: Callable[[], None] = lambda: None,
    ) -> None:
        self._alerting, self._readers, self._write = alerting, readers, write
        self._signals, self._counts, self._seconds = signals, counts, seconds
        self._put = put
        self._looked: dict[int, float] = {}
        self._full: set[str] = set()
        self._tidied = -_TIDY_SECONDS
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="promethios-alerts", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the tenant that it is at."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            try:
                self.turn(pace=True)
            except Exception as error:
                # Such as a database that is being checked: the next turn is soon.
                self._counts.add(failed_evaluations=1)
                _log.error("alerts cannot be evaluated: %s", error)

    def turn(self, *, pace: bool = False) -> None:
        """Evaluate every tenant once.

        Args:
            pace: Leave the processor to others for most of the time.
        """
        for principal in self._tenants():
            began = time.monotonic()
            try:
                self.evaluate(principal, time.time_ns(), began)
            except Exception as error:
                self._counts.add(failed_evaluations=1)
                _log.error("alerts of tenant %s cannot be evaluated: %s", principal.tenant, error)
            took = time.monotonic() - began
            if pace and self._ending.wait(took * (1 / _SHARE - 1)):
                return
        if time.monotonic() - self._tidied >= _TIDY_SECONDS:
            self._write(lambda connection: store.tidy(connection, time.time_ns()))
            self._tidied = time.monotonic()

    def evaluate(self, principal: Principal, now: int, moment: float) -> Outcome:
        """Evaluate one tenant.

        Args:
            principal: Its eyes.
            now: Unix nanoseconds.
            moment: Seconds, by a clock that only passes.
        """
        passed = moment - self._looked.get(principal.tenant_id, moment)
        with snapshot(self._readers) as connection:
            outcome = look(
                self._alerting.rules,
                lambda rule: self._signals(connection, principal, rule, now // _MILLISECOND),
                store.read_standings(connection, principal.tenant_id),
                now,
                min(passed, _MOST_PASSED * self._seconds),
            )
        telling = Telling(self._alerting, principal.tenant_id, principal.tenant, now)
        if telling.anything(outcome):
            self._tell_of_full(self._write(lambda connection: telling.write(connection, outcome)))
            self._put()
        self._looked[principal.tenant_id] = moment
        self._counts.add(evaluations=1, failed_evaluations=len(outcome.failed))
        self._counts.fire(principal.tenant_id, outcome.firing)
        return outcome

    def _tell_of_full(self, channels: list[str]) -> None:
        self._counts.add(dropped=len(channels))
        for name in set(channels) - self._full:
            _log.error("channel %s: %d messages wait: further ones are dropped", name, store.MOST_WAITING)
        self._full = set(channels)

    def _tenants(self) -> list[Principal]:
        """Those that have agents, or alerts: of others there is nothing to say."""
        tenants = schema.tenants
        some = or_(*(exists().where(table.c.tenant_id == tenants.c.id) for table in (schema.agents, alerts)))
        statement = select(tenants.c.id, tenants.c.name).where(some).order_by(tenants.c.id)
        with self._readers.connect() as connection:
            rows = connection.execute(statement).all()
        return [Principal("alerts", row.id, frozenset(), None, row.name) for row in rows]
