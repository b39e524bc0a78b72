"""The kinds of objects that plain JSON may tell, and the messages of OTLP that they are.

They end as OTLP's own messages, so that they make the same rows by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, NumberDataPoint

from promethios.governance import semconv
from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.plain import fields, governance
from promethios.receiver.plain.fields import Fields
from promethios.receiver.plain.messages import SCOPE, Told, pairs, resource_of, value_of

#: https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITIES: Final = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
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
        wrapped.resource.attributes.extend(resource_of(item))
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
    point = NumberDataPoint(time_unix_nano=item["time"], attributes=pairs(attributes))
    setattr(point, "as_int" if type(item["value"]) is int else "as_double", item["value"])
    return point


def _heartbeats(told: list[Told]) -> ExportMetricsServiceRequest:
    beat = {"name": semconv.METRIC_HEARTBEAT, "unit": "1", "value": 1}
    return _metrics([{**beat, **item} for item in told])


def _logs(told: list[Told]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    for item in told:
        wrapped = request.resource_logs.add()
        wrapped.resource.attributes.extend(resource_of(item))
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
            body=value_of(item["body"]),
            event_name=item.get("event_name", ""),
            trace_id=item.get("trace_id", b""),
            span_id=item.get("span_id", b""),
            attributes=pairs(attributes),
        )
    return request


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
            **governance.MATCH,
            **governance.OPERATION,
        },
        ("policy_id",),
        governance.violations,
    ),
    "decisions": Kind(Signal.SPANS, {**_COMMON, **_PLACE, **governance.DECISION}, (), governance.decisions),
}
