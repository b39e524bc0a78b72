"""The gate in front of tracers: it denies an operation at the start of its span, before it runs.

The specification says that span processors must not raise, so a processor's exception is never the
mechanism here. The gate stands around the public `Tracer.start_span`, whose exceptions reach the caller.
It also sees the spans that sampling drops. It lets through what is not an agent's operation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode
from wrapt import wrap_function_wrapper

from promethios.governance import semconv
from promethios.governance.enforcement.ambient import guarded_by, kind_of, subject_of
from promethios.governance.enforcement.violation import PolicyViolation
from promethios.governance.operation import Operation
from promethios.governance.telemetry.spans import SCOPE, stamp

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

FindGovernor = Callable[[Any], "Governor | None"]

_installed = threading.Lock()


def install(find_governor: FindGovernor) -> None:
    """Put the gate in front of every tracer of the SDK, once for the process.

    Args:
        find_governor: Gives the governor of a tracer's provider, or None where it has none.
    """
    if not _installed.acquire(blocking=False):
        return

    def start_span(wrapped: Callable[..., Span], tracer: Any, args: Any, kwargs: dict[str, Any]) -> Span:
        attributes = kwargs.get("attributes") or (args[3] if len(args) > 3 else None)
        if not attributes or semconv.OPERATION_NAME not in attributes:
            return wrapped(*args, **kwargs)
        context = kwargs.get("context") or (args[1] if len(args) > 1 else None)
        governor = find_governor(tracer)
        operation = _to_decide(governor, _scope_of(tracer), attributes, context)
        if governor is None or operation is None:
            return wrapped(*args, **kwargs)
        return _decide(governor, operation, context, lambda: wrapped(*args, **kwargs))

    wrap_function_wrapper("opentelemetry.sdk.trace", "Tracer.start_span", start_span)


def _to_decide(
    governor: Governor | None, scope: str, attributes: Mapping[str, Any], context: Context | None
) -> Operation | None:
    """The operation that a span stands for, where it is the gate that decides it."""
    kind = kind_of(attributes)
    if governor is None or kind is None or scope == SCOPE or scope in governor.guarded_scopes:
        return None
    if guarded_by(kind, subject_of(kind, attributes), context):
        return None
    return Operation(
        f"{kind}.before",
        dict(attributes),
        input=attributes.get(semconv.INPUT_MESSAGES),
        arguments=attributes.get(semconv.TOOL_CALL_ARGUMENTS),
    )


def _decide(
    governor: Governor, operation: Operation, context: Context | None, start: Callable[[], Span]
) -> Span:
    """Start the operation's span, decide, and end it again with `PolicyViolation` where it is denied."""
    span = start()
    decision = governor.decide(operation, trace.set_span_in_context(span, context))
    stamp(span, decision, "gate")
    if not decision.enforced.stops:
        return span
    violation = PolicyViolation(decision)
    span.record_exception(violation)
    span.set_status(Status(StatusCode.ERROR, str(violation)))
    span.end()
    raise violation


def _scope_of(tracer: Any) -> str:
    scope = getattr(tracer, "_instrumentation_scope", None) or getattr(tracer, "instrumentation_info", None)
    return str(getattr(scope, "name", ""))
