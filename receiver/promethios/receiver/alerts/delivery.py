"""Telling: a thread for each channel takes its messages out of the outbox and sends them.

    outbox: waiting ── attempt noted, committed ──> sent ──> deleted
               ^                                     │ not
               └───── due again, later each time ────┘──> a day after it was made: dead, kept for a week

The attempt is noted before anything is sent: who is killed in between sends the message once more, with the
same id, and not at once. A channel that does not answer holds up no other one.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from promethios.receiver.alerts import store
from promethios.receiver.alerts.channels import Channel
from promethios.receiver.alerts.figures import AlertCounts
from promethios.receiver.alerts.outcome import NotSent

_log = logging.getLogger(__name__)

#: After the first attempt, and at most between two, seconds. Each pause is twice the one before.
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 1_800.0
#: After how long a message is given up, nanoseconds.
GIVEN_UP: Final = 86_400 * 10**9
_SECOND: Final = 10**9
#: How long until the outbox is looked at again when nothing was put into it, seconds.
_LOOK: Final = 30.0
#: How long the end waits for what is being sent, seconds.
_END_SECONDS: Final = 2.0

#: Sends a message to a channel, or raises NotSent.
Send = Callable[[Channel, str, bytes], None]


@dataclass(frozen=True, slots=True)
class Outbox:
    """How the outbox is read and written.

    Args:
        read: Calls a function with a connection that reads.
        write: Calls a function in a transaction of the writer. Raises Refusal.
    """

    read: Callable[[Callable[[Connection], Any]], Any]
    write: Callable[[Callable[[Connection], Any]], Any]


class Delivery:
    """Sends what is in the outbox.

    Args:
        channels: To whom.
        outbox: What.
        send: How.
        counts: Where it is counted.
        first_pause: After how long a failed message is sent again, seconds.
    """

    def __init__(
        self,
        channels: tuple[Channel, ...],
        outbox: Outbox,
        send: Send,
        counts: AlertCounts,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._outbox, self._send, self._counts = outbox, send, counts
        self._first_pause = first_pause
        self._stopping = False
        self._changed = threading.Condition()
        self._put = 0
        self._threads = [
            threading.Thread(
                target=self._run, args=(channel,), name=f"promethios-alerts-{channel.name}", daemon=True
            )
            for channel in channels
        ]

    def start(self) -> None:
        """Start sending; what was left waits no longer than it would have."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Something was put into the outbox."""
        with self._changed:
            self._put += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End; what is not sent stays in the outbox."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, channel: Channel) -> None:
        failures = 0
        while not self._stopping:
            seen = self._put
            try:
                sent = self._next(channel)
            except Exception as error:
                # Such as a database that is being checked: the message is still there.
                _log.error("channel %s: the outbox cannot be used: %s", channel.name, error)
                sent = False
            failures = failures + 1 if sent is False else 0
            # A channel that fails is not tried with every message that waits.
            pause = min(failures, 60.0) if sent is False else 0.0 if sent else self._wait(channel)
            self._sleep(pause, seen)

    def _sleep(self, seconds: float, seen: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (self._put != seen and seconds > 1), seconds)

    def _wait(self, channel: Channel) -> float:
        """How long until the next message is due, seconds."""
        due = self._outbox.read(lambda connection: store.next_due(connection, channel.name))
        left = _LOOK if due is None else (due - time.time_ns()) / _SECOND
        return min(_LOOK, max(0.05, left))

    def _next(self, channel: Channel) -> bool | None:
        """Send the next message that is due; whether it was sent, or None where none is due."""
        now = time.time_ns()
        ahead = int(2 * LONGEST_PAUSE) * _SECOND
        row = self._outbox.read(lambda connection: store.waiting_for(connection, channel.name, now, ahead))
        if row is None:
            return None
        again = now + int(self._pause(row.attempts) * _SECOND)
        self._outbox.write(lambda connection: store.attempt(connection, row.id, again))
        try:
            self._send(channel, row.message_id, row.body.encode())
        except NotSent as error:
            self._failed(channel, row, now, max(again, now + int(error.pause * _SECOND)), error)
            return False
        self._outbox.write(lambda connection: store.arrived(connection, row.id))
        self._counts.add(sent=1)
        return True

    def _failed(self, channel: Channel, row: Any, now: int, again: int, error: NotSent) -> None:
        # A day on either side: what was made in the future was made by a clock that was set back since.
        dead = abs(now - row.created_unix_nano) >= GIVEN_UP
        self._counts.add(failed=1, dropped=int(dead))
        words = "given up after a day" if dead else "tried again"
        if dead or row.attempts == 0:
            log = _log.error if dead else _log.warning
            log("channel %s: message %s was not sent, %s: %s", channel.name, row.message_id, words, error)
        self._outbox.write(lambda connection: store.failed(connection, row.id, str(error), again, dead))

    def _pause(self, attempts: int) -> float:
        """Twice as long each time, and somewhere between half of that and all of it."""
        longest = min(LONGEST_PAUSE, self._first_pause * 2.0 ** min(attempts, 30))
        return longest * random.uniform(0.5, 1.0)


def sender(webhook: Send, letter: Callable[[Channel, dict[str, Any]], None]) -> Send:
    """What sends to either kind of channel."""

    def send(channel: Channel, message_id: str, body: bytes) -> None:
        if channel.webhook:
            webhook(channel, message_id, body)
        else:
            letter(channel, orjson.loads(body))

    return send
