"""Trust from stored decisions: for those that were just stored, and again for all of them.

The order is that of the rows: `decisions.id` counts up as decisions are stored, and those of one request are
stored in the order of their times. So there is one right answer, however late and from however many processes
they came, and it can be found again at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sqlalchemy import Connection

from promethios.receiver.store import schema
from promethios.receiver.trust.account import Account, Cause, Change, Decided, account_of, state_of
from promethios.receiver.trust.bases import Owner, bases

#: An alarm that somebody looked into: after which position, when (Unix nanoseconds), and why.
Acknowledged = tuple[int, int, str]

#: How many agents, or rows, one statement is about: SQLite caps the values at 32,766.
_MOST: Final = 500

_STATE: Final = "agent_id, r, s, g, last_unix_nano, alarmed, decisions, position, told_score, told_alarmed"
_ACCOUNTS: Final = f"SELECT {_STATE} FROM trust_standings WHERE tenant_id = ?"
_EVERY_ACCOUNT: Final = f"SELECT tenant_id, {_STATE} FROM trust_standings"

_KEEP: Final = """
INSERT INTO trust_standings (tenant_id, agent_id, method, r, s, g, last_unix_nano, alarmed, decisions,
    position, told_score, told_alarmed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, agent_id) DO UPDATE SET method = excluded.method, r = excluded.r, s = excluded.s,
    g = excluded.g, last_unix_nano = excluded.last_unix_nano, alarmed = excluded.alarmed,
    decisions = excluded.decisions, position = excluded.position, told_score = excluded.told_score,
    told_alarmed = excluded.told_alarmed"""

_CHANGES: Final = [column.name for column in schema.trust_scores.columns if column.name != "id"]
_TELL: Final = f"INSERT INTO trust_scores ({', '.join(_CHANGES)}) VALUES ({', '.join('?' * len(_CHANGES))})"

#: What other systems decided is not Promethios' to judge by: see "Dialects" in DESIGN.md.
_STORED: Final = """
SELECT agent_id, id, decision_id, time_unix_nano, weight, reason FROM decisions
WHERE tenant_id = ? AND id > ? AND dialect = '' ORDER BY id"""

_ALL: Final = """
SELECT tenant_id, agent_id, id, decision_id, time_unix_nano, weight, reason FROM decisions
WHERE dialect = '' ORDER BY id"""

_ACKNOWLEDGED: Final = """
SELECT tenant_id, agent_id, position, time_unix_nano, reason FROM trust_scores WHERE cause = ? ORDER BY id"""


def advance_stored(connection: Connection, tenant_id: int, after: int) -> None:
    """Account for the tenant's decisions whose rows have an id beyond `after`, in the same transaction."""
    rows = connection.exec_driver_sql(_STORED, (tenant_id, after)).all()
    accounts = load(connection, tenant_id, {row[0] for row in rows})
    changes: list[tuple[Owner, Change]] = []
    for agent_id, *decided in rows:
        if change := accounts[agent_id].add(Decided(*decided)):
            changes.append(((tenant_id, agent_id), change))
    keep(connection, {(tenant_id, agent): account for agent, account in accounts.items()}, changes)


def acknowledge_alarm(
    connection: Connection, tenant_id: int, agent_id: str, at: int, reason: str
) -> Account | None:
    """Somebody looked into an agent's alarm; its account after it, or None where it has no alarm."""
    account = load(connection, tenant_id, [agent_id])[agent_id]
    if not account.standing.alarmed:
        return None
    owner = (tenant_id, agent_id)
    change = account.acknowledge(at, reason)
    keep(connection, {owner: account}, [(owner, change)])
    return account


def load(connection: Connection, tenant_id: int, agents: Iterable[str]) -> dict[str, Account]:
    """The accounts of these agents; a new one for each that has none yet."""
    wanted = list(agents)
    accounts = {agent: Account() for agent in wanted}
    for first in range(0, len(wanted), _MOST):
        part = wanted[first : first + _MOST]
        statement = f"{_ACCOUNTS} AND agent_id IN ({', '.join('?' * len(part))})"
        for agent, *state in connection.exec_driver_sql(statement, (tenant_id, *part)):
            accounts[agent] = account_of(*state)
    return accounts


