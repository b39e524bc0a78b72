"""The governance span: a decision's one source of truth."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer

from promethios.governance import semconv
from promethios.governance.decision import Decision, Match, Verdict

_log = logging.getLogger(__name__)

SCOPE = "promethios.governance"
_STAMP = "_promethios_stamp"

# What a governance span repeats of the operation, so that it can be read alone.
_IDENTITY = (
    semconv.OPERATION_NAME,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.TOOL_NAME,
    semconv.CONVERSATION_ID,
    semconv.AGENT_NAME,
    semconv.AGENT_ID,
)


def emit(
    tracer: Tracer,
    decision: Decision,
    attributes: Mapping[str, Any],
    instance_id: str,
    context: Context | None,
) -> Span:
    """Write a decision as a span as long as the evaluation was, ending now, below the span in `context`."""
    end = time.time_ns()
    span = tracer.start_span(
        semconv.DECISION_SPAN,
        context=context,
        attributes=_describe(decision, attributes, instance_id),
        start_time=end - decision.duration_ns,
    )
    for match in decision.matches:
        span.add_event(semconv.GUARDRAIL_EVENT, _describe_match(match, decision), timestamp=end)
    span.end(end_time=end)
    return span


def stamp(span: Span, decision: Decision, layer: str) -> None:
    """Leave the decision's id and outcome on the operation's own span, for readers, and for `stamp_of`.

    Args:
        span: The operation's.
        decision: What was decided.
        layer: Who decided it: ``guard`` or ``gate``.
    """
    try:
        setattr(span, _STAMP, (layer, decision.enforced))
        span.set_attribute(semconv.DECISION_LAYER, layer)
        span.set_attribute(semconv.DECISION_ID, decision.id)
        span.set_attribute(semconv.DECISION_VERDICT, decision.verdict.value)
        span.set_attribute(semconv.DECISION_ENFORCED, decision.enforced.value)
    except Exception:
        _log.exception(
            "cannot stamp a span with decision %s; it was made and enforced all the same", decision.id
        )


def stamp_of(span: Any) -> tuple[str | None, Verdict]:
    """Which layer decided the operation of `span`, and what it enforced; (None, allow) where none did.

    Not read from its attributes: a span keeps a limited number of them, and the oldest go first.
    """
    return getattr(span, _STAMP, (None, Verdict.ALLOW))


def _describe(decision: Decision, attributes: Mapping[str, Any], instance_id: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        semconv.DECISION_ID: decision.id,
        semconv.DECISION_SEQ: decision.seq,
        semconv.DECISION_POINT: decision.point,
        semconv.DECISION_VERDICT: decision.verdict.value,
        semconv.DECISION_ENFORCED: decision.enforced.value,
        semconv.DECISION_MODE: decision.mode,
        semconv.DECISION_DURATION: decision.duration_ns / 1000,
        semconv.BUNDLE_NAME: decision.bundle.name,
        semconv.BUNDLE_VERSION: decision.bundle.version,
        semconv.BUNDLE_HASH: decision.bundle.hash,
        semconv.SERVICE_INSTANCE_ID: instance_id,
    }
    for name in _IDENTITY:
        if isinstance(value := attributes.get(name), str):
            described[name] = value
    return described


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
    }
    if match.controls:
        described[semconv.POLICY_CONTROLS] = match.controls
    if match.evidence:
        described[semconv.GUARDRAIL_RISK_CATEGORY] = rule
        described[semconv.POLICY_EVIDENCE] = [
            f"{e.detector} {e.path} {e.start}-{e.end} {e.digest}" for e in match.evidence
        ]
    return described
