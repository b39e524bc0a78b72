"""Damaging a database as a disk does it: a page is not what was written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def damage(path: Path, table: str = "heartbeats") -> None:
    """Overwrite the first page of a table in a database file; whatever its log holds stays."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        statement = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = connection.execute(statement, (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
