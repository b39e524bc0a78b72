"""What an examination found, and how bad it is: of an agent's environment, or of a receiver's database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad a finding is."""

    OK = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: Its name.
        level: How bad it is.
        message: What was found.
        advice: What to do; empty where there is nothing to do.
    """

    check: str
    level: Level
    message: str
    advice: str = ""
