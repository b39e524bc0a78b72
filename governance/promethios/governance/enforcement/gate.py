"""The gate in front of tracers: it denies an operation at the start of its span, before it runs.

The specification says that span processors must not raise, so a processor's exception is never the
mechanism here. The gate stands around the public `Tracer.start_span`, whose exceptions reach the caller.
It also sees the spans that sampling drops. It lets through what is not an agent's operation.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode

from promethios.governance import semconv
from promethios.governance.dialects import MARKERS, translated
from promethios.governance.enforcement.ambient import guarded_by, kind_of, subject_of
from promethios.governance.enforcement.handed import Handed, handed_of
from promethios.governance.enforcement.operations import Decided, places_of
from promethios.governance.enforcement.stop import SWALLOWING, PolicyStop
from promethios.governance.enforcement.violation import PolicyViolation
from promethios.governance.operation import Operation
from promethios.governance.telemetry.spans import SCOPE, stamp

if TYPE_CHECKING:
    from promethios.governance.decision import Decision
    from promethios.governance.enforcement.processor import GovernanceSpanProcessor
    from promethios.governance.governor import Governor

FindProcessor = Callable[[Any], "GovernanceSpanProcessor | None"]

_log = logging.getLogger(__name__)

_installed = threading.Lock()
_DECIDED: Final = "_promethios_decided"

# Frameworks, by scope, that call models through the providers' own libraries.
_FRAMEWORKS: Final = frozenset(
    {
        "opentelemetry.instrumentation.genai.langchain",
        "opentelemetry.instrumentation.genai.openai_agents",
    }
)
# A scope that an adapter for the provider's library guards: while it is there, so is the adapter.
_LIBRARIES: Final = {
    "anthropic": "opentelemetry.instrumentation.genai.anthropic",
    "azure.ai.openai": "opentelemetry.instrumentation.genai.openai",
    "openai": "opentelemetry.instrumentation.genai.openai",
}


def install(find_processor: FindProcessor) -> None:
    """Put the gate in front of every tracer of the SDK, once for the process.

    Args:
        find_processor: Gives the processor of a tracer's provider, or None where it has none.
    """
    if not _installed.acquire(blocking=False):
        return
    original: Callable[..., Span] = Tracer.start_span

    @functools.wraps(original)
    def start_span(
        tracer: Any,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Span:
        passage = _passage_of(find_processor, tracer, attributes, context)
        span = original(tracer, name, context, kind, attributes, *args, **kwargs)
        return span if passage is None else passage.enter(span)

    setattr(Tracer, "start_span", start_span)  # noqa: B010 - a method, which mypy lets nobody assign


def _passage_of(
    find_processor: FindProcessor, tracer: Any, attributes: Any, context: Context | None
) -> _Passage | None:
    """The operation at the gate, if it is one. Attributes may be anything: nobody's span fails by them."""
    try:
        if not attributes or MARKERS.isdisjoint(attributes):
            return None
        return _passage(find_processor(tracer), _name_of(tracer), attributes, context)
    except Exception:
        _log.exception(
            "cannot tell at its start whether a span is an operation; it is looked at when it ends"
        )
        return None


def close(span: Any) -> Decision | None:
    """The operation of `span` is over: what begins now is another one.

    Returns:
        What the gate decided on it, if it did.
    """
    decided: Decided | None = getattr(span, _DECIDED, None)
    if decided is None:
        return None
    decided.close()
    return decided.decision


def scope_of_span(span: Any) -> str:
    """The name of the instrumentation that started `span`."""
    scope = getattr(span, "instrumentation_scope", None)
    return str(getattr(scope, "name", ""))


class Unsampled(NonRecordingSpan):
    """The span of an operation that sampling drops. Nobody else hears of its end.

    Args:
        context: The span's own.
        governor: Who governs the operation.
        kind: The operation's kind.
        attributes: What was said of it when it began.
    """

    def __init__(
        self, context: SpanContext, governor: Governor, kind: str, attributes: Mapping[str, Any]
    ) -> None:
        super().__init__(context)
        self.governor = governor
        self._kind, self._attributes = kind, attributes
        self._ended = False

    def end(self, end_time: int | None = None) -> None:
        """Look at what was handed over meanwhile; the gate decided without it."""
        first, ended, self._ended = close(self), self._ended, True
        if first is None or ended:
            return
        try:
            self._complete(first, handed_of(self))
        except Exception:
            _log.exception("cannot decide an operation with its content; it is over")

    def _complete(self, first: Decision, content: Handed) -> None:
        context = trace.set_span_in_context(self)
        if content.input is not None:
            before = Operation(f"{self._kind}.before", self._attributes, content.input)
            self.governor.observe_again(before, first, context)
        if content.output is not None and self.governor.listens(point := f"{self._kind}.after"):
            self.governor.observe(Operation(point, self._attributes, output=content.output), context)


