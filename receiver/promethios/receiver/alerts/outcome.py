"""That something was not told."""

from __future__ import annotations


class NotSent(Exception):
    """A message did not arrive, as far as is known; the text says why, without secrets.

    Args:
        reason: Why.
        pause: How long the other side wants to be left alone, seconds; 0 where it does not say.
    """

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause
