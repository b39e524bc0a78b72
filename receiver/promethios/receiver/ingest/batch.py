"""What one request becomes: rows by table, and what to tell the client about those that were refused."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from promethios.governance import semconv
from promethios.receiver.ingest.normalise import agent_of

#: How many refused items are named in `partial_success`; the number says how many there were.
_MOST_NAMED: Final = 5
_LONGEST_REASON: Final = 200

#: Heartbeats come as log records, and are none of what an agent logs.
_TABLES: Final = {"spans": ("spans",), "metrics": ("metric_points",), "logs": ("logs", "heartbeats")}

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request's items come from: a tenant, and of its resources the one at hand.

    Args:
        tenant_id: The tenant of the key.
        agent_id: The agent that the key is bound to; it goes before what the payload says.
        resource_id, scope_id: Ids of the rows.
        service_name, instance_id: Of the resource; empty where it does not say.
        resource: The resource's attributes.
        tenant: The tenant's name.
    """

    tenant_id: int
    agent_id: str | None
    resource_id: int = 0
    scope_id: int = 0
    service_name: str = ""
    instance_id: str = ""
    resource: dict[str, Any] = field(default_factory=dict)
    tenant: str = ""


@dataclass(slots=True)
class Batch:
    """The rows of one request, in the order of the tables' columns (without the id that counts up).

    Args:
        tenant_id: The tenant whose rows they are.
        signal: ``spans``, ``metrics`` or ``logs``.
        size: Bytes of the decoded request, which is what the queue counts.
    """

    tenant_id: int
    signal: str
    size: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    seen: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    rejected: int = 0
    messages: list[str] = field(default_factory=list)
    received: int = field(default_factory=time.time_ns)

    def add(self, table: str, row: Row) -> None:
        """Add a row to a table."""
        rows = self.rows.get(table)
        if rows is None:
            rows = self.rows[table] = []
        rows.append(row)

    def reject(self, what: str, reason: object) -> None:
        """Refuse one item; the client is told which and why."""
        self.rejected += 1
        self.warn(f"{what}: {reason}")

    def warn(self, message: str) -> None:
        """Tell the client something about what was stored."""
        if len(self.messages) < _MOST_NAMED:
            self.messages.append(message[:_LONGEST_REASON])

    def agent(self, origin: Origin, attributes: dict[str, Any], when: int) -> str:
        """Whose item it is, and that this agent was seen at `when` (Unix nanoseconds, at most now)."""
        claimed = agent_of(attributes, origin.resource)
        agent_id = origin.agent_id or claimed
        if agent_id != claimed and (semconv.AGENT_ID in attributes or semconv.AGENT_ID in origin.resource):
            self.warn(f"the API key speaks for agent {agent_id!r} only: stored under that name")
        if not 0 < when < self.received:
            when = self.received
        seen = self.seen.get(agent_id)
        if seen is None:
            self.seen[agent_id] = (origin.service_name, when, when)
        elif not (seen[0] and seen[1] <= when <= seen[2]):
            self.seen[agent_id] = (seen[0] or origin.service_name, min(seen[1], when), max(seen[2], when))
        return agent_id

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that have, together, a row for each item."""
        return _TABLES[self.signal]

    @property
    def items(self) -> int:
        """How many items it has that are to be stored."""
        return sum(len(self.rows.get(table, ())) for table in self.tables)

    @property
    def message(self) -> str:
        """What was refused or changed, for the client's developer; empty where nothing was."""
        return "; ".join(dict.fromkeys(self.messages))
