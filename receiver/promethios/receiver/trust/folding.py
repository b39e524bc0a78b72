"""Putting decisions that are about to be deleted into the bases of trust.

They go in the order of their ids and in one transaction with the deletion, so at every moment the bases and
the decisions that are left are the whole history.

An alarm's acknowledgement is a row of `trust_scores` with the position of the decision that it followed: it
is in the base when a later decision is.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from promethios.receiver.trust.account import Cause, Decided
from promethios.receiver.trust.bases import Owner, base, keep_base
from promethios.receiver.trust.replay import Acknowledged, go_on

_DECISIONS: Final = """
SELECT tenant_id, agent_id, id, decision_id, time_unix_nano, weight, reason FROM decisions
WHERE id BETWEEN ? AND ? AND dialect = '' ORDER BY id"""
_ACKNOWLEDGED: Final = """
SELECT position, time_unix_nano, reason FROM trust_scores
WHERE tenant_id = ? AND agent_id = ? AND cause = ? AND position >= ? ORDER BY id"""
#: The scores that a base stands for. An agent's latest stays: it says how the agent stands.
_FORGET: Final = """
DELETE FROM trust_scores WHERE tenant_id = ?1 AND agent_id = ?2 AND position < ?3
AND id < (SELECT max(id) FROM trust_scores WHERE tenant_id = ?1 AND agent_id = ?2)"""


def fold(connection: Connection, first: int, last: int) -> None:
    """Put decisions into their agents' bases, inside the transaction that deletes them.

    Args:
        connection: The writing connection.
        first, last: Their ids; none is left before the first.
    """
    decisions = [
        ((tenant, agent), Decided(*decided))
        for tenant, agent, *decided in connection.exec_driver_sql(_DECISIONS, (first, last))
    ]
    accounts = {owner: base(connection, owner) for owner, _ in decisions}
    waiting = {owner: _acknowledged(connection, owner, each.position) for owner, each in accounts.items()}
    go_on(accounts, decisions, waiting)
    for owner, account in accounts.items():
        keep_base(connection, owner, account)
        connection.exec_driver_sql(_FORGET, (*owner, account.position))


def _acknowledged(connection: Connection, owner: Owner, since: int) -> list[Acknowledged]:
    rows = connection.exec_driver_sql(_ACKNOWLEDGED, (*owner, Cause.ACKNOWLEDGED.value, since))
    return [(row[0], row[1], row[2]) for row in rows]
