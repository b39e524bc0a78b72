"""Whether an agent lives: by when it was last seen, and by what it said last."""

from __future__ import annotations

from typing import Final

#: Until how long ago an agent counts as live, and as stale, milliseconds: three heartbeats, ten minutes.
LIVE: Final = 90_000
STALE: Final = 600_000
#: What `level` says of a live agent; and what a timeline says of one that said goodbye.
LIVE_LEVEL: Final = 2
STOPPED_LEVEL: Final = 3
#: What arrives so long after a goodbye, milliseconds, is not its process' last words but another's.
GOODBYE: Final = 5_000


def state(since: int) -> str:
    """``live``, ``stale`` or ``down``, by the milliseconds since an agent was seen."""
    return "live" if since < LIVE else "stale" if since < STALE else "down"


def level(since: int) -> int:
    """The same as a number for a timeline: 2, 1 or 0."""
    return LIVE_LEVEL if since < LIVE else 1 if since < STALE else 0


def patience(interval: float | None) -> float:
    """How long a process may be silent, milliseconds, that says every `interval` seconds that it lives."""
    return max(LIVE, 3_000 * (interval or 0))


def condition(*, living: bool, stopped: bool, working: bool, since: int) -> str:
    """What became of an agent, which `state` does not tell.

    Args:
        living: Whether a process of it was heard lately.
        stopped: Whether the last of them that was heard said goodbye.
        working: Whether it did anything lately: a span of it arrived.
        since: Milliseconds since anything was heard of it.

    Returns:
        ``alive``; ``silent``, which lives and does nothing; ``stopped``, which said goodbye; ``missing``,
        which should have been heard by now; ``dead``, which was not for ten minutes.
    """
    if living:
        return "alive" if working else "silent"
    if stopped:
        return "stopped"
    return "missing" if since < STALE else "dead"
