"""Decisions and violations, read from the governance spans that tell them.

The span itself is stored like any other. What it tells becomes a row of `decisions`, and each of its
guardrail events a row of `violations`; a span that tells it wrongly leaves a warning in the answer.

Each match weighs in its agent's trust what the agent says, or what its severity says, where it counts; the
decision weighs as much as the heaviest of its matches.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from promethios.governance import semconv
from promethios.governance.decision import Verdict
from promethios.governance.trust import believable, weight_of
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.normalise import genai_of
from promethios.receiver.ingest.values import ItemError, attributes_of, json_text

_VERDICTS: Final = frozenset(Verdict)


def add_decision(batch: Batch, origin: Origin, span: Span, attributes: dict[str, Any]) -> None:
    """Add the decision that a governance span tells, with its violations, to `batch`."""
    try:
        violations = [
            attributes_of(event.attributes) for event in span.events if event.name == semconv.GUARDRAIL_EVENT
        ]
        weights = [_weight(event) for event in violations]
        row = (*_decision(batch, origin, span, attributes, violations), max(weights, default=0.0), "")
    except ItemError as error:
        batch.warn(f"span '{semconv.DECISION_SPAN}' was stored, but tells no decision: {error}")
        return
    batch.add("decisions", row)
    agent_id, operation = row[3], genai_of(attributes)
    for ordinal, (event, weight) in enumerate(zip(violations, weights, strict=True)):
        batch.add(
            "violations",
            (
                origin.tenant_id,
                row[1],
                ordinal,
                row[2],
                agent_id,
                *_violation(event),
                row[6],
                operation.model,
                operation.tool,
                *row[-4:-2],
                weight,
            ),
        )


def _decision(
    batch: Batch, origin: Origin, span: Span, attributes: dict[str, Any], violations: list[dict[str, Any]]
) -> tuple[Any, ...]:
    operation = genai_of(attributes)
    policies = dict.fromkeys(_text(event, semconv.GUARDRAIL_POLICY_ID) for event in violations)
    return (
        origin.tenant_id,
        _required(attributes, semconv.DECISION_ID),
        _when(batch, span),
        batch.agent(origin, attributes, span.end_time_unix_nano),
        _text(attributes, semconv.SERVICE_INSTANCE_ID) or origin.instance_id,
        _seq(attributes),
        _required(attributes, semconv.DECISION_POINT),
        _verdict(attributes, semconv.DECISION_VERDICT),
        _verdict(attributes, semconv.DECISION_ENFORCED),
        _text(attributes, semconv.DECISION_MODE) or "enforce",
        operation.operation,
        operation.provider,
        operation.model,
        operation.tool,
        operation.conversation_id,
        _duration(attributes),
        _text(attributes, semconv.BUNDLE_NAME),
        _text(attributes, semconv.BUNDLE_VERSION),
        _text(attributes, semconv.BUNDLE_HASH),
        ", ".join(policies),
        _text(violations[0], semconv.GUARDRAIL_RESULT_REASON) if violations else "",
        span.trace_id,
        # The operation that was decided: the governance span is its child.
        span.parent_span_id or span.span_id,
    )


def _violation(event: dict[str, Any]) -> tuple[Any, ...]:
    return (
        _text(event, semconv.GUARDRAIL_POLICY_ID),
        _text(event, semconv.GUARDRAIL_POLICY_VERSION),
        _text(event, semconv.GUARDRAIL_RISK_CATEGORY) or _text(event, semconv.GUARDRAIL_RULE_ID),
        _text(event, semconv.POLICY_SEVERITY) or "medium",
        _text(event, semconv.GUARDRAIL_RESULT_TYPE),
        _text(event, semconv.GUARDRAIL_RESULT_VALUE),
        _text(event, semconv.POLICY_MODE) or "enforce",
        _text(event, semconv.GUARDRAIL_RESULT_REASON),
        int(event.get(semconv.POLICY_FAILED) is True),
        json_text(event.get(semconv.POLICY_CONTROLS) or []),
        json_text(event.get(semconv.POLICY_EVIDENCE) or []),
    )


def _when(batch: Batch, span: Span) -> int:
    """When it was decided: not after it was received, whatever the agent's clock says."""
    told = span.start_time_unix_nano
    when = believable(told, batch.received)
    if when != told:
        batch.warn("a decision is from the future: taken as of now; is the agent's clock right?")
    return when


def _weight(event: dict[str, Any]) -> float:
    """What the agent says that the match weighs; else what it weighs by what is known of it."""
    if type(told := event.get(semconv.POLICY_WEIGHT)) in (int, float):
        return weight_of("", policy_weight=told)
    evidence = event.get(semconv.POLICY_EVIDENCE)
    found = [text.split(" ", 2) for text in evidence if isinstance(text, str)] if evidence else []
    return weight_of(
        _text(event, semconv.POLICY_SEVERITY) or "medium",
        mode=_text(event, semconv.POLICY_MODE) or "enforce",
        failed=event.get(semconv.POLICY_FAILED) is True,
        found=[(parts[0], parts[1]) for parts in found if len(parts) > 1],
    )


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    return value if isinstance(value, str) else ""


def _required(attributes: dict[str, Any], name: str) -> str:
    if value := _text(attributes, name):
        return value
    raise ItemError(f"the attribute {name} is missing or not text")


def _verdict(attributes: dict[str, Any], name: str) -> str:
    if (value := _text(attributes, name)) in _VERDICTS:
        return value
    raise ItemError(f"the attribute {name} is not one of {', '.join(Verdict)}")


def _seq(attributes: dict[str, Any]) -> int:
    value = attributes.get(semconv.DECISION_SEQ)
    if type(value) is int and value >= 1:
        return value
    raise ItemError(f"the attribute {semconv.DECISION_SEQ} is not a number from 1")


def _duration(attributes: dict[str, Any]) -> float:
    value = attributes.get(semconv.DECISION_DURATION)
    if isinstance(value, int | float) and value >= 0:
        return float(value)
    raise ItemError(f"the attribute {semconv.DECISION_DURATION} is not a number of microseconds")
