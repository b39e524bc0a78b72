"""Trust from stored decisions: for those that were just stored, and again for all of them.

The order is that of the rows: `decisions.id` counts up as decisions are stored, and those of one request are
stored in the order of their times. So there is one right answer, however late and from however many processes
they came, and it can be found again at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from promethios.governance.trust import METHOD, Standing
from promethios.receiver.store import schema
from promethios.receiver.trust.account import Account, Cause, Change, Decided

#: Whose account: the tenant's id and the agent's.
Owner = tuple[int, str]

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
            accounts[agent] = _account(*state)
    return accounts


def keep(
    connection: Connection, accounts: Mapping[Owner, Account], changes: Iterable[tuple[Owner, Change]]
) -> None:
    """Write accounts and changes down."""
    told = [(*owner, *change) for owner, change in changes]
    if told:
        connection.exec_driver_sql(_TELL, told)
    if accounts:
        connection.exec_driver_sql(_KEEP, [(*owner, *_state(account)) for owner, account in accounts.items()])


def replay(
    decisions: Iterable[tuple[Owner, Decided]],
    acknowledged: Mapping[Owner, list[tuple[int, int, str]]] | None = None,
) -> tuple[dict[Owner, Account], list[tuple[Owner, Change]]]:
    """Every account from nothing, and every change on the way.

    Args:
        decisions: All of them, in the order of their positions.
        acknowledged: For each agent when alarms were acknowledged: after which position, at what time and
            why; the earliest first.
    """
    accounts: dict[Owner, Account] = {}
    changes: list[tuple[Owner, Change]] = []
    waiting = {owner: list(reversed(each)) for owner, each in (acknowledged or {}).items()}

    def settle(owner: Owner, account: Account, before: float) -> None:
        while (left := waiting.get(owner)) and left[-1][0] < before:
            changes.append((owner, account.acknowledge(*left.pop()[1:])))

    for owner, decided in decisions:
        account = accounts.get(owner) or accounts.setdefault(owner, Account())
        settle(owner, account, decided.position)
        if change := account.add(decided):
            changes.append((owner, change))
    for owner in waiting:
        settle(owner, accounts.setdefault(owner, Account()), float("inf"))
    return accounts, changes


def recompute(connection: Connection) -> tuple[dict[Owner, Account], list[tuple[Owner, Change]]]:
    """What `trust_standings` and `trust_scores` should hold, from `decisions` and acknowledgements alone."""
    acknowledged: dict[Owner, list[tuple[int, int, str]]] = {}
    for tenant_id, agent_id, *when in connection.exec_driver_sql(_ACKNOWLEDGED, (Cause.ACKNOWLEDGED.value,)):
        acknowledged.setdefault((tenant_id, agent_id), []).append((when[0], when[1], when[2]))
    return replay(_decisions(connection), acknowledged)


def differences(connection: Connection) -> tuple[int, list[Owner]]:
    """How many agents have a standing, and whose is not what the decisions say."""
    computed, _ = recompute(connection)
    stored = {
        (tenant_id, agent): _account(*state)
        for tenant_id, agent, *state in connection.exec_driver_sql(_EVERY_ACCOUNT)
    }
    owners = sorted(computed.keys() | stored.keys())
    return len(owners), [owner for owner in owners if computed.get(owner) != stored.get(owner)]


def _decisions(connection: Connection) -> Iterator[tuple[Owner, Decided]]:
    for tenant_id, agent_id, *decided in connection.exec_driver_sql(_ALL):
        yield (tenant_id, agent_id), Decided(*decided)


def _account(
    r: float, s: float, g: float, last: int, alarmed: int, decisions: int, position: int, *told: int
) -> Account:
    return Account(Standing(r, s, g, last, bool(alarmed)), decisions, position, told[0], bool(told[1]))


def _state(account: Account) -> tuple[Any, ...]:
    r, s, g, last, alarmed = account.standing
    counted = (account.decisions, account.position, account.told_score, int(account.told_alarmed))
    return (METHOD, r, s, g, last, int(alarmed), *counted)
