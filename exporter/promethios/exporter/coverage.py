"""What an agent knows itself of its coverage: which operations were decided in time, and which were not."""

from __future__ import annotations

import threading

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.governance import Governor, semconv
from promethios.governance.dialects import MARKERS, translated
from promethios.governance.enforcement.ambient import kind_of
from promethios.governance.telemetry.forks import renew_in_child

#: Who decides before an operation runs; ``processor`` decides when it is over, ``other`` names a second span
#: of an operation that is counted already.
_IN_TIME = frozenset({"guard", "gate"})
_AGAIN = "other"


class Coverage(SpanProcessor):
    """Counts the operations whose spans end. Add it to the provider after what governs it.

    Spans that sampling drops, and operations without a span, are not seen here: the receiver compares what it
    was sent, and this is what the agent can say without it.

    Args:
        governor: Who decides; None where nothing is governed.

    Attributes:
        governed: Operations that were decided before they ran.
        ungoverned: Those that nothing decided, or only when they were over.
    """

    def __init__(self, governor: Governor | None = None) -> None:
        self._governor = governor
        self.renew()
        renew_in_child(self)

    def on_end(self, span: ReadableSpan) -> None:
        """Count it if it is an operation. Never raises: it is called where the application runs."""
        try:
            attributes = span.attributes
            if attributes and not MARKERS.isdisjoint(attributes) and span.name != semconv.DECISION_SPAN:
                self._count(span)
        except Exception:
            # Whatever its attributes are, it is not known to be governed.
            self._add(in_time=False)

    def renew(self) -> None:
        """Start anew in a forked child: what its parent counted, its parent tells."""
        self._lock = threading.Lock()
        self.governed = self.ungoverned = 0

    def _count(self, span: ReadableSpan) -> None:
        attributes = span.attributes or {}
        layer = attributes.get(semconv.DECISION_LAYER)
        if layer == _AGAIN:
            return
        kind = kind_of(translated(attributes))
        if kind is None:
            return
        self._add(in_time=layer in _IN_TIME or (layer is None and self._is_guarded(span, kind)))

    def _add(self, in_time: bool) -> None:
        with self._lock:
            if in_time:
                self.governed += 1
            else:
                self.ungoverned += 1

    def _is_guarded(self, span: ReadableSpan, kind: str) -> bool:
        """Whether an adapter decides what spans of this scope stand for, without stamping each."""
        scope = span.instrumentation_scope
        return bool(self._governor and scope and self._governor.is_guarded(scope.name, kind))