def keep(
    connection: Connection, accounts: Mapping[Owner, Account], changes: Iterable[tuple[Owner, Change]]
) -> None:
    """Write accounts and changes down."""
    told = [(*owner, *change) for owner, change in changes]
    if told:
        connection.exec_driver_sql(_TELL, told)
    if accounts:
        connection.exec_driver_sql(
            _KEEP, [(*owner, *state_of(account)) for owner, account in accounts.items()]
        )


def replay(
    decisions: Iterable[tuple[Owner, Decided]],
    acknowledged: Mapping[Owner, list[Acknowledged]] | None = None,
    known: Mapping[Owner, Account] | None = None,
) -> tuple[dict[Owner, Account], list[tuple[Owner, Change]]]:
    """Every account from its base, or from nothing, and every change on the way.

    Args:
        decisions: All of them, in the order of their positions.
        acknowledged: For each agent when alarms were acknowledged: after which position, at what time and
            why; the earliest first.
        known: The accounts that agents had before the first of these decisions; they are advanced.
    """
    accounts = dict(known or {})
    waiting = {owner: list(each) for owner, each in (acknowledged or {}).items()}
    changes = go_on(accounts, decisions, waiting)
    for owner, left in waiting.items():
        account = accounts.setdefault(owner, Account())
        changes += [(owner, account.acknowledge(at, reason)) for _, at, reason in left]
    return accounts, changes


def go_on(
    accounts: dict[Owner, Account],
    decisions: Iterable[tuple[Owner, Decided]],
    waiting: Mapping[Owner, list[Acknowledged]],
) -> list[tuple[Owner, Change]]:
    """Let accounts go on by these decisions, and by what was acknowledged before the last of each agent's.

    Args:
        accounts: Are advanced; an agent that has none gets one.
        decisions: In the order of their positions.
        waiting: What was acknowledged, the earliest first; what is accounted for is taken out.
    """
    changes: list[tuple[Owner, Change]] = []
    for owner, decided in decisions:
        account = accounts.get(owner) or accounts.setdefault(owner, Account())
        left = waiting.get(owner)
        while left and left[0][0] < decided.position:
            changes.append((owner, account.acknowledge(*left.pop(0)[1:])))
        if change := account.add(decided):
            changes.append((owner, change))
    return changes


def recompute(connection: Connection) -> tuple[dict[Owner, Account], list[tuple[Owner, Change]]]:
    """What `trust_standings` and `trust_scores` should hold: from decisions and acknowledgements alone.

    Of an agent whose first decisions retention has deleted, from its base on.
    """
    known = bases(connection)
    acknowledged: dict[Owner, list[Acknowledged]] = {}
    for tenant_id, agent_id, *when in connection.exec_driver_sql(_ACKNOWLEDGED, (Cause.ACKNOWLEDGED.value,)):
        owner = (tenant_id, agent_id)
        if owner not in known or when[0] >= known[owner].position:
            acknowledged.setdefault(owner, []).append((when[0], when[1], when[2]))
    return replay(_decisions(connection), acknowledged, known)


def differences(connection: Connection) -> tuple[int, list[Owner]]:
    """How many agents have a standing, and whose is not what the decisions say."""
    computed, _ = recompute(connection)
    stored = {
        (tenant_id, agent): account_of(*state)
        for tenant_id, agent, *state in connection.exec_driver_sql(_EVERY_ACCOUNT)
    }
    owners = sorted(computed.keys() | stored.keys())
    return len(owners), [owner for owner in owners if computed.get(owner) != stored.get(owner)]


def _decisions(connection: Connection) -> Iterator[tuple[Owner, Decided]]:
    for tenant_id, agent_id, *decided in connection.exec_driver_sql(_ALL):
        yield (tenant_id, agent_id), Decided(*decided)
