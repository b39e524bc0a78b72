"""What the writer counts of itself: plain integers, cheap enough for every commit."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

#: Upper bounds of how long a commit takes, from its beginning to its end on disk, seconds; what is beyond the
#: last one is counted after it.
COMMIT_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class WriterFigures:
    """The writer at one moment.

    Args:
        queued_bytes: Bytes of requests that wait, without those in the commit that runs.
        queued_requests: How many they are.
        oldest_seconds: How long the oldest one waits that is not committed; 0 when none is.
        commits: Commits that reached the disk.
        failed_commits: Commits that did not; nobody in them was told that anything is stored.
        rows: Rows that commits inserted, changed or deleted.
        commit_seconds_sum: How long all commits took together.
        commit_buckets: How many commits took at most each of `COMMIT_BOUNDS`, and longer: not cumulative.
        held: Why no work is taken; None while it is.
    """

    queued_bytes: int
    queued_requests: int
    oldest_seconds: float
    commits: int
    failed_commits: int
    rows: int
    commit_seconds_sum: float
    commit_buckets: tuple[int, ...]
    held: str | None = None


class CommitCounts:
    """Counts commits; one thread counts, others may read."""

    def __init__(self) -> None:
        self.commits = 0
        self.failed = 0
        self.rows = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(COMMIT_BOUNDS) + 1)

    def committed(self, seconds: float, rows: int) -> None:
        """Count a commit that is on the disk."""
        self.commits += 1
        self.rows += rows
        self.seconds += seconds
        self.buckets[bisect_left(COMMIT_BOUNDS, seconds)] += 1
