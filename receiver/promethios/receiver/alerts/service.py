"""Alerts, put together: what evaluates, what tells, and in which order they start and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from promethios.governance.alerting import AlertRule
from promethios.receiver.access.gate import Principal
from promethios.receiver.alerts.delivery import Delivery, Outbox, sender
from promethios.receiver.alerts.evaluation import Rows
from promethios.receiver.alerts.evaluator import Evaluator
from promethios.receiver.alerts.letters import check_letters, send_letter
from promethios.receiver.alerts.store import give_up_unknown
from promethios.receiver.alerts.targets import remember
from promethios.receiver.alerts.webhook import Webhooks
from promethios.receiver.api import signals
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.settings import SettingsError

T = TypeVar("T")

#: What a rule evaluated by hand, without a thread, counts as having passed, seconds.
_BY_HAND: Final = 15


class Alerts:
    """Evaluates and tells, from `start` to `stop`.

    Args:
        services: The receiver's parts.
        webhooks: Sends webhooks; as the configuration says where none is given.

    Attributes:
        evaluator: Evaluates.
        delivery: Tells.

    Raises:
        SettingsError: A channel cannot be used.
    """

    def __init__(self, services: Services, webhooks: Webhooks | None = None) -> None:
        self._services = services
        alerting, counts = services.alerting, services.alert_counts
        self._check()
        webhooks = webhooks or Webhooks(alerting.allow_networks)
        outbox = Outbox(self._read, self._write)
        self.delivery = Delivery(alerting.channels, outbox, sender(webhooks.send, send_letter), counts)
        seconds = services.settings.alert_seconds or _BY_HAND
        self.evaluator = Evaluator(
            alerting, services.readers, self._write, numbers, counts, seconds, self.delivery.wake
        )

    def start(self) -> None:
        """Start, unless it is off."""
        if self._services.settings.alert_seconds:
            self.delivery.start()
            self.evaluator.start()

    def stop(self) -> None:
        """End; the writer must still run."""
        self.evaluator.stop()
        self.delivery.stop()

    def _check(self) -> None:
        channels = self._services.alerting.channels
        for channel in channels:
            if channel.url and (why := check_letters(channel)):
                raise SettingsError(f"alerts: channel '{channel.name}': {why}")
        if wrong := self._write(lambda connection: remember(connection, channels)):
            raise SettingsError(f"alerts: {wrong}")
        names = [channel.name for channel in channels]
        given_up = self._write(lambda connection: give_up_unknown(connection, names))
        self._services.alert_counts.add(dropped=given_up)

    def _read(self, ask: Callable[[Connection], T]) -> T:
        with self._services.readers.connect() as connection:
            return ask(connection)

    def _write(self, work: Callable[[Connection], Any]) -> Any:
        # Alerts matter most when nothing else is taken, and they are few and small.
        return self._services.writer.do(work, always=True)


def numbers(connection: Connection, principal: Principal, rule: AlertRule, now: int) -> Rows:
    """A rule's numbers, as the API answers them."""
    return signals.rows(View(connection, principal), rule, signals.window(rule, now))
