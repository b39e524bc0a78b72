"""Decisions and violations, as the governance spans that an agent with Promethios would have sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from promethios.governance import semconv
from promethios.governance.decision import Verdict
from promethios.governance.operation import POINTS
from promethios.governance.trust import WEIGHTS
from promethios.receiver.ingest.values import content_hash
from promethios.receiver.plain import fields
from promethios.receiver.plain.fields import Fields
from promethios.receiver.plain.messages import SCOPE, Told, pairs, resource_of

_VERDICTS: Final = [verdict.value for verdict in Verdict]
_ALLOW: Final = Verdict.ALLOW.value
_MOST_MATCHES: Final = 100

#: What a policy that matched has.
MATCH: Final[Fields] = {
    "policy_id": fields.name,
    "policy_version": fields.name,
    "severity": fields.choice(*WEIGHTS),
    "action": fields.choice(*_VERDICTS[1:]),
    "enforced": fields.choice(*_VERDICTS),
    "mode": fields.choice("enforce", "shadow"),
    "reason": fields.text(2_000),
    "detector": fields.name,
    "controls": fields.names,
    "weight": fields.positive,
}
_NEEDED: Final = ("policy_id",)

#: What was decided about.
OPERATION: Final[Fields] = {
    "point": fields.choice(*POINTS),
    "model": fields.name,
    "tool": fields.name,
    "conversation_id": fields.name,
    "duration_us": fields.positive,
}
#: What a decision has: nothing but its operation where no policy matched.
DECISION: Final[Fields] = {
    **OPERATION,
    "bundle_name": fields.name,
    "bundle_version": fields.name,
    "matches": fields.objects(MATCH, _NEEDED, _MOST_MATCHES),
}

_COLUMNS: Final = {
    "model": semconv.REQUEST_MODEL,
    "tool": semconv.TOOL_NAME,
    "conversation_id": semconv.CONVERSATION_ID,
    "bundle_name": semconv.BUNDLE_NAME,
    "bundle_version": semconv.BUNDLE_VERSION,
}


def decisions(told: list[Told]) -> ExportTraceServiceRequest:
    """The request that has these decisions, with what matched in each."""
    request = ExportTraceServiceRequest()
    for item in told:
        wrapped = request.resource_spans.add()
        wrapped.resource.attributes.extend(resource_of(item))
        scoped = wrapped.scope_spans.add()
        scoped.scope.name = SCOPE
        scoped.spans.append(_span(item, item.get("matches", [])))
    return request


def violations(told: list[Told]) -> ExportTraceServiceRequest:
    """The request that has a decision for each of these violations, which is all that matched in it."""
    return decisions(
        [
            {
                **{name: value for name, value in item.items() if name not in MATCH},
                "bundle_version": item.get("policy_version", ""),
                "matches": [{name: value for name, value in item.items() if name in MATCH}],
            }
            for item in told
        ]
    )


def _span(item: Told, matches: list[Told]) -> Span:
    decision_id = f"{item['agent_id']}:{item['id']}" if "id" in item else secrets.token_hex(16)
    own = content_hash(SCOPE, decision_id)
    span = Span(
        name=semconv.DECISION_SPAN,
        trace_id=item.get("trace_id", own),
        span_id=own[:8],
        parent_span_id=item.get("span_id", b""),
        start_time_unix_nano=item["time"],
        end_time_unix_nano=item["time"],
        attributes=pairs(_decision(item, matches, decision_id)),
    )
    for match in matches:
        span.events.add(
            name=semconv.GUARDRAIL_EVENT, time_unix_nano=item["time"], attributes=pairs(_match(match))
        )
    return span


def _decision(item: Told, matches: list[Told], decision_id: str) -> Told:
    shadow = bool(matches) and all(match.get("mode") == "shadow" for match in matches)
    described: dict[str, Any] = {
        semconv.DECISION_ID: decision_id,
        # Whoever tells decisions by hand has no numbers without gaps: each is an instance of its own.
        semconv.DECISION_SEQ: 1,
        semconv.SERVICE_INSTANCE_ID: decision_id,
        semconv.DECISION_POINT: item.get("point", "tool.before" if "tool" in item else "model.before"),
        semconv.DECISION_VERDICT: _heaviest(_action(match) for match in matches),
        semconv.DECISION_ENFORCED: _heaviest(_enforced(match) for match in matches),
        semconv.DECISION_MODE: "shadow" if shadow else "enforce",
        semconv.DECISION_DURATION: float(item.get("duration_us", 0)),
        semconv.AGENT_ID: item["agent_id"],
    }
    return described | {attribute: item[name] for name, attribute in _COLUMNS.items() if name in item}


def _heaviest(verdicts: Iterable[str]) -> str:
    return max(verdicts, key=_VERDICTS.index, default=_ALLOW)


def _match(match: Told) -> Told:
    described: dict[str, Any] = {
        semconv.GUARDRAIL_POLICY_ID: match["policy_id"],
        semconv.GUARDRAIL_POLICY_VERSION: match.get("policy_version", ""),
        semconv.GUARDRAIL_RULE_ID: match.get("detector", "match"),
        semconv.GUARDRAIL_RESULT_TYPE: _action(match),
        semconv.GUARDRAIL_RESULT_VALUE: _enforced(match),
        semconv.GUARDRAIL_RESULT_REASON: match.get("reason", ""),
        semconv.POLICY_SEVERITY: match.get("severity", "medium"),
        semconv.POLICY_MODE: match.get("mode", "enforce"),
        semconv.POLICY_CONTROLS: match.get("controls", []),
    }
    if "detector" in match:
        described[semconv.GUARDRAIL_RISK_CATEGORY] = match["detector"]
    if "weight" in match:
        described[semconv.POLICY_WEIGHT] = match["weight"]
    return described


def _action(match: Told) -> str:
    return str(match.get("action", Verdict.FLAG.value))


def _enforced(match: Told) -> str:
    """What was done: what was asked for, but nothing in shadow."""
    return str(match.get("enforced", _ALLOW if match.get("mode") == "shadow" else _action(match)))