class _Passage:
    """One operation at the gate."""

    def __init__(
        self,
        processor: GovernanceSpanProcessor,
        kind: str,
        attributes: Mapping[str, Any],
        scope: str,
        context: Context | None,
    ) -> None:
        self._governor: Governor = processor.governor
        self._kind, self._attributes = kind, attributes
        self._scope, self._context = scope, context
        self._swallows = scope in SWALLOWING
        self._hard = processor.hard_stop

    def enter(self, span: Span) -> Span:
        """Decide the operation of `span`, which has just begun. Where it is denied the span is ended again.

        Raises:
            PolicyViolation: The operation must not run.
            PolicyStop: The same, where its instrumentation would swallow that, and it was asked for.
        """
        if type(span) is NonRecordingSpan:
            span = Unsampled(span.get_span_context(), self._governor, self._kind, self._attributes)
        operations = self._governor.operations
        places = places_of(span, self._kind, subject_of(self._kind, self._attributes))
        taken = operations.take(places, self._scope, _start_of(span))
        if taken is not None:
            stamp(span, taken.decision, "other")
            return span
        decision = self._decide(span)
        self._remember(span, operations.add(places, Decided(decision, self._scope)))
        stamp(span, decision, "gate")
        if not decision.enforced.stops:
            return span
        error = PolicyStop(decision) if self._swallows else PolicyViolation(decision)
        _end_as(span, error)
        raise error

    def _remember(self, span: Any, decided: Decided) -> None:
        try:
            setattr(span, _DECIDED, decided)
        except Exception:  # a span of another kind, whose end nobody tells
            decided.close()

    def _decide(self, span: Span) -> Any:
        """Nothing may say "blocked" before the block is certain: what would be swallowed is observed only."""
        operation = Operation(
            f"{self._kind}.before",
            dict(self._attributes),
            input=self._attributes.get(semconv.INPUT_MESSAGES),
            arguments=self._attributes.get(semconv.TOOL_CALL_ARGUMENTS),
        )
        context = trace.set_span_in_context(span, self._context)
        if self._swallows and not self._hard:
            return self._governor.observe(operation, context)
        return self._governor.decide_span(operation, context)


def _passage(
    processor: GovernanceSpanProcessor | None,
    scope: str,
    attributes: Mapping[str, Any],
    context: Context | None,
) -> _Passage | None:
    """The operation that a span stands for, where it is the gate that decides it."""
    if processor is None or scope == SCOPE or scope in processor.governor.guarded_scopes:
        return None
    known = translated(attributes)
    kind = kind_of(known)
    if kind is None or _is_left_to_a_guard(processor.governor, scope, known):
        return None
    subject = subject_of(kind, known)
    if not subject and kind != "agent":  # it is named later, if at all: it is decided when it is
        return None
    if guarded_by(processor.governor, kind, subject, context):
        return None
    return _Passage(processor, kind, known, scope, context)


def _end_as(span: Span, error: BaseException) -> None:
    """End the span of a denied operation; whatever that does, the operation stays denied."""
    try:
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, str(error)))
        span.end()
    except Exception:
        _log.exception("cannot end the span of a denied operation; it is denied all the same")


def _is_left_to_a_guard(governor: Governor, scope: str, attributes: Mapping[str, Any]) -> bool:
    """Whether a framework's span stands for a call that the adapter of the model's library will decide."""
    if scope not in _FRAMEWORKS:
        return False
    provider = attributes.get(semconv.PROVIDER_NAME)
    return isinstance(provider, str) and _LIBRARIES.get(provider) in governor.guarded_scopes


def _start_of(span: Any) -> int:
    return getattr(span, "start_time", None) or 1 << 63


def _name_of(tracer: Any) -> str:
    scope = getattr(tracer, "_instrumentation_scope", None) or getattr(tracer, "instrumentation_info", None)
    return str(getattr(scope, "name", ""))
