"""Where trust is computed from, when the decisions before are deleted.

Retention deletes an agent's first decisions. Its account after them is its **base**: the replay of all
decisions goes on from there, and comes to the same standing to the last bit.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from promethios.receiver.trust.account import Account, account_of, state_of

#: Whose account: the tenant's id and the agent's.
Owner = tuple[int, str]

_STATE: Final = "r, s, g, last_unix_nano, alarmed, decisions, position, told_score, told_alarmed"
_BASES: Final = f"SELECT tenant_id, agent_id, {_STATE} FROM trust_bases"
_BASE: Final = f"{_BASES} WHERE tenant_id = ? AND agent_id = ?"
_KEEP: Final = f"""
INSERT OR REPLACE INTO trust_bases (tenant_id, agent_id, method, {_STATE})
VALUES ({", ".join("?" * 12)})"""


def bases(connection: Connection) -> dict[Owner, Account]:
    """The bases of all agents that have one."""
    rows = connection.exec_driver_sql(_BASES)
    return {(tenant, agent): account_of(*state) for tenant, agent, *state in rows}


def base(connection: Connection, owner: Owner) -> Account:
    """An agent's base; a new account where it has none."""
    row = connection.exec_driver_sql(_BASE, owner).one_or_none()
    return Account() if row is None else account_of(*row[2:])


def keep_base(connection: Connection, owner: Owner, account: Account) -> None:
    """Make this account an agent's base."""
    connection.exec_driver_sql(_KEEP, (*owner, *state_of(account)))
