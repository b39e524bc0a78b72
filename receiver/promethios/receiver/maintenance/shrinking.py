"""Giving the space of what was deleted back to the disk, a step at a time.

The database has ``auto_vacuum = INCREMENTAL``: pages that are free can be moved to its end and cut off. The
alternative, ``VACUUM``, writes the whole database anew in one go, during which nothing is stored. Some free
pages are left: what comes next needs them.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy import Connection

from promethios.receiver.maintenance.pace import Pace

#: Free pages that are left: as many, or this part of all.
_LEFT: Final = 64
_LEFT_PART: Final = 1 / 32
#: Give back only when there are so many more than that, so that it is not done for nothing.
_WORTH: Final = 64
_INCREMENTAL: Final = 2


class Shrinker:
    """Cuts free pages off a database."""

    def __init__(self) -> None:
        self._pace = Pace(256, 16, 8_192)
        self._shrinking = False

    def step(self, connection: Connection) -> bool:
        """Give some pages back; whether there were any worth it."""
        if _pragma(connection, "auto_vacuum") != _INCREMENTAL:
            return False
        pages, free = _pragma(connection, "page_count"), _pragma(connection, "freelist_count")
        surplus = free - max(_LEFT, int(pages * _LEFT_PART))
        self._shrinking = surplus > (0 if self._shrinking else _WORTH)
        if not self._shrinking:
            return False
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with self._pace.step() as most:
            # Not `execute`: it takes one step of a statement without rows, and each step frees one page.
            driver.executescript(f"PRAGMA incremental_vacuum({min(most, surplus)})")
        return True


def used_bytes(connection: Connection) -> int:
    """Bytes of a database that hold something."""
    pages, free = _pragma(connection, "page_count"), _pragma(connection, "freelist_count")
    return (pages - free) * _pragma(connection, "page_size")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
