"""Which operations were decided lately: two spans of one operation are one operation.

Two instrumentations around one call open two spans for it: one within the other, or, where a framework's
callbacks open them, beside each other. They are the same operation where kind and subject are the same, the
scopes are not, they belong to one trace (or, where a span has no parent, to one task or thread), and their
times overlap. Each span of the other scope takes one decision, so that of calls side by side none is lost.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from dataclasses import replace
from itertools import islice
from time import time_ns
from typing import Any, Final

from promethios.governance.decision import Decision

#: How many places are remembered, and how many decisions of each; the oldest go first.
MAX_PLACES: Final = 2048
MAX_DECISIONS: Final = 64

_Place = tuple[int, str, str]
Places = tuple[_Place, ...]


class Decided:
    """One decision before an operation, and how long the operation ran.

    Args:
        decision: What was decided.
        scope: Who told of the operation: an instrumentation's scope.
        closed: When it was over, Unix nanoseconds; None while it runs.
        span_id: The span that was current where it was decided; 0 where none was.
    """

    __slots__ = ("closed", "decision", "scope", "span_id", "taken")

    def __init__(self, decision: Decision, scope: str, closed: int | None = None, span_id: int = 0) -> None:
        # Not what it was decided on: that would keep the conversations of thousands of operations.
        self.decision = replace(decision, payload={}) if decision.payload else decision
        self.scope, self.closed, self.span_id = scope, closed, span_id
        #: The scopes whose spans took it.
        self.taken: tuple[str, ...] = ()

    def close(self) -> None:
        """The operation is over."""
        self.closed = time_ns()


class _Meeting:
    """The decisions of one place, in their order; those that are over for long are not looked at again."""

    __slots__ = ("_added", "_decisions", "_ended", "_settled")

    def __init__(self) -> None:
        self._decisions: list[Decided] = []  # mostly one: a deque takes 600 bytes for the first
        self._added = 0
        # So many of all that were added, the oldest, are over; and when the last of these was.
        self._settled, self._ended = 0, 0

    def add(self, decided: Decided) -> None:
        self._decisions.append(decided)
        self._added += 1
        if len(self._decisions) > MAX_DECISIONS:
            del self._decisions[0]

    def take(self, scope: str, since: int, near: tuple[int, ...]) -> Decided | None:
        self._settle()
        found: Decided | None = None
        nearest = len(near) + 1
        unsettled = self._added - self._settled
        for decided in islice(reversed(self._decisions), unsettled if self._ended < since else None):
            over = decided.closed is not None and decided.closed < since
            if not over and decided.scope != scope and scope not in decided.taken:
                distance = near.index(decided.span_id) if decided.span_id in near else len(near)
                if distance < nearest:
                    found, nearest = decided, distance
                    if not distance:
                        break
        if found is not None:
            found.taken += (scope,)
        return found

    def _settle(self) -> None:
        added = self._added  # as it is now: what interrupts this may add more
        forgotten = added - len(self._decisions)
        self._settled = max(self._settled, forgotten)
        while self._settled < added:
            closed = self._decisions[self._settled - forgotten].closed
            if closed is None:
                return
            self._ended = max(self._ended, closed)
            self._settled += 1


class Operations:
    """The decisions of one process that spans may belong to. Bounded; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler or a finalizer may be governed, too
        self._places: OrderedDict[_Place, _Meeting] = OrderedDict()

    def add(self, places: Places, decided: Decided) -> Decided:
        """Remember a decision on an operation."""
        with self._lock:
            for place in places:
                known = self._places.get(place)
                if known is None:
                    known = self._places[place] = _Meeting()
                    if len(self._places) > MAX_PLACES:
                        self._places.popitem(last=False)
                known.add(decided)
        return decided

    def take(self, places: Places, scope: str, since: int, near: tuple[int, ...] = ()) -> Decided | None:
        """The decision on the same operation that another scope told of, if one is left.

        Args:
            places: Where the operation's span is.
            scope: Whose span it is.
            since: When the span began, Unix nanoseconds.
            near: The ids of the span and of its parent: of calls side by side, the one decided there first.
        """
        with self._lock:
            for place in places:
                meeting = self._places.get(place)
                if meeting is not None and (taken := meeting.take(scope, since, near)) is not None:
                    return taken
        return None


def places_of(span: Any, kind: str, subject: str) -> Places:
    """Where spans of one operation meet. A provider before a model, as in ``openai/x``, says no more.

    Args:
        span: The operation's, or the one that is current where it is decided.
        kind: The operation's kind.
        subject: What it is about.
    """
    name = subject.rpartition("/")[2] if kind == "model" else subject
    place = span.get_span_context().trace_id, kind, name
    if getattr(span, "parent", None) is not None:
        return (place,)
    return place, (-_strand(), kind, name)


def _strand() -> int:
    """What runs here one after the other: the task, where there is one, else the thread."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            if (task := asyncio.current_task()) is not None:
                return id(task)
        except RuntimeError:
            pass
    return threading.get_ident()


def near_of(span: Any) -> tuple[int, ...]:
    """The ids of a span and of its parent."""
    own, parent = span.get_span_context().span_id, getattr(span, "parent", None)
    return (own,) if parent is None else (own, parent.span_id)
