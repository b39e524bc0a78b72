"""A clock that only passes: what retention goes by, whatever the machine's clock is set to.

A clock that jumps a year ahead must not make everything a year old. How much time has passed is known
without the wall clock while the machine is up (``CLOCK_BOOTTIME``, which goes on in sleep and cannot be set).
Only for when it was down there is nothing but the wall clock to ask: of that, at most `MOST_DOWN` counts. So
everything is kept for its time, and longer where the machine was off or its clock was wrong.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

_log = logging.getLogger(__name__)

HOUR: Final = 3_600 * 10**9
DAY: Final = 24 * HOUR
#: What counts of the time in which the machine was off, nanoseconds.
MOST_DOWN: Final = DAY
#: A difference beyond this is a jump, and told.
_JUMP: Final = HOUR


class Moment(NamedTuple):
    """What the machine's clocks say.

    Args:
        boot: Which start of the machine it is; the next start has another word.
        boot_nano: Nanoseconds since then, also those in which it slept.
        wall_unix_nano: The time that its clock is set to, Unix nanoseconds.
    """

    boot: str
    boot_nano: int
    wall_unix_nano: int


class Steady(NamedTuple):
    """The steady clock's state, as it is stored.

    Args:
        moment: When it was read last.
        time: The steady time then; it began as the wall clock's, Unix nanoseconds.
        jump: By how much the wall clock differed from what had passed, when it last did; 0 for never.
        jumped: The steady time of that.
    """

    moment: Moment
    time: int
    jump: int = 0
    jumped: int = 0


def now() -> Moment:
    """What this machine's clocks say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return Moment(boot, time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns())
    except (OSError, AttributeError):
        # Elsewhere than on Linux each process is taken for a start of its own.
        return Moment(f"process {os.getpid()} of {_STARTED}", time.monotonic_ns(), time.time_ns())


_STARTED: Final = time.time_ns()


class SteadyClock:
    """Reads and advances the steady clock of a database; a chore of the writer advances it.

    Args:
        read: Says what the machine's clocks say.
    """

    def __init__(self, read: Callable[[], Moment] = now) -> None:
        self._read = read
        self._started = False

    @property
    def started(self) -> bool:
        """Whether it was advanced yet: before, what passed while this process runs is not known for sure."""
        return self._started

    def advance(self, connection: Connection) -> Steady:
        """Let the time pass that has passed, and store it, inside the caller's transaction."""
        before, moment = load(connection), self._read()
        if before is None:
            after = Steady(moment, moment.wall_unix_nano)
        else:
            passed = _passed(before.moment, moment, same_process=self._started)
            after = _after(before, moment, passed)
        self._started = True
        connection.exec_driver_sql(_STORE, (*after.moment, after.time, after.jump, after.jumped))
        return after

    def at(self, known: Steady) -> int:
        """The steady time now, Unix nanoseconds, where it was stored last as `known`."""
        return known.time + _passed(known.moment, self._read(), same_process=self._started)


def load(connection: Connection) -> Steady | None:
    """The state that a database holds; None where no receiver has kept it in order yet."""
    row = connection.exec_driver_sql(_LOAD).one_or_none()
    return None if row is None else Steady(Moment(*row[:3]), *row[3:])


def _passed(before: Moment, after: Moment, *, same_process: bool) -> int:
    """How much time has passed between two moments, at least."""
    wall = after.wall_unix_nano - before.wall_unix_nano
    if before.boot == after.boot and after.boot_nano >= before.boot_nano:
        running = after.boot_nano - before.boot_nano
        # Another process may be in another container, whose clock began elsewhere: the shorter time is sure.
        return running if same_process else min(running, max(0, wall))
    return min(MOST_DOWN, max(0, wall))


def _after(before: Steady, moment: Moment, passed: int) -> Steady:
    jump = moment.wall_unix_nano - before.moment.wall_unix_nano - passed
    if abs(jump) < _JUMP:
        return Steady(moment, before.time + passed, before.jump, before.jumped)
    _log.warning(
        "the clock of this machine is %s what has passed since it was last read: it was set, or the machine "
        "was off; retention goes by the time that has passed, and deletes nothing for it",
        f"{abs(jump) / HOUR:.1f} h {'ahead of' if jump > 0 else 'behind'}",
    )
    return Steady(moment, before.time + passed, jump, before.time + passed)


_COLUMNS: Final = "boot, boot_nano, wall_unix_nano, steady_unix_nano, jump_nano, jumped_unix_nano"
_LOAD: Final = f"SELECT {_COLUMNS} FROM steady_clock WHERE id = 1"
_STORE: Final = f"INSERT OR REPLACE INTO steady_clock (id, {_COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?)"
