"""What has been used so far, and what has happened: for each conversation, agent, tool and tenant.

The state is bounded: whoever was not counted for longest goes first, and each count's history gets coarser
with age (see `meters`). Looking whether there is room and counting are one step, so that threads which saw
the same last free place cannot all take it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from promethios.governance import semconv
from promethios.governance.conditions.aliases import first_text
from promethios.governance.decision import Decision
from promethios.governance.meters import MAX_WINDOW as MAX_WINDOW
from promethios.governance.meters import Meter
from promethios.governance.operation import Operation
from promethios.governance.pricing import PICO, USAGE, Prices, usage_of
from promethios.governance.sequences import Happening, Sequences, came
from promethios.governance.trust import TrustBook

UNKNOWN_AGENT: Final = "unknown"
#: Whom counts are kept for.
PERS: Final = ("conversation", "agent", "tool", "tenant")

_AGENT_NAMES: Final = (semconv.AGENT_ID, semconv.AGENT_NAME, semconv.SERVICE_NAME)
_TOOL: Final = (semconv.TOOL_NAME,)
_TENANT: Final = (semconv.TENANT_ID,)
_CONVERSATION: Final = (semconv.CONVERSATION_ID,)
_PERS_OF_OTHERS: Final = ("conversation", "agent", "tenant")
_BUILT_IN: Final = Prices()


class Counter(NamedTuple):
    """Which count is meant.

    Args:
        of: ``calls``, ``tokens``, or ``cost`` (in picodollars: integers, so that sums are exact).
        kind: The kind of operation whose calls are counted (``model``, ``tool``, ``agent``); empty for
            tokens and cost.
        per: One of `PERS`.
        key: Which conversation, agent, tool or tenant.
    """

    of: str
    kind: str
    per: str
    key: str


#: A count that had room: which, over which seconds (None: in all), and what it must be below.
Room = tuple[Counter, float | None, int]
#: A step that had not come: which, and in which seconds (None: ever).
Unseen = tuple[Happening, float | None]


class Entry(NamedTuple):
    """What an operation adds to the state.

    Args:
        amounts: What is counted (a kind of call, ``tokens`` or ``cost``), and how much of it.
        keys: For whom: pairs of one of `PERS` and a key.
        happenings: The steps of sequences that it is.
    """

    amounts: tuple[tuple[str, int], ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    happenings: tuple[Happening, ...] = ()


NOTHING: Final = Entry()


def agent_of(attributes: Mapping[str, Any]) -> str:
    """Who acts: the agent's id, else its name, else the service's, else ``unknown``."""
    return first_text(attributes, _AGENT_NAMES) or UNKNOWN_AGENT


def key_of(per: str, attributes: Mapping[str, Any]) -> str:
    """The key under which an operation counts.

    An unknown conversation is one for each agent; operations that tell no tenant are one tenant's.
    """
    if per == "tool":
        return first_text(attributes, _TOOL)
    if per == "tenant":
        return first_text(attributes, _TENANT)
    if per == "agent":
        return agent_of(attributes)
    conversation = first_text(attributes, _CONVERSATION)
    return f"={conversation}" if conversation else f"?{agent_of(attributes)}"


class Keys:
    """The keys under which one operation counts, each worked out once."""

    __slots__ = ("_attributes", "_known")

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self._attributes = attributes
        self._known: dict[str, str] = {}

    def of(self, per: str) -> str:
        """The key, see `key_of`. It raises what the attributes raise when they are read."""
        key = self._known.get(per)
        if key is None:
            key = self._known[per] = key_of(per, self._attributes)
        return key

    def all(self, pers: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """A pair of each of `pers` with its key; for an unknown agent where attributes cannot be read."""
        try:
            return tuple([(per, self.of(per)) for per in pers])
        except Exception:
            return tuple([(per, key_of(per, {})) for per in pers])


class State:
    """The counts of one process. All methods may be called from any thread.

    Reading takes no lock: what was read while deciding is looked at again, under the lock, when the operation
    is counted (`record_if`).

    Args:
        max_keys: How many conversations are kept, how many agents, tools, tenants, and steps of sequences;
            of each kind the one that was not counted for longest goes first.
        clock: Monotonic seconds.
    """

    def __init__(self, *, max_keys: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        if max_keys < 1:
            raise ValueError(f"max_keys is {max_keys}: a state keeps at least one count")
        self._max_keys = max_keys
        self._clock = clock
        self._lock = threading.RLock()  # what interrupts a decision in its own thread may be decided, too
        self._accounts: dict[str, OrderedDict[str, dict[str, Meter]]] = {per: OrderedDict() for per in PERS}
        self._sequences = Sequences(max_keys)
        #: How the process's agents stand; told decisions are recorded in it.
        self.trust = TrustBook(max_agents=max_keys)

    def after_fork(self) -> None:
        """Go on in a forked child: another thread of the parent may have held the lock, and is not here."""
        self._lock = threading.RLock()
        self.trust.after_fork()

    def used(self, counter: Counter, window: float | None = None) -> int:
        """How much was counted, in total or in the last `window` seconds."""
        account = self._accounts[counter.per].get(counter.key)
        meter = account.get(counter.kind or counter.of) if account else None
        if meter is None:
            return 0
        return meter.total if window is None else meter.within(window, self._clock())

    def happened(self, happening: Happening, within: float | None = None, *, again: bool = False) -> bool:
        """Whether a step happened in the last `within` seconds (None: since the process started).

        Args:
            happening: The step, and whose.
            within: Seconds.
            again: Leave the latest one out: it is the operation's own, which was counted before.
        """
        times = self._sequences.times(happening)
        return times is not None and came(times, within, self._clock, again=again)

    def cost_usd(self, per: str, attributes: Mapping[str, Any]) -> float:
        """What the operation's conversation, agent or tenant has cost so far, in US dollars."""
        return self.used(Counter("cost", "", per, key_of(per, attributes))) / PICO

    def tokens(self, per: str, attributes: Mapping[str, Any]) -> int:
        """How many tokens the operation's conversation, agent or tenant has used so far."""
        return self.used(Counter("tokens", "", per, key_of(per, attributes)))

    def trust_score(self, attributes: Mapping[str, Any]) -> int:
        """The trust in the operation's agent: 0 to 1000."""
        return self.trust.standing(agent_of(attributes)).score

    def record(self, operation: Operation, decision: Decision) -> None:
        """Account for a decided operation by the built-in prices; see `entry_of`."""
        point, attributes = operation.point, operation.attributes
        used = used_up(attributes, _BUILT_IN) if point == "model.after" else ()
        self.record_if(entry_of(point, Keys(attributes), passed=not decision.enforced.stops, used=used))

    def record_if(self, entry: Entry, room: Iterable[Room] = (), unseen: Iterable[Unseen] = ()) -> bool:
        """Add `entry` only if every count in `room` has some still and nothing in `unseen` has come.

        Looking and adding are one step: threads that saw the same last free place cannot all take it.
        """
        with self._lock:
            for counter, window, maximum in room:
                if self.used(counter, window) >= maximum:
                    return False
            for happening, within in unseen:
                if self.happened(happening, within):
                    return False
            self._add(entry, self._clock())
        return True

    def _add(self, entry: Entry, now: float) -> None:
        second = int(now)
        if entry.amounts:
            for per, key in entry.keys:
                account = self._account(per, key)
                for name, amount in entry.amounts:
                    meter = account.get(name)
                    if meter is None:
                        meter = account[name] = Meter()
                    meter.add(amount, second)
        for happening in entry.happenings:
            self._sequences.record(happening, now)

    def _account(self, per: str, key: str) -> dict[str, Meter]:
        accounts = self._accounts[per]
        account = accounts.get(key)
        if account is not None:
            accounts.move_to_end(key)
            return account
        account = accounts[key] = {}
        if len(accounts) > self._max_keys:
            accounts.popitem(last=False)
        return account


def entry_of(
    point: str,
    keys: Keys,
    *,
    passed: bool,
    used: tuple[tuple[str, int], ...] = (),
    happenings: tuple[Happening, ...] = (),
) -> Entry:
    """What a decided operation adds: a call before it, where it `passed`; what it has `used` after it."""
    kind, _, stage = point.partition(".")
    amounts = used if stage != "before" else ((kind, 1),) if passed else ()
    if not amounts:
        return Entry((), (), happenings) if happenings else NOTHING
    return Entry(amounts, keys.all(PERS if kind == "tool" else _PERS_OF_OTHERS), happenings)


def used_up(attributes: Mapping[str, Any], prices: Prices) -> tuple[tuple[str, int], ...]:
    """The tokens of a model's answer and what they cost; nothing where the attributes cannot be read."""
    try:
        if not any(map(attributes.__contains__, USAGE)):  # asked by name: what is given may have no end
            return ()
        usage = usage_of(attributes)
        tokens = usage.input + usage.output
        cost = prices.cost_of(usage, attributes) if tokens else 0
    except Exception:
        return ()
    amounts = (("tokens", tokens), ("cost", cost))
    return tuple(amount for amount in amounts if amount[1])
