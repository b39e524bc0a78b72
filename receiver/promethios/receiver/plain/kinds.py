"""The four kinds of objects that plain JSON may tell, and the messages of OTLP that they are.

They end as OTLP's own messages, so that they make the same rows by construction. A violation becomes the
governance span that an agent with Promethios would have sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, NumberDataPoint

from promethios.governance import semconv
from promethios.governance.decision import Verdict
from promethios.governance.operation import POINTS
from promethios.governance.trust import WEIGHTS
from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.ingest.values import content_hash
from promethios.receiver.plain import fields
from promethios.receiver.plain.fields import Fields

SCOPE: Final = "promethios.plain"

#: https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITIES: Final = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
_VERDICTS: Final = [verdict.value for verdict in Verdict]
_LOG_ID: Final = "log.record.uid"

_COMMON: Final[Fields] = {
    "agent_id": fields.name,
    "service_name": fields.name,
    "instance_id": fields.name,
    "time": fields.milliseconds,
}
_PLACE: Final[Fields] = {
    "id": fields.name,
    "trace_id": fields.hexadecimal(16),
    "span_id": fields.hexadecimal(8),
}

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object.

    Args:
        signal: What it is in OTLP.
        fields: Its fields, and how each is read.
        needed: Those that must be there, beside `agent_id`.
        request: Makes the request of OTLP that has the objects.
    """

    signal: Signal
    fields: Fields
    needed: tuple[str, ...]
    request: Callable[[list[Told]], Message]


def _metrics(told: list[Told]) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    for item in told:
        wrapped = request.resource_metrics.add()
        wrapped.resource.attributes.extend(_pairs(_resource(item)))
        scoped = wrapped.scope_metrics.add()
        scoped.scope.name = SCOPE
        metric = scoped.metrics.add(
            name=item["name"], unit=item.get("unit", ""), description=item.get("description", "")
        )
        if item.get("type") == "counter":
            metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
            metric.sum.is_monotonic = True
        points = metric.sum.data_points if item.get("type") == "counter" else metric.gauge.data_points
        points.append(_point(item))
    return request


def _point(item: Told) -> NumberDataPoint:
    attributes = {**item.get("attributes", {}), semconv.AGENT_ID: item["agent_id"]}
    point = NumberDataPoint(time_unix_nano=item["time"], attributes=_pairs(attributes))
    setattr(point, "as_int" if type(item["value"]) is int else "as_double", item["value"])
    return point


def _heartbeats(told: list[Told]) -> ExportMetricsServiceRequest:
    beat = {"name": semconv.METRIC_HEARTBEAT, "unit": "1", "value": 1}
    return _metrics([{**beat, **item} for item in told])


