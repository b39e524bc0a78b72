"""Where the keys and tenants are that a command means: in a database file, or behind a running receiver."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection

from promethios.receiver.access.keyring import KeyRequest, create_key, list_keys, revoke_key, rotate_key
from promethios.receiver.access.roles import parse_scopes
from promethios.receiver.access.tenants import list_tenants, set_quota
from promethios.receiver.api.keys import describe
from promethios.receiver.api.tenants import describe_tenant
from promethios.receiver.cli.asking import AskError, api_of, ask
from promethios.receiver.store.lock import DatabaseInUse
from promethios.receiver.store.sqlite import SQLiteStore, StoreError
from promethios.receiver.store.urls import sqlite_path

T = TypeVar("T")
_Rows = list[dict[str, Any]]

_DAY = 86_400 * 10**9


class KeyStoreError(RuntimeError):
    """It could not be done; the message says why and what to do."""


class KeyStore(ABC):
    """Keys that can be made, listed, rotated and revoked, and the tenants that they are of."""

    @abstractmethod
    def create(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make a key: its text and its id. `wanted` is as the API's ``POST /keys`` takes it."""

    @abstractmethod
    def list(self) -> list[dict[str, Any]]:
        """Every key without its secret."""

    @abstractmethod
    def revoke(self, key_id: str) -> None:
        """Revoke a key.

        Raises:
            KeyStoreError: There is none with this id that could be revoked.
        """

    @abstractmethod
    def rotate(self, key_id: str, overlap: int) -> dict[str, Any]:
        """Make a key that takes the place of another, which goes on for `overlap` seconds.

        Raises:
            KeyStoreError: There is none with this id that is valid.
        """

    @abstractmethod
    def tenants(self) -> _Rows:
        """Every tenant that may be seen."""

    @abstractmethod
    def set_quota(self, tenant: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Give a tenant quotas of its own; the tenant as it is then.

        Raises:
            KeyStoreError: There is no such tenant, or it may not be done.
        """


class DatabaseKeys(KeyStore):
    """The keys in a database that no receiver holds.

    Args:
        url_or_path: The database.
    """

    def __init__(self, url_or_path: str) -> None:
        self._url_or_path = url_or_path

    def create(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make a key, creating the database too when there is none."""
        days = wanted.get("days")
        try:
            request = KeyRequest(
                wanted.get("tenant", "default"),
                parse_scopes(wanted["scope"]),
                wanted.get("agent"),
                wanted.get("environment") or "live",
                None if days is None else time.time_ns() + days * _DAY,
            )
            key = self._do(lambda connection: create_key(connection, request))
        except ValueError as error:
            raise KeyStoreError(str(error)) from error
        return {"key": key.reveal(), "key_id": key.key_id}

    def list(self) -> list[dict[str, Any]]:
        """Every key of every tenant."""
        return [describe(record) for record in self._do(list_keys, existing=True)]

    def revoke(self, key_id: str) -> None:
        """Revoke a key of any tenant."""
        if not self._do(lambda connection: revoke_key(connection, key_id), existing=True):
            raise KeyStoreError(f"no key {key_id!r} in {self._url_or_path} that could be revoked")

    def rotate(self, key_id: str, overlap: int) -> dict[str, Any]:
        """Rotate a key of any tenant."""
        key = self._do(lambda connection: rotate_key(connection, key_id, overlap * 10**9), existing=True)
        if key is None:
            raise KeyStoreError(f"no valid key {key_id!r} in {self._url_or_path} that could be rotated")
        return {"key": key.reveal(), "key_id": key.key_id, "replaces": key_id}

    def tenants(self) -> _Rows:
        """Every tenant."""
        return [describe_tenant(record) for record in self._do(list_tenants, existing=True)]

    def set_quota(self, tenant: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Give any tenant quotas of its own."""
        try:
            found = self._do(lambda connection: set_quota(connection, tenant, changes), existing=True)
        except ValueError as error:
            raise KeyStoreError(str(error)) from error
        if not found:
            raise KeyStoreError(f"no tenant {tenant!r} in {self._url_or_path}")
        return next(row for row in self.tenants() if row["tenant"] == tenant)

    def _do(self, work: Callable[[Connection], T], existing: bool = False) -> T:
        return in_database(self._url_or_path, work, existing)


def in_database(url_or_path: str, work: Callable[[Connection], T], existing: bool = True) -> T:
    """Do something in a transaction of a database that no receiver holds.

    Args:
        url_or_path: The database.
        work: What to do.
        existing: Whether it has to be there; else it is made.

    Raises:
        KeyStoreError: It cannot be used.
    """
    try:
        path = sqlite_path(url_or_path)
        if existing and not path.exists():
            raise KeyStoreError(f"there is no database {path}")
        store = SQLiteStore(path)
    except DatabaseInUse as error:
        raise KeyStoreError(f"{error}, or go through it: --url http://HOST:PORT and an admin key") from error
    except (StoreError, ValueError) as error:
        raise KeyStoreError(str(error)) from error
    try:
        with store.writer.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
    finally:
        store.close()
    return result


class ServerKeys(KeyStore):
    """The keys of a running receiver's tenant.

    Args:
        url: The receiver's address.
        api_key: An admin key.

    Raises:
        KeyStoreError: The address is not one of HTTP.
    """

    def __init__(self, url: str, api_key: str) -> None:
        try:
            self._base = api_of(url)
        except AskError as error:
            raise KeyStoreError(str(error)) from error
        self._api_key = api_key

    def create(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make a key."""
        made: dict[str, Any] = self._ask("POST", f"{self._base}/keys", json.dumps(dict(wanted)).encode())
        return made

    def list(self) -> list[dict[str, Any]]:
        """Every key of the admin key's tenant."""
        rows: list[dict[str, Any]] = self._ask("GET", f"{self._base}/keys")["data"]
        return rows

    def revoke(self, key_id: str) -> None:
        """Revoke a key of the admin key's tenant."""
        self._ask("DELETE", f"{self._base}/keys/{quote(key_id, safe='')}")

    def rotate(self, key_id: str, overlap: int) -> dict[str, Any]:
        """Rotate a key of the admin key's tenant."""
        body = json.dumps({"overlap_seconds": overlap}).encode()
        made: dict[str, Any] = self._ask("POST", f"{self._base}/keys/{quote(key_id, safe='')}/rotate", body)
        return made

    def tenants(self) -> _Rows:
        """The admin key's tenant; with a key of the operator all."""
        rows: _Rows = self._ask("GET", f"{self._base}/tenants")["data"]
        return rows

    def set_quota(self, tenant: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Give a tenant quotas, with a key of the operator."""
        body = json.dumps(dict(changes)).encode()
        row: dict[str, Any] = self._ask("PUT", f"{self._base}/tenants/{quote(tenant, safe='')}", body)[
            "data"
        ][0]
        return row

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Any:
        try:
            return ask(method, url, self._api_key, body)
        except AskError as error:
            raise KeyStoreError(str(error)) from error
