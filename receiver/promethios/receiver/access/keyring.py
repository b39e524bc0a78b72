"""Keys in the database: made, listed, revoked, and looked up."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.dialects.sqlite import insert

from promethios.receiver.access.keys import ApiKey, check_environment, new_key
from promethios.receiver.access.quotas import Quota
from promethios.receiver.access.roles import Scope, parse_scopes
from promethios.receiver.store.schema import api_keys, tenants

#: The tenant of a new database. It is the operator's: its administrators make keys for every tenant.
FIRST_TENANT: Final = "default"
#: How long a key is believed without asking the database again, seconds.
BELIEVED: Final = 2.0
#: How exactly it is written down when a key was last used, seconds.
NOTED: Final = 60.0
_MOST_BELIEVED: Final = 10_000


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What the database knows of a key. Times are Unix nanoseconds."""

    key_id: str
    tenant_id: int
    tenant: str
    digest: bytes = field(repr=False)
    environment: str
    scopes: frozenset[Scope]
    agent_id: str | None
    created: int
    expires: int | None
    revoked: int | None
    last_used: int | None
    replaces: str | None = None
    quota: Quota = field(default_factory=Quota)

    def valid(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key that somebody wants.

    Args:
        tenant: The tenant's name; it is created when there is none.
        scopes: What the key may be used for.
        agent_id: The one agent that it speaks for, or None for any.
        environment: A word in the key's text, for people.
        expires: Unix nanoseconds, or None for never.

    Raises:
        ValueError: The tenant or the agent has no name, no scope is given, one agent is to administer, or the
            environment is no such word.
    """

    tenant: str
    scopes: frozenset[Scope]
    agent_id: str | None = None
    environment: str = "live"
    expires: int | None = None

    def __post_init__(self) -> None:
        if not _is_name(self.tenant):
            raise ValueError("a tenant's name has 1 to 200 printable characters")
        if not self.scopes:
            raise ValueError(f"a key needs a scope: scopes are {', '.join(Scope)}")
        if self.agent_id is not None and not _is_name(self.agent_id):
            raise ValueError("an agent's id has 1 to 200 printable characters")
        if self.agent_id is not None and Scope.ADMIN in self.scopes:
            raise ValueError("a key that speaks for one agent cannot administer")
        check_environment(self.environment)


def _is_name(text: str) -> bool:
    """Whether people can read it, in a line of its own."""
    return text.isprintable() and bool(text.strip()) and len(text) <= 200


def create_key(connection: Connection, request: KeyRequest, replaces: str | None = None) -> ApiKey:
    """Store a new key and return it in the clear, for the only time.

    Args:
        connection: A connection in a transaction.
        request: What it is for.
        replaces: The id of the key whose place it takes.
    """
    key, now = new_key(request.environment), time.time_ns()
    connection.execute(
        insert(tenants).values(name=request.tenant, created_unix_nano=now).on_conflict_do_nothing()
    )
    tenant_id = connection.scalar(select(tenants.c.id).where(tenants.c.name == request.tenant))
    row = {
        "tenant_id": tenant_id,
        "key_id": key.key_id,
        "secret_sha256": key.digest,
        "environment": key.environment,
        "scopes": ",".join(sorted(request.scopes)),
        "agent_id": request.agent_id,
        "created_unix_nano": now,
        "expires_unix_nano": request.expires,
        "replaces": replaces,
    }
    connection.execute(api_keys.insert().values(row))
    return key


def rotate_key(
    connection: Connection, key_id: str, overlap: int, tenant_id: int | None = None
) -> ApiKey | None:
    """Make a key that takes the place of another, which goes on for a while.

    The new one may do what the old one may, and lives as long as that was to live.

    Args:
        connection: A connection in a transaction.
        key_id: The key to replace.
        overlap: For how long the old key goes on, nanoseconds; not beyond its own end.
        tenant_id: Whose key it must be; None for anybody's.

    Returns:
        The new key; None when there is no valid key with this id.
    """
    now = time.time_ns()
    row = connection.execute(_KEYS.where(api_keys.c.key_id == key_id)).one_or_none()
    old = None if row is None else _record(row)
    if old is None or not old.valid(now) or tenant_id not in (None, old.tenant_id):
        return None
    expires = None if old.expires is None else now + old.expires - old.created
    request = KeyRequest(old.tenant, old.scopes, old.agent_id, old.environment, expires)
    ends = now + overlap if old.expires is None else min(old.expires, now + overlap)
    connection.execute(api_keys.update().where(api_keys.c.key_id == key_id).values(expires_unix_nano=ends))
    return create_key(connection, request, replaces=key_id)


def revoke_key(connection: Connection, key_id: str, tenant_id: int | None = None) -> bool:
    """Revoke a key, of `tenant_id` only where given; False when there is no such key to revoke."""
    statement = api_keys.update().where(api_keys.c.key_id == key_id, api_keys.c.revoked_unix_nano.is_(None))
    if tenant_id is not None:
        statement = statement.where(api_keys.c.tenant_id == tenant_id)
    return connection.execute(statement.values(revoked_unix_nano=time.time_ns())).rowcount == 1


def list_keys(connection: Connection, tenant_id: int | None = None) -> list[KeyRecord]:
    """Every key, oldest first, of `tenant_id` only where given."""
    statement = _KEYS.order_by(api_keys.c.id)
    if tenant_id is not None:
        statement = statement.where(api_keys.c.tenant_id == tenant_id)
    return [_record(row) for row in connection.execute(statement)]


def touch_keys(connection: Connection, used: dict[str, int]) -> None:
    """Write down when keys were last used: Unix nanoseconds by key id."""
    for key_id, when in used.items():
        connection.execute(
            api_keys.update().where(api_keys.c.key_id == key_id).values(last_used_unix_nano=when)
        )


def any_key(connection: Connection) -> bool:
    """Whether the database has a key at all, a revoked one too."""
    return bool(connection.scalar(select(func.count()).select_from(api_keys)))


class Keyring:
    """Looks keys up, and remembers each for `BELIEVED` seconds; thread-safe."""

    def __init__(self, readers: Engine) -> None:
        self._readers = readers
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, KeyRecord | None]] = {}
        self._used: dict[str, int] = {}
        self._noted: dict[str, float] = {}

    def find(self, key_id: str) -> KeyRecord | None:
        """The key with this id, or None."""
        now = time.monotonic()
        with self._lock:
            believed = self._known.get(key_id)
        if believed is not None and now - believed[0] < BELIEVED:
            return believed[1]
        with self._readers.connect() as connection:
            row = connection.execute(_KEYS.where(api_keys.c.key_id == key_id)).one_or_none()
        record = None if row is None else _record(row)
        with self._lock:
            if len(self._known) >= _MOST_BELIEVED:
                self._known.clear()
            self._known[key_id] = (now, record)
        return record

    def forget(self) -> None:
        """Ask the database again, for every key: something was changed."""
        with self._lock:
            self._known.clear()

    def note_use(self, key_id: str) -> None:
        """Remember that a key was used now; of what is used all the time, once in `NOTED` seconds."""
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get(key_id, -NOTED) < NOTED:
                return
            if len(self._noted) >= _MOST_BELIEVED:
                self._noted.clear()
            self._noted[key_id] = now
            self._used[key_id] = time.time_ns()

    def write_uses(self, connection: Connection) -> None:
        """Write down what was noted: a chore of the writer, for keys that send nothing which is stored."""
        used = self.take_uses()
        if not used:
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            touch_keys(connection, used)
            connection.exec_driver_sql("COMMIT")
        except Exception:
            connection.exec_driver_sql("ROLLBACK")
            raise

    def take_uses(self) -> dict[str, int]:
        """Hand over what was noted since the last call."""
        with self._lock:
            used, self._used = self._used, {}
        return used


_KEYS: Final = select(
    api_keys,
    tenants.c.name.label("tenant"),
    tenants.c.quota_bytes_per_minute,
    tenants.c.quota_items_per_minute,
).join(tenants, tenants.c.id == api_keys.c.tenant_id)


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row.key_id,
        tenant_id=row.tenant_id,
        tenant=row.tenant,
        digest=row.secret_sha256,
        environment=row.environment,
        scopes=parse_scopes(row.scopes),
        agent_id=row.agent_id,
        created=row.created_unix_nano,
        expires=row.expires_unix_nano,
        revoked=row.revoked_unix_nano,
        last_used=row.last_used_unix_nano,
        replaces=row.replaces,
        quota=Quota(row.quota_bytes_per_minute, row.quota_items_per_minute),
    )
