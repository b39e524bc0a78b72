"""One operation that a guard decides: before it runs, and after it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span

from promethios.governance.decision import Decision, Verdict
from promethios.governance.enforcement.ambient import kind_of
from promethios.governance.enforcement.violation import PolicyViolation
from promethios.governance.operation import Operation
from promethios.governance.telemetry.spans import stamp

if TYPE_CHECKING:
    from promethios.governance.governor import Governor


class GovernedCall:
    """The decisions of one operation, made where the call itself can be stopped or changed.

    Args:
        governor: Who decides.
        kind: ``tool``, ``model`` or ``agent``.
        attributes: What identifies the operation.
    """

    def __init__(self, governor: Governor, kind: str, attributes: Mapping[str, Any]) -> None:
        self._governor = governor
        self._kind = kind
        self._attributes = attributes
        self._span = operation_span(kind)
        self._context = otel.get_current()  # what comes after may come elsewhere: a stream is read later

    def before(self, **payload: Any) -> Decision:
        """Decide the call before it is made.

        Raises:
            PolicyViolation: It must not be made.
        """
        operation = Operation(f"{self._kind}.before", self._attributes, **payload)
        return self._enforce(self._governor.decide(operation, self._context))

    def after(self, attributes: Mapping[str, Any] | None = None, **payload: Any) -> Decision | None:
        """Decide what the call gave; None where no policy has anything to say to it.

        Raises:
            PolicyViolation: The caller must not have it.
        """
        operation = self._finished(attributes, payload)
        if not self._governor.listens(operation.point):
            self._governor.evaluate(operation, self._context)
            return None
        return self._enforce(self._governor.decide(operation, self._context))

    def observe(self, attributes: Mapping[str, Any] | None = None, **payload: Any) -> None:
        """Decide what the caller already has, such as a stream that has ended: told, not enforced."""
        self._governor.observe(self._finished(attributes, payload), self._context)

    def _finished(self, attributes: Mapping[str, Any] | None, payload: dict[str, Any]) -> Operation:
        return Operation(f"{self._kind}.after", {**self._attributes, **(attributes or {})}, **payload)

    def _enforce(self, decision: Decision) -> Decision:
        if self._span is not None and (decision.verdict is not Verdict.ALLOW or "before" in decision.point):
            stamp(self._span, decision, "guard")
        if decision.enforced.stops:
            raise PolicyViolation(decision)
        return decision


def operation_span(kind: str) -> Span | None:
    """The current span where it is the operation's own, so that it may be stamped."""
    span = trace.get_current_span()
    attributes = span.attributes if isinstance(span, ReadableSpan) else None
    return span if kind_of(attributes or {}) == kind else None
