"""Deleting the first rows of a table, a step at a time.

The newest row of a table is never deleted: SQLite would give its id away again, and ids say in which order
rows came, to trust, to rollups and to marks.
"""

from __future__ import annotations

from sqlalchemy import Connection

from promethios.receiver.maintenance.pace import Pace
from promethios.receiver.rollups.fill import uncount
from promethios.receiver.store import schema
from promethios.receiver.trust.folding import fold


class Deleter:
    """Deletes rows from their smallest id on.

    Attributes:
        deleted: How many rows, by table, since the receiver started.
    """

    def __init__(self) -> None:
        self.deleted: dict[str, int] = {}
        self._paces: dict[str, Pace] = {}

    def step(self, connection: Connection, table: str, up_to: int) -> bool:
        """Delete some rows with ids up to `up_to`, in a transaction of its own.

        Returns:
            Whether there were any.
        """
        first, newest = bounds(connection, table)
        last = min(up_to, newest - 1)
        if last < first:
            return False
        pace = self._paces.setdefault(table, Pace(500, 50, 20_000))
        with pace.step() as rows:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            gone = _delete(connection, table, first, min(last, first + rows - 1))
            connection.exec_driver_sql("COMMIT")
        self.deleted[table] = self.deleted.get(table, 0) + gone
        return True


def _delete(connection: Connection, table: str, first: int, last: int) -> int:
    uncount(connection, schema.metadata.tables[table], first - 1, last)
    if table == "decisions":
        fold(connection, first, last)
    statement = f"DELETE FROM {table} WHERE id BETWEEN ? AND ?"
    return connection.exec_driver_sql(statement, (first, last)).rowcount


def bounds(connection: Connection, table: str) -> tuple[int, int]:
    """The smallest and the largest id of a table; 1 and 0 where it is empty."""
    # Two statements: SQLite finds either end at once, but not both.
    first = connection.exec_driver_sql(f"SELECT min(id) FROM {table}").scalar()
    newest = connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar()
    return (1, 0) if first is None or newest is None else (first, newest)
