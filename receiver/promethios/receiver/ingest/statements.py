"""The SQL that stores a batch: tuples, many to a statement, conflicts ignored.

`sqlite3`'s own cursor with several rows of values stores 26,500 rows for a second of CPU where Core's
`insert()` with dictionaries stores 11,200 and the ORM 4,600; the texts are made from the schema's tables.

Few long statements, and not many short ones or `executemany`: Python's lock is let go while SQLite works and
must be won back after each step, from threads that decode and do not hurry to give it.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from operator import itemgetter
from sqlite3 import Cursor
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, Table

from promethios.receiver.ingest.batch import Batch, Row
from promethios.receiver.store import schema
from promethios.receiver.trust.replay import advance_stored

#: How many rows a statement has: few kinds, so that each is prepared once. SQLite caps the values at 32,766.
_SIZES: Final = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)

#: Tables whose id is a hash over their content: the row brings it along.
_HASHED: Final = (schema.resources, schema.scopes, schema.metric_series)

#: What a batch may fill; what others refer to comes first.
_ORDER: Final = (
    *_HASHED,
    schema.spans,
    schema.metric_points,
    schema.logs,
    schema.decisions,
    schema.violations,
    schema.heartbeats,
)

_DECISION: Final = [column.name for column in schema.decisions.columns if column.name != "id"]
_TIME_AND_NUMBER: Final = itemgetter(
    *(_DECISION.index(name) for name in ("time_unix_nano", "instance_id", "seq"))
)

#: A process that told of itself as an event so long ago, nanoseconds, need not be heard by its metric.
_LATELY: Final = 600 * 10**9
_SEQUENCE: Final = [column.name for column in schema.heartbeats.columns if column.name != "id"].index(
    "sequence_num"
)
_TOLD: Final = """SELECT 1 FROM heartbeats WHERE tenant_id = ? AND agent_id = ? AND instance_id = ?
    AND time_unix_nano BETWEEN ? AND ? AND sequence_num IS NOT NULL LIMIT 1"""

#: Of so many rows that have a hash as id, those that are there already are not sent to SQLite again.
_WORTH_ASKING: Final = 16

_ONCE: Final = "ON CONFLICT DO NOTHING"
_SEEN: Final = """ON CONFLICT (tenant_id, agent_id) DO UPDATE SET
    service_name = CASE excluded.service_name WHEN '' THEN service_name ELSE excluded.service_name END,
    first_seen_unix_nano = min(first_seen_unix_nano, excluded.first_seen_unix_nano),
    last_seen_unix_nano = max(last_seen_unix_nano, excluded.last_seen_unix_nano)"""


class Outcome(NamedTuple):
    """What became of a batch's items.

    Args:
        new: How many were not there before.
        conflicts: How many spans were there already with other content: the first is kept.
    """

    new: int
    conflicts: int


def store(connection: Connection, batch: Batch) -> Outcome:
    """Store a batch inside the transaction that the caller began."""
    cursor: Cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    latest = _latest_decision(cursor, batch)
    new = {table.name: _store_table(cursor, batch, table) for table in _ORDER if table.name in batch.rows}
    if latest is not None:
        advance_stored(connection, batch.tenant_id, latest)
    seen = [(batch.tenant_id, agent_id, *each) for agent_id, each in batch.seen.items()]
    _insert(cursor, schema.agents, seen, _SEEN)
    cursor.execute(
        "UPDATE tenants SET last_ingest_unix_nano = ? WHERE id = ?", (batch.received, batch.tenant_id)
    )
    spans = batch.rows.get("spans", [])
    conflicts = _count_conflicts(cursor, spans) if new.get("spans", 0) < len(spans) else 0
    return Outcome(sum(new.get(table, 0) for table in batch.tables), conflicts)


def _store_table(cursor: Cursor, batch: Batch, table: Table) -> int:
    rows = batch.rows[table.name]
    if table in _HASHED:
        # The id is a hash over the row: one of each is enough.
        rows = _missing(cursor, table, list({row[0]: row for row in rows}.values()))
    elif table is schema.decisions:
        # The order in which trust takes them: each process's own, and by time.
        rows = sorted(rows, key=_TIME_AND_NUMBER)
    elif table is schema.heartbeats:
        rows = [row for row in rows if not _is_told(cursor, row)]
    return _insert(cursor, table, rows, _ONCE)


def _is_told(cursor: Cursor, row: Row) -> bool:
    """Whether a heartbeat of the metric says nothing new: its process tells more as an event lately."""
    if row[_SEQUENCE] is not None:
        return False
    tenant_id, agent_id, instance_id, when = row[:4]
    return bool(cursor.execute(_TOLD, (tenant_id, agent_id, instance_id, when - _LATELY, when)).fetchone())


def _missing(cursor: Cursor, table: Table, rows: list[Row]) -> list[Row]:
    """Those of the rows whose id the table does not have, or all of them where asking is not worth it."""
    if len(rows) < _WORTH_ASKING:
        return rows
    asked = orjson.dumps([row[0] for row in rows]).decode()
    statement = f"SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM {table.name})"
    missing = {number for (number,) in cursor.execute(statement, (asked,))}
    return [row for row in rows if row[0] in missing]


def _latest_decision(cursor: Cursor, batch: Batch) -> int | None:
    """The id of the latest decision there is, where the batch has decisions: new ones get greater ids."""
    if "decisions" not in batch.rows:
        return None
    return cursor.execute("SELECT max(id) FROM decisions").fetchone()[0] or 0


def _insert(cursor: Cursor, table: Table, rows: list[Row], conflict: str) -> int:
    """Insert rows, and say how many were inserted or changed."""
    stored = first = 0
    for size in _SIZES:
        while len(rows) - first >= size:
            values = tuple(chain.from_iterable(rows[first : first + size]))
            stored += cursor.execute(_insert_text(table, size, conflict), values).rowcount
            first += size
    return stored


@cache
def _insert_text(table: Table, rows: int, conflict: str) -> str:
    names = [column.name for column in table.columns if column.name != "id" or table in _HASHED]
    values = f"({', '.join('?' * len(names))})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([values] * rows)} {conflict}"


def _count_conflicts(cursor: Cursor, rows: list[Row]) -> int:
    """How many of these spans the table holds with another hash than they have."""
    conflicts = 0
    for row in rows:
        found = cursor.execute(
            "SELECT content_hash FROM spans WHERE tenant_id = ? AND trace_id = ? AND span_id = ?", row[:3]
        ).fetchone()
        conflicts += found is None or found[0] != row[-1]
    return conflicts
