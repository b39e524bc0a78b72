"""What a key may see: every table through its tenant's eyes, in this one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Executable, Subquery, Table, bindparam, select

from promethios.receiver.access.gate import Principal
from promethios.receiver.api.columns import Unindexed
from promethios.receiver.api.question import Question
from promethios.receiver.store import schema

#: What a statement calls the tenant and the agent whose eyes these are; each execution fills them in.
_TENANT: Final = "seen_tenant_id"
_AGENT: Final = "seen_agent_id"


class Eyes:
    """How a statement names rows that may be seen, whoever will be looking.

    Args:
        one_agent: Whether they are those of a key bound to an agent, and see only that agent's rows.
        by_id: Whether rows are found by their ids; else by an index that begins with the tenant.
    """

    def __init__(self, one_agent: bool, *, by_id: bool = False) -> None:
        self._one_agent = one_agent
        self._by_id = by_id

    def of(self, table: Table) -> Subquery:
        """The rows of a table that may be seen. The database flattens it into the question around it."""
        return _seen(table, self._one_agent and "agent_id" in table.c, self._by_id)

    def of_everyone(self, table: Table) -> Subquery:
        """The tenant's rows of a table: for what says nothing about whose they are."""
        return _seen(table, False, False)

    def latest_of_everyone(self, table: Table) -> Subquery:
        """The same, found by their ids."""
        return _seen(table, False, True)


class View:
    """A connection that shows one tenant's rows; of a key bound to an agent, only that agent's.

    Args:
        connection: A read-only connection.
        principal: Whose eyes.
        newest: They look at what was stored last: rows are found by their ids.
    """

    def __init__(self, connection: Connection, principal: Principal, *, newest: bool = False) -> None:
        self._connection = connection
        self._principal = principal
        self.eyes = Eyes(principal.agent_id is not None, by_id=newest)
        self._whose = {_TENANT: principal.tenant_id, _AGENT: principal.agent_id}

    @property
    def tenant_id(self) -> int:
        """The tenant whose eyes these are."""
        return self._principal.tenant_id

    def by_trace(self, table: Table) -> Subquery:
        """The rows of a table that may be seen, found by their trace and not by whose they are."""
        return _seen(table, self.agent_id is not None, False, by_trace=True)

    @property
    def agent_id(self) -> str | None:
        """The one agent that these eyes see; None for every agent of the tenant."""
        return self._principal.agent_id

    def of(self, table: Table) -> Subquery:
        """The rows of a table that may be seen."""
        return self.eyes.of(table)

    def agents(self, question: Question) -> list[str]:
        """The names of the known agents that are asked for, sorted."""
        table = self.of(schema.agents)
        wanted = question.matches("agent", table.c.agent_id)
        known = self.rows(select(table.c.agent_id).where(wanted).order_by(table.c.agent_id))
        return [agent_id for (agent_id,) in known]

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Every row of an answer."""
        return self._connection.execute(statement, {**(parameters or {}), **self._whose}).all()

    def value(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row; None where there is none."""
        return self._connection.execute(statement, {**(parameters or {}), **self._whose}).scalar()


@cache
def _seen(table: Table, one_agent: bool, by_id: bool, by_trace: bool = False) -> Subquery:
    """Made once for each table: a subquery of thirty columns costs as much as many an answer."""
    # SQLite would take an index of which it knows one column rather than a range of ids; not of a sum.
    tenant_id = table.c.tenant_id + 0 if by_id else table.c.tenant_id
    statement = select(table).where(tenant_id == bindparam(_TENANT, type_=table.c.tenant_id.type))
    if one_agent:
        agent_id = Unindexed(table).c.agent_id if by_trace else table.c.agent_id
        statement = statement.where(agent_id == bindparam(_AGENT, type_=table.c.agent_id.type))
    return statement.subquery(table.name)
