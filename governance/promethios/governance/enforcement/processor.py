"""The span processor: adding it to a provider governs an agent that is already instrumented."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor
from wrapt import wrap_function_wrapper

from promethios.governance import semconv
from promethios.governance.decision import Decision
from promethios.governance.dialects import MARKERS, translated
from promethios.governance.enforcement import gate
from promethios.governance.enforcement.ambient import (
    Running,
    ambient_attributes,
    guarded_by,
    kind_of,
    running,
    subject_of,
)
from promethios.governance.enforcement.handed import handed_of
from promethios.governance.enforcement.operations import Decided, near_of, places_of
from promethios.governance.enforcement.redaction import SpanRedaction
from promethios.governance.enforcement.spans import install, kept_of, make_operation, watch_end
from promethios.governance.governor import Governor
from promethios.governance.operation import Operation
from promethios.governance.telemetry.spans import SCOPE, stamp, stamp_of

_log = logging.getLogger(__name__)

# Within which decided operation a span was started: it may say only later that it is the same.
_AROUND: Final = "_promethios_around"


class GovernanceSpanProcessor(SpanProcessor):
    """Governs the operations whose spans its provider starts.

    Constructing it puts the gate in front of the tracers whose provider has it: an operation that the
    policies deny by what is known at its span's start raises `PolicyViolation` before it runs.

    The processor itself never raises. It names agent and conversation on spans that do not, decides late what
    only the end of a span tells (token budgets among it), and redacts each span before it ends, so that every
    other processor's `on_end` sees it redacted, in whatever order they were added.

    Args:
        governor: Who decides.
        hard_stop: Whether to raise `PolicyStop`, which is no `Exception`, where an instrumentation is known
            to swallow a `PolicyViolation` and to make the call anyway. Without it such an operation goes on,
            and is told as flagged.
    """

    def __init__(self, governor: Governor, *, hard_stop: bool = False) -> None:
        self.governor = governor
        self.hard_stop = hard_stop
        self._endings = (self._end,)
        self._redaction = SpanRedaction(governor)
        gate.install(_processor_of_tracer)
        install()

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """Notice the end of `span`, and say whose it is."""
        try:
            watch_end(span, self._endings)
            around = running(parent_context)
            if around is not None:
                setattr(span, _AROUND, around)
            attributes = span._attributes.copy()
            if not MARKERS.isdisjoint(attributes):
                self._start(span, attributes, around, parent_context)
        except Exception:
            _log.exception("cannot govern the telemetry of span %r; the operation itself goes on", span.name)

    def _start(
        self, span: Any, attributes: dict[str, Any], around: Running | None, parent_context: Context | None
    ) -> None:
        if _tells_decision(span):
            return
        if shared := ambient_attributes(parent_context):
            missing = {name: value for name, value in shared.items() if name not in attributes}
            span.set_attributes(missing)
            attributes |= missing
        make_operation(span, attributes)
        if around is None:
            return
        known = translated(attributes)
        kind = kind_of(known)
        if kind is not None and (
            decision := guarded_by(self.governor, kind, subject_of(kind, known), parent_context)
        ):
            stamp(span, decision, "guard")

    def _end(self, span: Any) -> None:
        """Decide what nothing decided in time, account for what the operation used, and redact."""
        attributes = span._attributes.copy()
        kept = kept_of(span)
        if kept is not None or not MARKERS.isdisjoint(attributes):
            try:
                self._finish(span, translated({**(kept or {}), **attributes}))
            except Exception:
                _log.exception("cannot decide the ended span %r; its operation is over", span.name)
        try:
            self._redaction.apply(span, attributes)
        except Exception:
            _log.exception("cannot redact a span; its attributes, events and links are withheld")
            self._redaction.withhold(span)

    def _finish(self, span: Any, attributes: Mapping[str, Any]) -> None:
        kind = kind_of(attributes)
        if kind is None or _tells_decision(span):
            return
        layer, enforced = stamp_of(span)
        first = gate.close(span)
        if layer in ("guard", "other"):  # which decides what comes after, too
            return
        if layer is None and self._is_anothers(span, kind, attributes):
            return
        context = trace.set_span_in_context(span)
        if layer is None:  # nothing decided it in time
            self._decide_late(span, kind, attributes, context)
        elif handed_of(span).input is not None:  # nobody decided it with its content
            operation = _operation(f"{kind}.before", attributes, span)
            self.governor.observe_again(operation, first, context)
        if not enforced.stops:
            self._after(span, f"{kind}.after", attributes, context)

    def _is_anothers(self, span: Any, kind: str, attributes: Mapping[str, Any]) -> bool:
        """Whether a guard decides what the span stands for, or another span of the operation was decided."""
        scope = gate.scope_of_span(span)
        places = places_of(span, kind, subject_of(kind, attributes))
        taken = self.governor.operations.take(places, scope, span.start_time, near_of(span))
        if taken is not None:
            stamp(span, taken.decision, "other")
            return True
        if (unseen := self._guards_decision(span, kind, subject_of(kind, attributes))) is not None:
            stamp(span, unseen, "guard")
            return True
        return self.governor.is_guarded(scope, kind)

    def _guards_decision(self, span: Any, kind: str, subject: str) -> Decision | None:
        """What a guard around or within the span decided on the same operation without seeing it."""
        around: Running | None = getattr(span, _AROUND, None)
        if around is not None and around.is_same(self.governor, kind, subject):
            return around.decision
        return self.governor.recent.since(span.start_time, span.context.trace_id, kind, subject)

    def _decide_late(self, span: Any, kind: str, attributes: Mapping[str, Any], context: Context) -> None:
        decision = self.governor.observe(_operation(f"{kind}.before", attributes, span), context)
        stamp(span, decision, "processor")
        places = places_of(span, kind, subject_of(kind, attributes))
        decided = Decided(decision, gate.scope_of_span(span), time_ns())
        self.governor.operations.add(places, decided)

    def _after(self, span: Any, point: str, attributes: Mapping[str, Any], context: Context) -> None:
        if self.governor.listens(point):
            self.governor.observe(_operation(point, attributes, span), context)
        else:
            self.governor.account(Operation(point, attributes), context)


def _operation(point: str, attributes: Mapping[str, Any], span: Any) -> Operation:
    """What `span` stood for: with the content that was handed over, else with what was captured."""
    handed = handed_of(span)
    if point.endswith("before"):
        said = attributes.get(semconv.INPUT_MESSAGES) if handed.input is None else handed.input
        return Operation(point, attributes, said, arguments=attributes.get(semconv.TOOL_CALL_ARGUMENTS))
    said = attributes.get(semconv.OUTPUT_MESSAGES) if handed.output is None else handed.output
    return Operation(point, attributes, output=said, result=attributes.get(semconv.TOOL_CALL_RESULT))


def _tells_decision(span: Any) -> bool:
    scope = span.instrumentation_scope
    return span.name == semconv.DECISION_SPAN and scope is not None and scope.name == SCOPE


def _remember_provider(
    wrapped: Callable[..., None], provider: Any, args: Any, kwargs: dict[str, Any]
) -> None:
    """A provider that gets the processor is where its governor tells decisions; no span ever names it."""
    wrapped(*args, **kwargs)
    for processor in filter(None, map(_processor_within, (*args, *kwargs.values()))):
        processor.governor.set_tracer_provider(provider)


# At import: `provider.add_span_processor(GovernanceSpanProcessor(...))` looks the method up before it
# constructs the processor, which would be too late to notice.
wrap_function_wrapper("opentelemetry.sdk.trace", "TracerProvider.add_span_processor", _remember_provider)


def _processor_within(processor: Any) -> GovernanceSpanProcessor | None:
    """`processor`, or the first of ours among the processors that it stands for."""
    if isinstance(processor, GovernanceSpanProcessor):
        return processor
    inner = getattr(processor, "_span_processors", ())
    return next(filter(None, map(_processor_within, inner)), None)


def processor_of(span: Any) -> GovernanceSpanProcessor | None:
    """Ours of the provider whose recorded span `span` is; None where it has none."""
    return _processor_within(getattr(span, "_span_processor", None))


def _processor_of_tracer(tracer: Any) -> GovernanceSpanProcessor | None:
    """Ours of the provider that made `tracer`: the tracer knows its provider's processors only."""
    return _processor_within(getattr(tracer, "span_processor", None))