def _logs(told: list[Told]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    for item in told:
        wrapped = request.resource_logs.add()
        wrapped.resource.attributes.extend(_pairs(_resource(item)))
        scoped = wrapped.scope_logs.add()
        scoped.scope.name = SCOPE
        severity = item.get("severity", "INFO")
        attributes = {**item.get("attributes", {}), semconv.AGENT_ID: item["agent_id"]}
        if "id" in item:
            attributes[_LOG_ID] = item["id"]
        scoped.log_records.add(
            time_unix_nano=item["time"],
            severity_number=_SEVERITIES[severity],
            severity_text=severity,
            body=_value(item["body"]),
            event_name=item.get("event_name", ""),
            trace_id=item.get("trace_id", b""),
            span_id=item.get("span_id", b""),
            attributes=_pairs(attributes),
        )
    return request


def _violations(told: list[Told]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for item in told:
        wrapped = request.resource_spans.add()
        wrapped.resource.attributes.extend(_pairs(_resource(item)))
        scoped = wrapped.scope_spans.add()
        scoped.scope.name = SCOPE
        decision_id = f"{item['agent_id']}:{item['id']}" if "id" in item else secrets.token_hex(16)
        own = content_hash(SCOPE, decision_id)
        span = scoped.spans.add(
            name=semconv.DECISION_SPAN,
            trace_id=item.get("trace_id", own),
            span_id=own[:8],
            parent_span_id=item.get("span_id", b""),
            start_time_unix_nano=item["time"],
            end_time_unix_nano=item["time"],
            attributes=_pairs(_decision(item, decision_id)),
        )
        span.events.add(
            name=semconv.GUARDRAIL_EVENT, time_unix_nano=item["time"], attributes=_pairs(_match(item))
        )
    return request


def _decision(item: Told, decision_id: str) -> Told:
    action = item.get("action", Verdict.FLAG.value)
    described = {
        semconv.DECISION_ID: decision_id,
        # Whoever tells violations only has no numbers without gaps: each decision is an instance of its own.
        semconv.DECISION_SEQ: 1,
        semconv.SERVICE_INSTANCE_ID: decision_id,
        semconv.DECISION_POINT: item.get("point", "tool.before" if "tool" in item else "model.before"),
        semconv.DECISION_VERDICT: action,
        semconv.DECISION_ENFORCED: _enforced(item, action),
        semconv.DECISION_MODE: item.get("mode", "enforce"),
        semconv.DECISION_DURATION: float(item.get("duration_us", 0)),
        semconv.BUNDLE_VERSION: item.get("policy_version", ""),
        semconv.AGENT_ID: item["agent_id"],
    }
    columns = {
        "model": semconv.REQUEST_MODEL,
        "tool": semconv.TOOL_NAME,
        "conversation_id": semconv.CONVERSATION_ID,
    }
    return described | {attribute: item[name] for name, attribute in columns.items() if name in item}


def _match(item: Told) -> Told:
    action = item.get("action", Verdict.FLAG.value)
    described = {
        semconv.GUARDRAIL_POLICY_ID: item["policy_id"],
        semconv.GUARDRAIL_POLICY_VERSION: item.get("policy_version", ""),
        semconv.GUARDRAIL_RULE_ID: item.get("detector", "match"),
        semconv.GUARDRAIL_RESULT_TYPE: action,
        semconv.GUARDRAIL_RESULT_VALUE: _enforced(item, action),
        semconv.GUARDRAIL_RESULT_REASON: item.get("reason", ""),
        semconv.POLICY_SEVERITY: item.get("severity", "medium"),
        semconv.POLICY_MODE: item.get("mode", "enforce"),
        semconv.POLICY_CONTROLS: item.get("controls", []),
    }
    if "detector" in item:
        described[semconv.GUARDRAIL_RISK_CATEGORY] = item["detector"]
    if "weight" in item:
        described[semconv.POLICY_WEIGHT] = item["weight"]
    return described


def _enforced(item: Told, action: str) -> str:
    """What was done: what was asked for, but nothing in shadow."""
    nothing = Verdict.ALLOW.value
    return str(item.get("enforced", nothing if item.get("mode") == "shadow" else action))


def _resource(item: Told) -> Told:
    resource = {semconv.SERVICE_NAME: item.get("service_name", item["agent_id"])}
    if "instance_id" in item:
        resource[semconv.SERVICE_INSTANCE_ID] = item["instance_id"]
    return resource


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(item)) for key, item in attributes.items()]


def _value(item: Any) -> AnyValue:
    if isinstance(item, list):
        found = AnyValue()
        found.array_value.values.extend(_value(each) for each in item)
        return found
    if isinstance(item, str):
        return AnyValue(string_value=item)
    if isinstance(item, bool):
        return AnyValue(bool_value=item)
    kept = fields.number(item)
    return AnyValue(int_value=kept) if isinstance(kept, int) else AnyValue(double_value=kept)


#: The kinds by the last part of their address.
KINDS: Final[Mapping[str, Kind]] = {
    "heartbeat": Kind(Signal.METRICS, {**_COMMON, "value": fields.number}, (), _heartbeats),
    "metrics": Kind(
        Signal.METRICS,
        {
            **_COMMON,
            "name": fields.name,
            "value": fields.number,
            "type": fields.choice("gauge", "counter"),
            "unit": fields.text(60),
            "description": fields.text(1_000),
            "attributes": fields.attributes,
        },
        ("name", "value"),
        _metrics,
    ),
    "logs": Kind(
        Signal.LOGS,
        {
            **_COMMON,
            **_PLACE,
            "body": fields.text(1_000_000),
            "severity": fields.choice(*_SEVERITIES),
            "event_name": fields.name,
            "attributes": fields.attributes,
        },
        ("body",),
        _logs,
    ),
    "violations": Kind(
        Signal.SPANS,
        {
            **_COMMON,
            **_PLACE,
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
            "point": fields.choice(*POINTS),
            "model": fields.name,
            "tool": fields.name,
            "conversation_id": fields.name,
            "duration_us": fields.positive,
        },
        ("policy_id",),
        _violations,
    ),
}
