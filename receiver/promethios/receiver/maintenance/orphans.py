"""Resources, scopes and series that no row names any more.

No index says who names a resource: one would cost every span that is stored. Instead new rows are read once,
in the order of their ids, and for each resource and scope the latest span and log record are noted. As rows
are deleted in the same order, one whose latest are deleted is named by none.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from promethios.receiver.maintenance.deleting import bounds
from promethios.receiver.maintenance.pace import Pace

_USED: Final = (("resource_uses", "resource_id"), ("scope_uses", "scope_id"))
_SOURCES: Final = ("spans", "logs")

_SERIES: Final = """
DELETE FROM metric_series WHERE id > ?1 AND id <= ?2 AND NOT EXISTS (
    SELECT 1 FROM metric_points AS p
    WHERE p.tenant_id = metric_series.tenant_id AND p.series_id = metric_series.id)"""


def _unused(table: str, uses: str, column: str) -> str:
    return f"""
DELETE FROM {table} WHERE id > ?1 AND id <= ?2
AND id NOT IN (SELECT {column} FROM metric_series)
AND NOT EXISTS (SELECT 1 FROM {uses} AS u WHERE u.id = {table}.id AND (u.spans >= ?3 OR u.logs >= ?4))"""


_SWEPT: Final = (
    ("metric_series", _SERIES, ""),
    ("resources", _unused("resources", "resource_uses", "resource_id"), "resource_uses"),
    ("scopes", _unused("scopes", "scope_uses", "scope_id"), "scope_uses"),
)


class Orphans:
    """Notes what is named by what, and deletes what is named by nothing."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}
        self._pace = Pace(2_000, 200, 50_000)
        self._place = (0, -1)
        self._sweeping = False

    def note(self, connection: Connection) -> bool:
        """Note what new rows name, in transactions of its own; whether there are more than it could note now.

        Where it is up to date afterwards, the rest is done in the same step: under load there are new rows at
        each, and what waits for a moment without any would wait for ever.
        """
        for source in _SOURCES:
            noted = self._noted_up_to(connection, source)
            _, newest = bounds(connection, source)
            if noted < newest:
                last = self._note(connection, source, noted, newest)
                self._noted[source] = last
                if last < newest:
                    return True
        return False

    def _note(self, connection: Connection, source: str, noted: int, newest: int) -> int:
        with self._pace.step(newest - noted) as rows:
            last = noted + rows
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for uses, column in _USED:
                connection.exec_driver_sql(_note(source, uses, column), (noted, last))
            connection.exec_driver_sql("COMMIT")
        return last

    def begin(self) -> None:
        """Something was deleted: look through everything once more."""
        self._place, self._sweeping = (0, -1), True

    def sweep(self, connection: Connection) -> bool:
        """Delete some of what is named by nothing, after everything was noted; whether to go on."""
        if not self._sweeping:
            return False
        number, after = self._place
        table, statement, uses = _SWEPT[number]
        up_to = connection.exec_driver_sql(
            f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT 500)", (after,)
        ).scalar()
        if up_to is None:
            self._place = (number + 1, -1)
            self._sweeping = number + 1 < len(_SWEPT)
            return self._sweeping
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _delete(connection, table, statement, uses, after, up_to)
        connection.exec_driver_sql("COMMIT")
        self._place = (number, up_to)
        return True

    def _noted_up_to(self, connection: Connection, source: str) -> int:
        if source not in self._noted:
            found = connection.exec_driver_sql(
                f"SELECT coalesce(max({source}), 0) FROM resource_uses"
            ).scalar()
            self._noted[source] = int(found or 0)
        return self._noted[source]


def _note(source: str, uses: str, column: str) -> str:
    other = "logs" if source == "spans" else "spans"
    return (
        f"INSERT INTO {uses} (id, {source}, {other}) SELECT {column}, max(id), 0 FROM {source} "
        f"WHERE id > ? AND id <= ? GROUP BY {column} "
        f"ON CONFLICT (id) DO UPDATE SET {source} = excluded.{source}"
    )


def _delete(connection: Connection, table: str, statement: str, uses: str, after: int, up_to: int) -> None:
    oldest = tuple(bounds(connection, source)[0] for source in _SOURCES) if uses else ()
    connection.exec_driver_sql(statement, (after, up_to, *oldest))
    if uses:
        connection.exec_driver_sql(
            f"DELETE FROM {uses} WHERE id > ? AND id <= ? AND id NOT IN (SELECT id FROM {table})",
            (after, up_to),
        )
