"""The governance span: a decision's one source of truth. And the stamp that it leaves on the operation's."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanContext, TraceFlags, Tracer

from promethios.governance import semconv
from promethios.governance.decision import Decision, Match, Verdict

_log = logging.getLogger(__name__)

SCOPE: Final = "promethios.governance"
_STAMP: Final = "_promethios_stamp"
_NO_STAMP: Final = (None, Verdict.ALLOW, None)
_INSTRUMENTATION: Final = InstrumentationScope(SCOPE)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
# A source of ids of our own: an application may seed that of `random`. A forked child's is another.
_ids: Final = Random()

# What a governance span repeats of the operation, so that it can be read alone.
_IDENTITY: Final = (
    semconv.OPERATION_NAME,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.TOOL_NAME,
    semconv.MCP_SERVER_NAME,
    semconv.CONVERSATION_ID,
    semconv.AGENT_NAME,
    semconv.AGENT_ID,
)


def emit(
    tracer: Tracer, decision: Decision, described: Mapping[str, Any], end: int, context: Context | None
) -> Span:
    """Write a decision as a span of `tracer`, below the span in `context`.

    Args:
        tracer: Whose sampler decides whether it is recorded.
        decision: What was decided.
        described: The span's attributes, by `describe`.
        end: When it was decided, Unix nanoseconds. The span is as long as the evaluation.
        context: The operation's; the current one without it.
    """
    span = tracer.start_span(
        semconv.DECISION_SPAN,
        context=context,
        attributes=described,
        start_time=end - decision.duration_ns,
    )
    for match in decision.matches:
        span.add_event(semconv.GUARDRAIL_EVENT, _describe_match(match, decision), timestamp=end)
    span.end(end_time=end)
    return span


def written(
    decision: Decision, described: Mapping[str, Any], end: int, context: Context | None, resource: Resource
) -> ReadableSpan:
    """The same span, ended, made without a tracer: that costs a fifth. Arguments as for `emit`."""
    parent: SpanContext | None = trace.get_current_span(context).get_span_context()
    if parent is None or not parent.is_valid:
        parent = None
    return ReadableSpan(
        name=semconv.DECISION_SPAN,
        context=_below(parent),
        parent=parent,
        resource=resource,
        attributes=described,
        events=[
            Event(semconv.GUARDRAIL_EVENT, _describe_match(match, decision), end)
            for match in decision.matches
        ]
        if decision.matches
        else (),
        start_time=end - decision.duration_ns,
        end_time=end,
        instrumentation_scope=_INSTRUMENTATION,
    )


def _below(parent: SpanContext | None) -> SpanContext:
    """A new span's context: below `parent`, or of a trace of its own, and always sampled."""
    span_id = _ids.getrandbits(64) or 1
    if parent is None:
        return SpanContext(_ids.getrandbits(128) or 1, span_id, False, _SAMPLED)
    flags = parent.trace_flags
    if not flags & _SAMPLED:
        flags = TraceFlags(flags | _SAMPLED)
    return SpanContext(parent.trace_id, span_id, False, flags, parent.trace_state)


def _seed() -> None:
    _ids.seed(os.urandom(32))


def stamp(span: Span, decision: Decision, layer: str) -> None:
    """Leave the decision's id and outcome on the operation's own span, for readers, and for `stamp_of`.

    Args:
        span: The operation's.
        decision: What was decided.
        layer: Who decided it: ``guard``, ``gate``, ``processor``, or ``other``: another of its spans.
    """
    try:
        setattr(span, _STAMP, (layer, decision.enforced, decision.id))
        _put(
            span,
            {
                semconv.DECISION_LAYER: layer,
                semconv.DECISION_ID: decision.id,
                semconv.DECISION_VERDICT: decision.verdict._value_,
                semconv.DECISION_ENFORCED: decision.enforced._value_,
            },
        )
    except Exception:
        _log.exception(
            "cannot stamp a span with decision %s; it was made and enforced all the same", decision.id
        )


