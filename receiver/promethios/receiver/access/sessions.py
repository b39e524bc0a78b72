"""Sessions of the console: a browser that has shown a key need not keep it.

A session is an opaque random id in a cookie that no script can read. What it stands for is kept here, in
memory: a key's id and nothing else, so that it ends with the key, and with the process. It reads; whatever
changes something asks for the key itself.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from promethios.receiver.refusal import Kind, Refusal

#: What the cookie is called.
COOKIE: Final = "promethios_session"
#: Below which paths it is good: questions, and where the session is ended. Browsers send it nowhere else.
PATHS: Final = ("/api/v1", "/console/session")
#: How long a session lasts, seconds.
LASTS: Final = 12 * 3_600
#: How many sessions one key has at most, and all keys together: the oldest ends for a new one.
MOST_OF_KEY: Final = 20
MOST: Final = 1_000
#: What may be done with one: read, and end it.
_ALLOWED: Final = frozenset({"GET", "HEAD", "DELETE"})
#: Pages that may use a session: the console's own, or a person who typed the address. Another port of this
#: machine is "same-site", and gets the cookie.
_OWN: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class _Session:
    key_id: str
    ends: float


class Sessions:
    """Who has a session; thread-safe.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # By the hash of the id, the oldest first: what is in memory cannot be used as a cookie.
        self._sessions: dict[bytes, _Session] = {}

    def begin(self, key_id: str) -> str:
        """Begin a session for a key, and return its id."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._make_room(key_id)
            self._sessions[_digest(token)] = _Session(key_id, self._clock() + LASTS)
        return token

    def key_of(self, token: str) -> str | None:
        """The id of the key that a session stands for; None where there is no such session any more."""
        with self._lock:
            session = self._sessions.get(_digest(token))
        return session.key_id if session is not None and self._clock() < session.ends else None

    def end(self, token: str) -> None:
        """End a session, if there is one."""
        with self._lock:
            self._sessions.pop(_digest(token), None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._sessions)

    def _make_room(self, key_id: str) -> None:
        now = self._clock()
        for digest in [digest for digest, each in self._sessions.items() if each.ends <= now]:
            del self._sessions[digest]
        own = [digest for digest, each in self._sessions.items() if each.key_id == key_id]
        for digest in own[: max(0, len(own) - MOST_OF_KEY + 1)]:
            del self._sessions[digest]
        while len(self._sessions) >= MOST:
            del self._sessions[next(iter(self._sessions))]


def session_in(method: str, path: str, token: str | None, site: str | None) -> str | None:
    """The session that a request may use; None where it has none, or would do something else than read.

    Args:
        method: The request's method.
        path: Its path.
        token: Its cookie `COOKIE`.
        site: Its header ``Sec-Fetch-Site``.

    A page of another site or port may have the browser send the cookie. Browsers that do not say where a
    request comes from keep it to themselves then (``SameSite=Strict``).

    Raises:
        Refusal: Another site's page sent the request.
    """
    if not token or method not in _ALLOWED or not path.startswith(PATHS):
        return None
    if site is not None and site not in _OWN:
        message = "another site's page cannot use the console's session: send an API key"
        raise Refusal(Kind.FORBIDDEN, message, code="cross-site")
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
