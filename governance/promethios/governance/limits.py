"""What has been used so far: calls and tokens, in total and over time, for each conversation, agent and tool.

The state is bounded: the keys by least recent use, each key's history by steps that get coarser with age. A
window is counted in steps of a second up to 2 minutes, of a minute up to 2 hours, of an hour above; the step
that the window's start cuts is counted whole, so that a limit may hold up to one step longer, never shorter.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from promethios.governance import semconv
from promethios.governance.conditions.aliases import ALIASES, first_of, first_text
from promethios.governance.decision import Decision
from promethios.governance.operation import Operation
from promethios.governance.trust import TrustBook

#: The widths of the steps in seconds, and how many of each are kept.
_STEPS: Final = ((1, 121), (60, 121), (3600, 169))
#: The longest window, in seconds (7 days).
MAX_WINDOW: Final = 7 * 86400
#: A count beyond this is not believed (2 to the power of 53).
_MAX_TOKENS: Final = 1 << 53

UNKNOWN_AGENT: Final = "unknown"


class Counter(NamedTuple):
    """Which count is meant.

    Args:
        of: ``calls`` or ``tokens``.
        kind: The kind of operation whose calls are counted (``model``, ``tool``, ``agent``); empty for
            tokens.
        per: ``conversation``, ``agent`` or ``tool``.
        key: Which conversation, agent or tool.
    """

    of: str
    kind: str
    per: str
    key: str


def agent_of(attributes: Mapping[str, Any]) -> str:
    """Who acts: the agent's id, else its name, else the service's, else ``unknown``."""
    names = (semconv.AGENT_ID, semconv.AGENT_NAME, semconv.SERVICE_NAME)
    return next((text for name in names if (text := first_text(attributes, (name,)))), UNKNOWN_AGENT)


def key_of(per: str, attributes: Mapping[str, Any]) -> str:
    """The key under which an operation counts. An unknown conversation is one for each agent."""
    if per == "tool":
        return first_text(attributes, (semconv.TOOL_NAME,))
    if per == "agent":
        return agent_of(attributes)
    conversation = first_text(attributes, (semconv.CONVERSATION_ID,))
    return f"={conversation}" if conversation else f"?{agent_of(attributes)}"


class _Meter:
    """One count: its total, and its recent history in steps of several widths."""

    __slots__ = ("history", "total")

    def __init__(self) -> None:
        self.total = 0
        self.history: tuple[deque[list[int]], ...] = tuple(deque(maxlen=kept) for _, kept in _STEPS)

    def add(self, amount: int, now: float) -> None:
        self.total += amount
        for (width, _), steps in zip(_STEPS, self.history, strict=True):
            step = int(now // width)
            if steps and steps[-1][0] >= step:
                steps[-1][1] += amount
            else:
                steps.append([step, amount])

    def within(self, window: float, now: float) -> int:
        """The amount added in the last `window` seconds, rounded up to whole steps."""
        for (width, kept), steps in zip(_STEPS, self.history, strict=True):
            if window <= width * (kept - 1):
                oldest = int((now - window) // width)
                return sum(amount for step, amount in steps if step >= oldest)
        return self.total


class State:
    """The counts of one process. All methods may be called from any thread.

    Args:
        max_keys: How many counts are kept; the one that was not added to for longest goes first.
        clock: Monotonic seconds.
    """

    def __init__(self, *, max_keys: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        if max_keys < 1:
            raise ValueError(f"max_keys is {max_keys}: a state keeps at least one count")
        self._max_keys = max_keys
        self._clock = clock
        self._lock = threading.Lock()
        self._meters: OrderedDict[Counter, _Meter] = OrderedDict()
        #: How the process's agents stand; told decisions are recorded in it.
        self.trust = TrustBook(max_agents=max_keys)

    def after_fork(self) -> None:
        """Go on in a forked child: another thread of the parent may have held the lock, and is not here."""
        self._lock = threading.Lock()
        self.trust.after_fork()

    def used(self, counter: Counter, window: float | None = None) -> int:
        """How much was counted, in total or in the last `window` seconds."""
        with self._lock:
            return self._used(counter, window)

    def record(self, operation: Operation, decision: Decision) -> None:
        """Account for a decided operation: its tokens, and its call unless the decision stops it."""
        self.record_if(operation, decision, ())

    def record_if(
        self,
        operation: Operation,
        decision: Decision,
        claims: tuple[tuple[Counter, float | None, int | float], ...],
    ) -> bool:
        """Account for the operation only if every claim (a counter, its window, its maximum) still has room.

        Checking and counting are one step: threads that saw the same last free place cannot all take it.
        """
        amounts = _amounts(operation, decision)
        with self._lock:
            if any(self._used(counter, window) >= maximum for counter, window, maximum in claims):
                return False
            for counter, amount in amounts:
                self._add(counter, amount)
        return True

    def _used(self, counter: Counter, window: float | None) -> int:
        meter = self._meters.get(counter)
        if meter is None:
            return 0
        return meter.total if window is None else meter.within(window, self._clock())

    def _add(self, counter: Counter, amount: int) -> None:
        meter = self._meters.get(counter)
        if meter is None:
            meter = self._meters[counter] = _Meter()
            if len(self._meters) > self._max_keys:
                self._meters.popitem(last=False)
        else:
            self._meters.move_to_end(counter)
        meter.add(amount, self._clock())


def _amounts(operation: Operation, decision: Decision) -> list[tuple[Counter, int]]:
    """What to add to which counts. Attributes that cannot be read count for an unknown agent."""
    try:
        return _amounts_of(operation, decision, operation.attributes)
    except Exception:
        return _amounts_of(operation, decision, {})


def _amounts_of(
    operation: Operation, decision: Decision, attributes: Mapping[str, Any]
) -> list[tuple[Counter, int]]:
    kind, _, stage = operation.point.partition(".")
    if stage == "before" and not decision.enforced.stops:
        pers = ("conversation", "agent", "tool") if kind == "tool" else ("conversation", "agent")
        return [(Counter("calls", kind, per, key_of(per, attributes)), 1) for per in pers]
    if operation.point == "model.after" and (tokens := _tokens(attributes)):
        return [
            (Counter("tokens", "", per, key_of(per, attributes)), tokens) for per in ("conversation", "agent")
        ]
    return []


def _tokens(attributes: Mapping[str, Any]) -> int:
    used = (
        first_of(attributes, ALIASES[name].attributes)
        for name in ("usage.input_tokens", "usage.output_tokens")
    )
    return sum(value for value in used if type(value) is int and 0 < value < _MAX_TOKENS)
