"""Whether an agent lives, by when it was last seen."""

from __future__ import annotations

from typing import Final

#: Until how long ago an agent counts as live, and as stale, milliseconds: three heartbeats, ten minutes.
LIVE: Final = 90_000
STALE: Final = 600_000
#: What `level` says of a live agent.
LIVE_LEVEL: Final = 2


def state(since: int) -> str:
    """``live``, ``stale`` or ``down``, by the milliseconds since an agent was seen."""
    return "live" if since < LIVE else "stale" if since < STALE else "down"


def level(since: int) -> int:
    """The same as a number for a timeline: 2, 1 or 0."""
    return LIVE_LEVEL if since < LIVE else 1 if since < STALE else 0
