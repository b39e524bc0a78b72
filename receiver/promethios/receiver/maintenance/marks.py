"""Marks: which rows had been received by when.

Rows have the times that agents gave them, and an agent's clock may be years off: what is old by such a time
may have come a minute ago. The ids of rows count up as they are stored, so one mark now and then says enough,
and deleting what came before it is deleting the first rows of a table, which needs no index.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection

#: What is kept for `retention_days`; deleted first when there is too much.
TELEMETRY: Final = ("spans", "metric_points", "logs", "heartbeats")
#: What is kept for `evidence_days`, whatever its size.
EVIDENCE: Final = ("decisions", "violations")
#: What "for ever" is counted as.
EVER_DAYS: Final = 36_500
#: A mark is set after so much time, or so many rows of telemetry.
MARK_NANOSECONDS: Final = 600 * 10**9
MARK_ROWS: Final = 100_000


class Mark(NamedTuple):
    """By the steady time, every row with at most these ids had been received."""

    id: int
    steady_unix_nano: int
    wall_unix_nano: int
    spans: int
    metric_points: int
    logs: int
    heartbeats: int
    decisions: int
    violations: int

    def ids(self, tables: tuple[str, ...]) -> tuple[int, ...]:
        """The ids for these tables."""
        return tuple(getattr(self, table) for table in tables)


def due(connection: Connection, steady: int) -> bool:
    """Whether it is time for a mark: something has come, and a while ago, or much."""
    ids, last = _ids(connection), newest(connection)
    if last is None:
        return any(ids)
    came = sum(ids[: len(TELEMETRY)]) - sum(last.ids(TELEMETRY))
    late = steady - last.steady_unix_nano >= MARK_NANOSECONDS
    return ids != last.ids(_TABLES) and (late or came >= MARK_ROWS)


def set_mark(connection: Connection, steady: int, wall: int) -> None:
    """Set a mark, inside the caller's transaction."""
    connection.exec_driver_sql(_SET, (steady, wall, *_ids(connection)))


def _ids(connection: Connection) -> tuple[int, ...]:
    return tuple(connection.exec_driver_sql(_NEWEST).one())


def newest(connection: Connection) -> Mark | None:
    """The latest mark; None where there is none."""
    return _one(connection, f"{_MARKS} ORDER BY id DESC LIMIT 1", ())


def before(connection: Connection, steady: int) -> Mark | None:
    """The latest mark of this steady time or earlier; None where there is none."""
    return _one(connection, f"{_MARKS} WHERE steady_unix_nano <= ? ORDER BY id DESC LIMIT 1", (steady,))


def covering(connection: Connection, oldest: dict[str, int]) -> Mark | None:
    """The first mark that covers any row of telemetry that is left; None where there is none.

    Args:
        connection: A connection.
        oldest: The smallest id that is left, by table.
    """
    any_left = " OR ".join(f"{table} >= ?" for table in oldest)
    statement = f"{_MARKS} WHERE {any_left} ORDER BY id LIMIT 1"
    return _one(connection, statement, tuple(oldest.values())) if oldest else None


def forget(connection: Connection, steady: int) -> None:
    """Delete the marks before this steady time, but for the latest of them."""
    last = before(connection, steady)
    if last is not None:
        connection.exec_driver_sql("DELETE FROM received_marks WHERE id < ?", (last.id,))


def _one(connection: Connection, statement: str, values: tuple[int, ...]) -> Mark | None:
    row = connection.exec_driver_sql(statement, values).one_or_none()
    return None if row is None else Mark(*row)


_TABLES: Final = (*TELEMETRY, *EVIDENCE)
_COLUMNS: Final = f"steady_unix_nano, wall_unix_nano, {', '.join(_TABLES)}"
_MARKS: Final = f"SELECT id, {_COLUMNS} FROM received_marks"
_SET: Final = f"INSERT INTO received_marks ({_COLUMNS}) VALUES (?, ?, {', '.join('?' * len(_TABLES))})"
_NEWEST: Final = "SELECT " + ", ".join(f"(SELECT coalesce(max(id), 0) FROM {table})" for table in _TABLES)
