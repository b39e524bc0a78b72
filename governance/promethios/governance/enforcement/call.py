"""One operation that a guard decides: before it runs, and after it has."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span

from promethios.governance.decision import Decision
from promethios.governance.enforcement.ambient import Running, kind_of, running, subject_of
from promethios.governance.enforcement.plain import UNREADABLE
from promethios.governance.enforcement.violation import PolicyViolation
from promethios.governance.operation import Operation
from promethios.governance.telemetry.spans import stamp

if TYPE_CHECKING:
    from promethios.governance.governor import Governor
    from promethios.governance.policies.model import Policy

_log = logging.getLogger(__name__)


class GovernedCall:
    """The decisions of one operation, made where the call itself can be stopped or changed.

    One operation may be seen by several: by an adapter within another's call, by an adapter within a guard of
    one's own or the other way round. It counts once:

    - An adapter within an adapter's running call is told by `begin` to let it pass.
    - Of a guard of one's own and an adapter, the outer decides and counts; the inner decides again with what
      it knows beside, counts nothing, and is told only where it says more. The result is the adapter's to
      account for. The second operation of the same kind and name within a guard is another one.
    - Guards of one's own are never the same: a guarded function may call itself.

    Args:
        governor: Who decides.
        kind: ``tool``, ``model``, ``agent``, or ``response``, which has no before.
        attributes: What identifies the operation.
        by_adapter: Whether the caller sees all that there is to see of the operation.
    """

    def __init__(
        self, governor: Governor, kind: str, attributes: Mapping[str, Any], *, by_adapter: bool = False
    ) -> None:
        self._governor = governor
        self._kind = kind
        self._attributes = attributes
        self._span = operation_span(kind)
        self._context = otel.get_current()  # what comes after may come elsewhere: a stream is read later
        self._by_adapter = by_adapter
        self._around = self._same_around()
        self._running: Running | None = None
        self._point_after = "response" if kind == "response" else f"{kind}.after"

    @classmethod
    def begin(cls, governor: Governor, kind: str, attributes: Mapping[str, Any]) -> Self | None:
        """The call that an adapter decides; None where an adapter further out decides the same operation.

        That one saw the whole of it, and retries of it are no operations of their own.
        """
        around = running()
        subject = subject_of(kind, attributes)
        if around is not None and around.by_adapter and around.is_same(governor, kind, subject):
            return None
        return cls(governor, kind, attributes, by_adapter=True)

    def before(self, **payload: Any) -> Decision:
        """Decide the call before it is made.

        Raises:
            PolicyViolation: It must not be made.
        """
        operation = Operation(f"{self._kind}.before", self._attributes, **payload)
        if self._around is None:
            decision = self._governor.decide(operation, self._context)
        else:
            decision = self._governor.decide_again(operation, self._around.decision, self._context)
        subject = subject_of(self._kind, self._attributes)
        self._running = Running(self._governor, self._kind, subject, decision, self._by_adapter)
        return self._enforce(decision)

    def running(self) -> AbstractContextManager[None]:
        """Around the call itself, never around a ``yield``: what decides the same within finds it decided."""
        return nullcontext() if self._running is None else self._running.attached()

    def after(self, attributes: Mapping[str, Any] | None = None, **payload: Any) -> Decision | None:
        """Decide what the call gave; None where no policy has anything to say to it.

        Raises:
            PolicyViolation: The caller must not have it.
        """
        operation = self._finished(attributes, payload)
        listens = self._governor.listens(operation.point)
        if self._is_adapters():
            again = self._governor.decide_again(operation, None, self._context) if listens else None
            return again and self._enforce(again)
        if not listens:
            self._governor.account(operation, self._context)
            return None
        return self._enforce(self._governor.decide(operation, self._context))

    def observe(self, attributes: Mapping[str, Any] | None = None, **payload: Any) -> None:
        """Decide what the caller already has, such as a stream that has ended: told, not enforced."""
        self._governor.observe(self._finished(attributes, payload), self._context)

    def listeners(self) -> tuple[Policy, ...]:
        """The policies that decide what the call gives."""
        return tuple(each for each in self._governor.bundle.policies if self._point_after in each.on)

    def peek(self, attributes: Mapping[str, Any], **payload: Any) -> Decision:
        """What would be decided of a part of what the call gives; nothing is counted or told."""
        return self._governor.peek(self._finished(attributes, payload), self._context)

    def conclude(self, decision: Decision, attributes: Mapping[str, Any], **payload: Any) -> Decision:
        """Account for what the call gave and tell `decision`, which `peek` made of its parts.

        The payload is what left: asynchronous detectors look at it later.
        """
        if self._is_adapters() and not decision.verdict:
            return decision
        told = self._governor.conclude(self._finished(attributes, payload), decision, self._context)
        if self._span is not None and told.verdict:
            stamp(self._span, told, "guard")
        return told

    @contextmanager
    def fail_open(self, doing: str, *fields: str) -> Iterator[None]:
        """Around our own reading or writing of what the operation carries: what goes wrong there is ours.

        It is logged and the call goes on, but what could not be done is for policies that look at `fields`
        (``input`` and ``arguments`` before the call, ``output`` and ``result`` after) a case of ``onError``.
        That is told as a decision of its own: what was told as redacted may not have been.

        Raises:
            PolicyViolation: One of them says ``block``.
        """
        try:
            yield
        except PolicyViolation:
            raise
        except Exception:
            _log.exception("cannot %s; the call goes on unless a policy says otherwise", doing)
            before = not {"output", "result"}.intersection(fields)
            point = f"{self._kind}.before" if before else self._point_after
            operation = Operation(point, self._attributes, **dict.fromkeys(fields, UNREADABLE))
            self._enforce(self._governor.decide_again(operation, None, self._context))

    def _same_around(self) -> Running | None:
        """The operation around, where it is this one; of two adapters the inner one is not asked at all."""
        around = running()
        if around is None or around.by_adapter == self._by_adapter:
            return None
        subject = subject_of(self._kind, self._attributes)
        same = around.is_same(self._governor, self._kind, subject)
        return around if same and around.take() else None

    def _is_adapters(self) -> bool:
        """Whether an adapter, around or within, accounts for what the call gave."""
        if self._by_adapter:
            return False
        return self._around is not None or (self._running is not None and self._running.taken)

    def _finished(self, attributes: Mapping[str, Any] | None, payload: dict[str, Any]) -> Operation:
        return Operation(self._point_after, {**self._attributes, **(attributes or {})}, **payload)

    def _enforce(self, decision: Decision) -> Decision:
        shown = decision if decision.id or self._around is None else self._around.decision
        if self._span is not None and (decision.verdict or "before" in decision.point):
            stamp(self._span, shown, "guard")
        if decision.enforced.stops:
            raise PolicyViolation(decision)
        return decision


def operation_span(kind: str) -> Span | None:
    """The current span where it is the operation's own, so that it may be stamped."""
    span = trace.get_current_span()
    attributes = span.attributes if isinstance(span, ReadableSpan) else None
    return span if kind_of(attributes or {}) == kind else None
