"""Where the alerts are that a command means: in a database file, or behind a running receiver."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, select

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import FIRST_TENANT
from promethios.receiver.alerts.configuration import Alerting
from promethios.receiver.api.alerts import alert_rows, end_silence, make_silence, silence_rows, wanted
from promethios.receiver.api.question import LATEST, Question
from promethios.receiver.api.view import View
from promethios.receiver.cli.asking import AskError, api_of, ask
from promethios.receiver.cli.keystores import KeyStoreError, in_database
from promethios.receiver.cli.where import store_of
from promethios.receiver.refusal import Refusal
from promethios.receiver.store.schema import tenants

T = TypeVar("T")
Rows = list[dict[str, Any]]


class AlertStore(ABC):
    """Alerts that can be looked at, and silences that can be made and ended."""

    @abstractmethod
    def alerts(self) -> Rows:
        """Every alert that is pending or firing, or was resolved lately."""

    @abstractmethod
    def silences(self) -> Rows:
        """Every silence that lasts."""

    @abstractmethod
    def silence(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make a silence; `body` is as the API's ``POST /alerts/silences`` takes it."""

    @abstractmethod
    def unsilence(self, silence_id: str) -> None:
        """End a silence."""


class DatabaseAlerts(AlertStore):
    """The alerts of the operator's tenant, in a database that no receiver holds.

    Args:
        url_or_path: The database.
    """

    def __init__(self, url_or_path: str) -> None:
        self._url_or_path = url_or_path

    def alerts(self) -> Rows:
        """Every alert, whenever it was resolved."""
        question = Question(0, LATEST, 1_000, 1_000, None, {})
        return self._do(lambda connection: alert_rows(Alerting(), _view(connection), question))

    def silences(self) -> Rows:
        """Every silence that lasts."""
        return self._do(lambda connection: silence_rows(_view(connection)))

    def silence(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make a silence."""

        def work(connection: Connection) -> dict[str, Any]:
            return make_silence(connection, _tenant(connection), wanted(dict(body), "database"))

        return self._do(work)

    def unsilence(self, silence_id: str) -> None:
        """End a silence."""
        self._do(lambda connection: end_silence(connection, silence_id, _tenant(connection)))

    def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            return in_database(self._url_or_path, work)
        except Refusal as error:
            raise KeyStoreError(error.message) from error


def _tenant(connection: Connection) -> int:
    found = connection.execute(select(tenants.c.id).where(tenants.c.name == FIRST_TENANT)).scalar()
    if found is None:
        raise KeyStoreError(f"there is no tenant {FIRST_TENANT!r} yet")
    return int(found)


def _view(connection: Connection) -> View:
    return View(connection, Principal("", _tenant(connection), frozenset()))


class ServerAlerts(AlertStore):
    """The alerts of a running receiver's tenant.

    Args:
        url: The receiver's address.
        api_key: An admin key; to look, one of scope read will do.

    Raises:
        KeyStoreError: The address is not one of HTTP.
    """

    def __init__(self, url: str, api_key: str) -> None:
        try:
            self._base = f"{api_of(url)}/alerts"
        except AskError as error:
            raise KeyStoreError(str(error)) from error
        self._api_key = api_key

    def alerts(self) -> Rows:
        """Every alert; those that were resolved in the last day too."""
        found: Rows = self._ask("GET", self._base)["data"]
        return found

    def silences(self) -> Rows:
        """Every silence that lasts."""
        found: Rows = self._ask("GET", f"{self._base}/silences")["data"]
        return found

    def silence(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make a silence."""
        made: Rows = self._ask("POST", f"{self._base}/silences", json.dumps(dict(body)).encode())["data"]
        return made[0]

    def unsilence(self, silence_id: str) -> None:
        """End a silence."""
        self._ask("DELETE", f"{self._base}/silences/{quote(silence_id, safe='')}")

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Any:
        try:
            return ask(method, url, self._api_key, body)
        except AskError as error:
            raise KeyStoreError(str(error)) from error


def alert_store(db: str | None, url: str | None, api_key: str | None) -> AlertStore:
    """The alerts that the options mean.

    Raises:
        UsageError: They exclude each other, or there is no key for a receiver.
    """
    return store_of(db, url, api_key, DatabaseAlerts, ServerAlerts)
