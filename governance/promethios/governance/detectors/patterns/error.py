"""What is said of an expression that cannot be used."""

from __future__ import annotations


class PatternError(ValueError):
    """A regular expression that is not taken; the message says why."""
