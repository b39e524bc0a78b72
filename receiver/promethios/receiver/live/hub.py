"""The one thread that tells all listeners: what is committed wakes it, and nobody waits for it.

    writer ── committed ──> hub ── looks once for all who ask for the same ──> listeners ──> their connections

It reads the database as any question does, with each listener's eyes. A client that reads too slowly is let
go and not waited for; it comes back with the id of the last event that it saw, and misses nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from promethios.receiver.access.gate import Principal
from promethios.receiver.live.listeners import Listener, Marks, Topic
from promethios.receiver.live.news import last_ingest, newest, news
from promethios.receiver.refusal import Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.store.connections import snapshot

_log = logging.getLogger(__name__)

#: How many may listen at once, and how many of them for one tenant.
MOST: Final = 64
MOST_OF_TENANT: Final = 48
#: The shortest time from one look at the database to the next, seconds: what comes meanwhile waits together.
PAUSE_SECONDS: Final = 0.25
#: So often is looked after keys and heartbeats, seconds.
_TICK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 5


class Hub:
    """Everybody who listens; thread-safe.

    Args:
        services: The receiver's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._changed = threading.Condition()
        self._listeners: list[Listener] = []
        self._news = self._stopping = False
        self._thread: threading.Thread | None = None
        services.writer.after_commit(self._committed)

    def listen(self, principal: Principal, topic: Topic, marks: Marks | None) -> Listener:
        """Take a listener.

        Raises:
            Refusal: There are too many, no thread can be had, or the receiver is ending.
        """
        # From this moment on, and not from the hub's next look: its answer is about to begin.
        listener = Listener(principal, topic, self._now() if marks is None else marks, self._moved)
        with self._changed:
            self._refuse_now(principal)
            if self._thread is None:
                self._thread = self._started()
            self._listeners.append(listener)
        return listener

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="promethios-live", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise unavailable(f"nobody can listen yet: {error}", retry_after=_RETRY_SECONDS) from error
        return thread

    def _now(self) -> Marks:
        with self._services.readers.connect() as connection:
            return newest(connection)

    def stop(self) -> None:
        """End every answer, and take no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        for listener in self._all():
            listener.end()

    def _refuse_now(self, principal: Principal) -> None:
        if self._stopping:
            raise unavailable("the receiver is shutting down")
        own = sum(each.principal.tenant_id == principal.tenant_id for each in self._listeners)
        if len(self._listeners) >= MOST or own >= MOST_OF_TENANT:
            raise unavailable("too many listen already", retry_after=_RETRY_SECONDS, crowded=True)

    def _committed(self) -> None:
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def _moved(self, listener: Listener) -> None:
        with self._changed:
            if listener.over and listener in self._listeners:
                self._listeners.remove(listener)
            self._changed.notify_all()

    def _all(self) -> list[Listener]:
        with self._changed:
            return list(self._listeners)

    def _run(self) -> None:
        while self._wait():
            try:
                self._look()
            except (SQLAlchemyError, Refusal) as error:
                _log.warning("those who listen could not be told: %s; it is tried again", error)
                self._news = True

    def _wait(self) -> bool:
        """Wait for something to tell; False at the end."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._stopping, PAUSE_SECONDS):
                idle = None if not self._listeners else _TICK_SECONDS
                self._changed.wait_for(lambda: self._news or self._stopping or self._waiting(), idle)
            return not self._stopping

    def _waiting(self) -> bool:
        """Whether somebody has come who has not been told where the news begin."""
        return any(each.listens and not each.begun for each in self._listeners)

    def _look(self) -> None:
        listeners = [each for each in self._all() if each.listens]
        for each in listeners:
            if not self._services.gate.holds(each.principal):
                each.end()
        listeners = [each for each in listeners if each.listens]
        if not listeners:
            return
        fresh, self._news = self._news, False
        if fresh or any(not each.begun for each in listeners):
            with snapshot(self._services.readers) as connection:
                self._tell(connection, listeners)
        for each in listeners:
            each.tick()

    def _tell(self, connection: Connection, listeners: list[Listener]) -> None:
        latest = newest(connection)
        alike: dict[tuple[Topic, Marks], list[Listener]] = defaultdict(list)
        for each in listeners:
            if not each.begun:
                each.begin(latest)
            alike[each.topic, each.marks].append(each)
        for (topic, told), group in alike.items():
            principal = group[0].principal
            events, reached = news(self._services, connection, principal, topic, told, latest)
            when = last_ingest(connection, principal)
            for each in group:
                each.hear(events, reached, when)
            if reached != latest:  # or what is committed meanwhile could be forgotten
                self._news = True