def _put(span: Any, texts: dict[str, str]) -> None:
    """Set short texts; past the SDK's checks, which cost ten times as much, where nothing is to be cut."""
    kept = getattr(span, "_attributes", None)
    if type(kept) is not BoundedAttributes or kept.max_value_len is not None:
        span.set_attributes(texts)
        return
    with span._lock, kept._lock:
        known = kept._dict
        fits = kept.maxlen is None or len(known) + len(texts) <= kept.maxlen
        if done := span._end_time is None and fits and known.keys().isdisjoint(texts):
            known.update(texts)
    if not done:
        span.set_attributes(texts)


def stamp_of(span: Any) -> tuple[str | None, Verdict]:
    """Which layer decided the operation of `span`, and what it enforced; (None, allow) where none did.

    Not read from its attributes: a span keeps a limited number of them, and the oldest go first.
    """
    found: tuple[str | None, Verdict, str | None] = getattr(span, _STAMP, _NO_STAMP)
    return found[:2]


def stamped_id(span: Any) -> str | None:
    """The very text of the decision's id that `stamp` left on `span`."""
    return getattr(span, _STAMP, _NO_STAMP)[2]


def describe(
    decision: Decision,
    attributes: Mapping[str, Any],
    constant: Mapping[str, Any],
    redact: Callable[[str], str],
) -> dict[str, Any]:
    """The attributes of the governance span.

    Args:
        decision: What was decided, numbered.
        attributes: The operation's.
        constant: What every decision of this process and bundle has in common, by `constants`.
        redact: Gives a text without what policies take out of telemetry: names may be content, too.
    """
    described = {
        **constant,
        semconv.DECISION_ID: decision.id,
        semconv.DECISION_SEQ: decision.seq,
        semconv.DECISION_POINT: decision.point,
        semconv.DECISION_VERDICT: decision.verdict._value_,
        semconv.DECISION_ENFORCED: decision.enforced._value_,
        semconv.DECISION_MODE: decision.mode,
        semconv.DECISION_DURATION: decision.duration_ns / 1000,
    }
    for name in _IDENTITY:
        if isinstance(value := attributes.get(name), str):
            described[name] = redact(value)
    return described


def constants(decision: Decision, instance_id: str) -> dict[str, Any]:
    """What every decision of a process by the same bundle says."""
    return {
        semconv.BUNDLE_NAME: decision.bundle.name,
        semconv.BUNDLE_VERSION: decision.bundle.version,
        semconv.BUNDLE_HASH: decision.bundle.hash,
        semconv.SERVICE_INSTANCE_ID: instance_id,
    }


def _describe_match(match: Match, decision: Decision) -> dict[str, Any]:
    rule = match.evidence[0].detector if match.evidence else match.rule
    enforced = match.action if match.mode == "enforce" else Verdict.ALLOW
    if enforced.rank > decision.enforced.rank:  # observed too late to act on
        enforced = decision.enforced
    described: dict[str, Any] = {
        semconv.GUARDRAIL_POLICY_ID: match.policy_id,
        semconv.GUARDRAIL_POLICY_VERSION: decision.bundle.version,
        semconv.GUARDRAIL_RULE_ID: rule,
        semconv.GUARDRAIL_RESULT_TYPE: match.action.value,
        semconv.GUARDRAIL_RESULT_VALUE: enforced.value,
        semconv.GUARDRAIL_RESULT_REASON: match.reason,
        semconv.POLICY_SEVERITY: match.severity,
        semconv.POLICY_MODE: match.mode,
        semconv.POLICY_FAILED: match.failed,
        semconv.POLICY_WEIGHT: match.weight,
    }
    if match.controls:
        described[semconv.POLICY_CONTROLS] = match.controls
    if match.evidence:
        described[semconv.GUARDRAIL_RISK_CATEGORY] = rule
        described[semconv.POLICY_EVIDENCE] = tuple(
            f"{e.detector} {e.path} {e.start}-{e.end} {e.digest}" for e in match.evidence
        )
    return described


_seed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_seed)
