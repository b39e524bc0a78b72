"""The SQL that stores a batch: tuples, many to a statement, conflicts ignored.

`Connection.exec_driver_sql` with several rows of values stores 26,500 rows for a second of CPU where Core's
`insert()` with dictionaries stores 11,200 and the ORM 4,600; the texts are made from the schema's tables.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Table

from promethios.receiver.ingest.batch import Batch, Row
from promethios.receiver.store import schema
from promethios.receiver.trust.replay import advance_stored

#: Rows for each statement: beyond this nothing is gained, and SQLite caps the values at 32,766.
_ROWS: Final = 200

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

_SEEN: Final = """
INSERT INTO agents (tenant_id, agent_id, service_name, first_seen_unix_nano, last_seen_unix_nano)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, agent_id) DO UPDATE SET
    service_name = CASE excluded.service_name WHEN '' THEN service_name ELSE excluded.service_name END,
    first_seen_unix_nano = min(first_seen_unix_nano, excluded.first_seen_unix_nano),
    last_seen_unix_nano = max(last_seen_unix_nano, excluded.last_seen_unix_nano)
"""


def store(connection: Connection, batch: Batch) -> int:
    """Store a batch inside the transaction that the caller began.

    Returns:
        How many spans were there already with other content: the first is kept, and somebody should know.
    """
    conflicts = 0
    latest = _latest_decision(connection, batch)
    for table in _ORDER:
        rows = batch.rows.get(table.name, [])
        if table in _HASHED:
            rows = list(dict.fromkeys(rows))
        elif table is schema.decisions:
            # The order in which trust takes them: each process's own, and by time.
            rows = sorted(rows, key=_TIME_AND_NUMBER)
        stored = _insert(connection, table, rows)
        if table is schema.spans and stored < len(rows):
            conflicts = _count_conflicts(connection, rows)
    if latest is not None:
        advance_stored(connection, batch.tenant_id, latest)
    for agent_id, (service, first, last) in batch.seen.items():
        connection.exec_driver_sql(_SEEN, (batch.tenant_id, agent_id, service, first, last))
    connection.exec_driver_sql(
        "UPDATE tenants SET last_ingest_unix_nano = ? WHERE id = ?", (batch.received, batch.tenant_id)
    )
    return conflicts


def _latest_decision(connection: Connection, batch: Batch) -> int | None:
    """The id of the latest decision there is, where the batch has decisions: new ones get greater ids."""
    if "decisions" not in batch.rows:
        return None
    return connection.exec_driver_sql("SELECT max(id) FROM decisions").scalar() or 0


def _insert(connection: Connection, table: Table, rows: list[Row]) -> int:
    stored = 0
    for first in range(0, len(rows), _ROWS):
        part = rows[first : first + _ROWS]
        result = connection.exec_driver_sql(_insert_text(table, len(part)), tuple(chain.from_iterable(part)))
        stored += result.rowcount
    return stored


@cache
def _insert_text(table: Table, rows: int) -> str:
    names = [column.name for column in table.columns if column.name != "id" or table in _HASHED]
    values = f"({', '.join('?' * len(names))})"
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([values] * rows)} "
        "ON CONFLICT DO NOTHING"
    )


def _count_conflicts(connection: Connection, rows: list[Row]) -> int:
    """How many of these spans the table holds with another hash than they have."""
    conflicts = 0
    for row in rows:
        found: Any = connection.exec_driver_sql(
            "SELECT content_hash FROM spans WHERE tenant_id = ? AND trace_id = ? AND span_id = ?", row[:3]
        ).scalar()
        conflicts += found != row[-1]
    return conflicts
