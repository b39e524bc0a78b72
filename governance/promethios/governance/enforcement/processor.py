"""The span processor: adding it to a provider governs an agent that is already instrumented."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakValueDictionary

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from wrapt import wrap_function_wrapper

from promethios.governance import semconv
from promethios.governance.enforcement import gate
from promethios.governance.enforcement.ambient import ambient_attributes, guarded_by, kind_of, subject_of
from promethios.governance.enforcement.redaction import redact_span
from promethios.governance.governor import Governor
from promethios.governance.operation import Operation
from promethios.governance.telemetry.spans import SCOPE, stamp, stamp_of

_log = logging.getLogger(__name__)

# What an operation's span was started with: later attributes may push it out.
_STARTED = "_promethios_started"


class GovernanceSpanProcessor(SpanProcessor):
    """Governs the operations whose spans its provider starts.

    Constructing it puts the gate in front of the tracers whose provider has it: an operation that the
    policies deny by what is known at its span's start raises `PolicyViolation` before it runs. Add it
    before the processors that export, so that they see what it redacts.

    The processor itself never raises. It names agent and conversation on spans that do not, redacts what
    is written to them, and decides late what only the end of a span tells (token budgets among it).

    Args:
        governor: Who decides.
    """

    def __init__(self, governor: Governor) -> None:
        self.governor = governor
        self._open: WeakValueDictionary[int, Span] = WeakValueDictionary()
        gate.install(_governor_of_tracer)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Make `span` redact what is written to it, and say whose it is."""
        try:
            self._start(span, parent_context)
        except Exception:
            _log.exception("cannot govern the telemetry of span %r; the operation itself goes on", span.name)

    def on_end(self, span: ReadableSpan) -> None:
        """Decide what nothing decided in time, and account for what the operation used."""
        try:
            self._end(span)
        except Exception:
            _log.exception("cannot decide the ended span %r; its operation is over", span.name)

    def _start(self, span: Span, parent_context: Context | None) -> None:
        if _tells_decision(span):
            return
        self._open[_context_of(span).span_id] = span
        redact_span(span, self.governor.redact_text)
        attributes = span.attributes or {}
        kind = kind_of(attributes)
        if kind is None:
            return
        for name, value in ambient_attributes(parent_context).items():
            if name not in attributes:
                span.set_attribute(name, value)
        setattr(span, _STARTED, dict(span.attributes or {}))
        if decision := guarded_by(kind, subject_of(kind, attributes), parent_context):
            stamp(span, decision, "guard")

    def _end(self, span: ReadableSpan) -> None:
        own = self._open.pop(_context_of(span).span_id, None)  # `span` is a copy of it
        attributes = {**getattr(own, _STARTED, {}), **(span.attributes or {})}
        kind = kind_of(attributes)
        if kind is None or _tells_decision(span):
            return
        layer, enforced = stamp_of(own)
        if layer == "guard" or _scope_of(span) in self.governor.guarded_scopes:
            return  # a guard decides what comes after, too; it may not have had this span around it
        context = trace.set_span_in_context(trace.NonRecordingSpan(_context_of(span)))
        if layer is None:  # nothing decided it in time
            self._observe(f"{kind}.before", attributes, context)
        if not enforced.stops:
            self._observe(f"{kind}.after", attributes, context)

    def _observe(self, point: str, attributes: dict[str, Any], context: Context) -> None:
        before = point.endswith("before")
        operation = Operation(
            point,
            attributes,
            input=attributes.get(semconv.INPUT_MESSAGES) if before else None,
            output=None if before else attributes.get(semconv.OUTPUT_MESSAGES),
            arguments=attributes.get(semconv.TOOL_CALL_ARGUMENTS) if before else None,
            result=None if before else attributes.get(semconv.TOOL_CALL_RESULT),
        )
        self.governor.observe(operation, context)


def _scope_of(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope is not None else ""


def _context_of(span: ReadableSpan) -> trace.SpanContext:
    return cast(trace.SpanContext, span.context)  # a span that was started has one


def _tells_decision(span: ReadableSpan) -> bool:
    return span.name == semconv.DECISION_SPAN and _scope_of(span) == SCOPE


def _remember_provider(
    wrapped: Callable[..., None], provider: Any, args: Any, kwargs: dict[str, Any]
) -> None:
    """A provider that gets the processor is where its governor tells decisions; no span ever names it."""
    wrapped(*args, **kwargs)
    for governor in filter(None, map(_governor_of_processor, (*args, *kwargs.values()))):
        governor.set_tracer_provider(provider)


# At import: `provider.add_span_processor(GovernanceSpanProcessor(...))` looks the method up before it
# constructs the processor, which would be too late to notice.
wrap_function_wrapper("opentelemetry.sdk.trace", "TracerProvider.add_span_processor", _remember_provider)


def _governor_of_processor(processor: Any) -> Governor | None:
    """The governor that `processor` asks, or the first among the processors that it stands for."""
    if isinstance(processor, GovernanceSpanProcessor):
        return processor.governor
    inner = getattr(processor, "_span_processors", ())
    return next(filter(None, map(_governor_of_processor, inner)), None)


def _governor_of_tracer(tracer: Any) -> Governor | None:
    """The governor of the provider that made `tracer`: the tracer knows its provider's processors only."""
    return _governor_of_processor(getattr(tracer, "span_processor", None))
