"""One who listens: whose eyes, what is asked for, how far it was told, and the connection that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import orjson

from promethios.receiver.access.gate import Principal

#: What a client may leave unread, bytes: a listener that reads slower than it is told to is let go.
BACKLOG: Final = 256 * 1024
#: Something is sent so often at least, seconds: it keeps proxies from closing, and finds who is gone.
HEARTBEAT_SECONDS: Final = 15.0
#: Between two events `changed`, seconds.
CHANGED_SECONDS: Final = 1.0
#: Who was away for longer than so many rows of a kind begins later.
LONGEST: Final = 10_000
_HEARTBEAT: Final = b": \n\n"


class Line(Protocol):
    """A connection that stays open, as listeners need it. No call waits for the client."""

    @property
    def connected(self) -> bool:
        """Whether the client is there."""

    @property
    def unread(self) -> int:
        """How many bytes wait for the client."""

    def push(self, data: bytes) -> None:
        """Send more of the answer."""

    def finish(self) -> None:
        """End the answer well, as soon as the client has read the rest."""

    def drop(self) -> None:
        """Close the connection, without waiting for the client to read."""


class Marks(NamedTuple):
    """The ids of the newest rows that a listener was told of."""

    decisions: int = 0
    violations: int = 0
    alerts: int = 0

    def __str__(self) -> str:
        return "-".join(map(str, (*self,)))

    @classmethod
    def parse(cls, text: str) -> Marks | None:
        """What `str` wrote; None for anything else."""
        parts = text.split("-")
        if len(parts) != len(cls._fields) or not all(_is_id(part) for part in parts):
            return None
        return cls(*map(int, parts))


#: An event: its name, its row, and how far one is told after it.
Event = tuple[str, dict[str, Any], Marks]


def begin_at(known: Marks, latest: Marks) -> Marks:
    """Where one who comes back begins: at what it knew, as far as that makes sense."""
    return Marks(*(min(max(mark, end - LONGEST), end) for mark, end in zip(known, latest, strict=True)))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


@dataclass(frozen=True, slots=True)
class Topic:
    """What is asked for: those who ask for the same are answered with one look at the database.

    Args:
        tenant_id: The tenant.
        bound: The one agent that the key speaks for; None for any.
        agents: The agents that are asked for; empty for all.
        everything: Decisions that allow too.
    """

    tenant_id: int
    bound: str | None
    agents: tuple[str, ...]
    everything: bool


class Listener:
    """One who listens.

    Args:
        principal: Whose eyes.
        topic: What is asked for.
        marks: After which rows to begin; None for those that come from now on.
        moved: Is called when it can be told something, and when it listens no more.
    """

    def __init__(
        self, principal: Principal, topic: Topic, marks: Marks | None, moved: Callable[[Listener], None]
    ) -> None:
        self.principal = principal
        self.topic = topic
        self.marks = marks or Marks()
        self._resumes = marks is not None
        #: Whether it is known where the news begin for it.
        self.begun = False
        self._moved = moved
        self._over = False
        self._line: Line | None = None
        self._sent = time.monotonic()
        # Both are empty before the first time: who has just come is told where things stand.
        self._changed: tuple[int | None, ...] = ()
        self._changed_at = -CHANGED_SECONDS
        self._told: tuple[int | None, ...] = ()

    @property
    def listens(self) -> bool:
        """Whether it can be told something: before its answer has begun it cannot."""
        return self._line is not None

    def joined(self, line: Line) -> None:
        """Its answer has begun: the rest goes this way."""
        self._line = line
        self._moved(self)

    @property
    def over(self) -> bool:
        """Whether it listens no more."""
        return self._over

    def left(self) -> None:
        """Its client is gone, or its answer never began."""
        self._line, self._over = None, True
        self._moved(self)

    def begin(self, latest: Marks) -> None:
        """Begin behind what it knew, or with what comes from now on."""
        self.marks = begin_at(self.marks, latest) if self._resumes else latest
        self.begun = True

    def hear(self, events: Iterable[Event], reached: Marks, last_ingest: int | None) -> None:
        """Send events; then it is told as far as `reached`.

        Args:
            events: What happened.
            reached: How far that goes.
            last_ingest: When telemetry last arrived, Unix milliseconds: said soon, and not with each request.
        """
        for event, row, marks in events:
            self.marks = marks
            self._tell(event, row)
        self.marks = reached
        self._changed = (last_ingest,)

    def _tell(self, event: str, row: Any) -> None:
        """Send an event; its id is how far it was told."""
        data = orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS)
        self._push(b"id: %s\nevent: %s\ndata: %s\n\n" % (str(self.marks).encode(), event.encode(), data))

    def tick(self) -> None:
        """Say what is due by the clock."""
        now = time.monotonic()
        if self._changed != self._told and now - self._changed_at >= CHANGED_SECONDS:
            self._told, self._changed_at = self._changed, now
            self._tell("changed", {"last_ingest": self._changed[0]})
        elif now - self._sent >= HEARTBEAT_SECONDS:
            self._push(_HEARTBEAT)

    def end(self) -> None:
        """End its answer well; what waits, and the end behind it, go out if there is room at once."""
        line = self._line
        if line is not None and line.connected:
            behind = line.unread
            line.finish()
            if behind:
                line.drop()
        self.left()

    def _push(self, data: bytes) -> None:
        line = self._line
        if line is None:
            return
        if not line.connected or line.unread > BACKLOG:
            line.drop()
            self.left()
            return
        self._sent = time.monotonic()
        line.push(data)
