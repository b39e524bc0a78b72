"""The one place that decides whether a request may go on, for HTTP and for gRPC."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from promethios.receiver.access.failures import Failures, network_of
from promethios.receiver.access.keyring import KeyRecord, Keyring
from promethios.receiver.access.keys import parse_key
from promethios.receiver.access.quotas import Quota, Quotas
from promethios.receiver.access.roles import RULES, Scope, granted
from promethios.receiver.access.sessions import Sessions
from promethios.receiver.refusal import Kind, Refusal

#: What an unknown key is compared with, so that it takes as long as a known one.
_NOBODY: Final = bytes(32)

_NO_KEY: Final = "no valid API key: send one as 'Authorization: Bearer pmk_...' or as 'x-api-key: pmk_...'"

_NO_SESSION: Final = "the console's session has ended: sign in with a key that reads"

_TOO_OFTEN: Final = "too many attempts without a valid API key: a valid one is let in at any time"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a key stands for. The tenant comes from here and from nowhere else.

    Args:
        key_id: The key's public id.
        tenant_id: The tenant whose data it may touch.
        scopes: What it may be used for.
        agent_id: The one agent that it speaks for, or None for any.
        tenant: The tenant's name.
        quota: What its tenant may send, where the settings do not say it.
        session: The session of the console that stands for the key; empty where the key itself was shown.
    """

    key_id: str
    tenant_id: int
    scopes: frozenset[Scope]
    agent_id: str | None = None
    tenant: str = ""
    quota: Quota = field(default_factory=Quota)
    session: str = field(default="", repr=False)


class Gate:
    """Decides by key and by part of the server; what `RULES` does not name is denied.

    Args:
        keyring: The keys.
        quotas: What tenants have left of what they may send.
    """

    def __init__(self, keyring: Keyring, quotas: Quotas) -> None:
        self._keyring = keyring
        self._quotas = quotas
        self.failures = Failures()
        self.sessions = Sessions()

    def enter(
        self,
        part: str | None,
        headers: Iterable[tuple[str, str]],
        peer: str = "",
        session: str | None = None,
    ) -> Principal | None:
        """Let a request into a part of the server, or refuse it.

        Args:
            part: The name of a part in `RULES`.
            headers: The request's headers or metadata.
            peer: The address of the client.
            session: The session of the console that a request which reads has. A key goes before it.

        Returns:
            Whom the request's key stands for; None where the part is open to everyone.

        Raises:
            Refusal: There is no valid key, or not one with the scope, or its tenant's quota is used up.
        """
        wanted = RULES.get(part, Scope.ADMIN) if part is not None else Scope.ADMIN
        if wanted is None:
            return None
        presented = _presented(headers)
        if presented is None and session and wanted is Scope.READ:
            return self._resume(session)
        record = self._authenticate(presented)
        if record is None:
            raise self._turned_away(presented, peer, _NO_KEY)
        if part not in RULES or not granted(record.scopes, wanted):
            raise Refusal(Kind.FORBIDDEN, f"this API key lacks the scope '{wanted}': use a key that has it")
        self._keyring.note_use(record.key_id)
        if wanted is Scope.INGEST:
            self._quotas.check(record.tenant_id, record.quota)
        return Principal(
            record.key_id, record.tenant_id, record.scopes, record.agent_id, record.tenant, record.quota
        )

    def _resume(self, session: str) -> Principal:
        """Whom a session stands for: its key's holder, for reading only."""
        record = self.behind(session)
        if record is None:
            headers = {"WWW-Authenticate": "Bearer"}
            raise Refusal(Kind.UNAUTHENTICATED, _NO_SESSION, headers=headers, code="session-ended")
        self._keyring.note_use(record.key_id)
        scopes = frozenset({Scope.READ})
        return Principal(
            record.key_id, record.tenant_id, scopes, record.agent_id, record.tenant, record.quota, session
        )

    def behind(self, session: str) -> KeyRecord | None:
        """The key that a session stands for, if both are valid and it may read."""
        key_id = self.sessions.key_of(session)
        record = None if key_id is None else self._keyring.find(key_id)
        if record is None or not record.valid(time.time_ns()) or not granted(record.scopes, Scope.READ):
            return None
        return record

    def holds(self, principal: Principal) -> bool:
        """Whether whom a principal stands for would still be let in to read: for what lasts."""
        if principal.session:
            return self.behind(principal.session) is not None
        record = self._keyring.find(principal.key_id)
        return record is not None and record.valid(time.time_ns())

    def knows(self, headers: Iterable[tuple[str, str]]) -> bool:
        """Whether the headers have a valid key, for whatever it may be used."""
        return self._authenticate(_presented(headers)) is not None

    def turn_away(self, headers: Iterable[tuple[str, str]], peer: str, message: str) -> Refusal:
        """The answer to a request that `knows` did not know, and that is not read for that reason."""
        return self._turned_away(_presented(headers), peer, message)

    def _turned_away(self, presented: str | None, peer: str, message: str) -> Refusal:
        """The same answer for every way to be wrong; who is wrong too often is told to wait."""
        challenge = {"WWW-Authenticate": "Bearer"}
        if presented is not None:
            key = parse_key(presented)
            if wait := self.failures.note(network_of(peer), key.key_id if key else None):
                return Refusal(
                    Kind.TOO_MANY,
                    _TOO_OFTEN,
                    retry_after=wait,
                    headers=challenge,
                    code="too-many-attempts",
                )
        return Refusal(Kind.UNAUTHENTICATED, message, headers=challenge)

    def _authenticate(self, presented: str | None) -> KeyRecord | None:
        """The stored key, if it is valid; every way to be wrong takes the same path."""
        key = parse_key(presented) if presented else None
        record = self._keyring.find(key.key_id) if key else None
        digest = key.digest if key else _NOBODY
        same = hmac.compare_digest(digest, record.digest if record else _NOBODY)
        if key is None or record is None or not same or not record.valid(time.time_ns()):
            return None
        return record


def _presented(headers: Iterable[tuple[str, str]]) -> str | None:
    """The key as it was sent; `Authorization` goes before `x-api-key`."""
    found = {
        name.lower(): value.strip()
        for name, value in headers
        if name.lower() in ("authorization", "x-api-key")
    }
    scheme, _, token = found.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return found.get("x-api-key")
