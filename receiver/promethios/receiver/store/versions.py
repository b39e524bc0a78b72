"""Which SQLite this is, and what is known of it."""

from __future__ import annotations

import sqlite3

Version = tuple[int, int, int]


def has_wal_reset_bug(version: Version = sqlite3.sqlite_version_info) -> bool:
    """Whether two connections that write or checkpoint at once can damage a WAL database.

    Mended in 3.51.3, and in 3.50.7 and 3.44.6 (https://sqlite.org/wal.html#walresetbug).
    """
    if version >= (3, 51, 3):
        return False
    return not any(least <= version < (*least[:2], 1_000) for least in ((3, 50, 7), (3, 44, 6)))
