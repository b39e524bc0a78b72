"""What a key may see: every table through its tenant's eyes, in this one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Subquery, Table, select

from promethios.receiver.access.gate import Principal


class View:
    """A connection that shows one tenant's rows; of a key bound to an agent, only that agent's.

    Args:
        connection: A read-only connection.
        principal: Whose eyes.
    """

    def __init__(self, connection: Connection, principal: Principal) -> None:
        self._connection = connection
        self._principal = principal

    @property
    def tenant_id(self) -> int:
        """The tenant whose eyes these are."""
        return self._principal.tenant_id

    def of(self, table: Table) -> Subquery:
        """The rows of a table that may be seen. The database flattens it into the question around it."""
        statement = select(table).where(table.c.tenant_id == self._principal.tenant_id)
        if self._principal.agent_id is not None and "agent_id" in table.c:
            statement = statement.where(table.c.agent_id == self._principal.agent_id)
        return statement.subquery(table.name)

    def rows(self, statement: Executable) -> Sequence[Any]:
        """Every row of an answer."""
        return self._connection.execute(statement).all()

    def value(self, statement: Executable) -> Any:
        """The first column of the first row; None where there is none."""
        return self._connection.execute(statement).scalar()
