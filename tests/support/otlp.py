"""OTLP requests for tests: small, in protobuf, with the ids and times that a test chooses."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def value(given: Any) -> AnyValue:
    """A Python value as OTLP's."""
    if isinstance(given, bool):
        return AnyValue(bool_value=given)
    if isinstance(given, int):
        return AnyValue(int_value=given)
    if isinstance(given, float):
        return AnyValue(double_value=given)
    if isinstance(given, bytes):
        return AnyValue(bytes_value=given)
    if isinstance(given, list):
        found = AnyValue()
        found.array_value.values.extend(value(item) for item in given)
        return found
    if isinstance(given, dict):
        found = AnyValue()
        found.kvlist_value.values.extend(pairs(given))
        return found
    return AnyValue(string_value=given)


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP's."""
    return [KeyValue(key=key, value=value(item)) for key, item in attributes.items()]


def span(name: str = "chat gpt-4o", attributes: Mapping[str, Any] | None = None, **fields: Any) -> Span:
    """A span that was just now, with ids of its own unless `fields` has some."""
    now = time.time_ns()
    defaults: dict[str, Any] = {
        "trace_id": secrets.token_bytes(16),
        "span_id": secrets.token_bytes(8),
        "start_time_unix_nano": now - 1_000_000,
        "end_time_unix_nano": now,
    }
    return Span(name=name, attributes=pairs(attributes or {}), **{**defaults, **fields})


def decision_span(
    verdict: str = "block",
    matches: tuple[Mapping[str, Any], ...] = (),
    attributes: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Span:
    """A governance span, with an event for each match."""
    told = {
        "promethios.decision.id": secrets.token_hex(16),
        "promethios.decision.seq": 1,
        "promethios.decision.point": "model.before",
        "promethios.decision.verdict": verdict,
        "promethios.decision.enforced": verdict,
        "promethios.decision.mode": "enforce",
        "promethios.decision.duration_us": 42.5,
        "promethios.bundle.name": "baseline",
        "promethios.bundle.version": "1",
        "promethios.bundle.hash": "ab" * 32,
        **(attributes or {}),
    }
    found = span("promethios.decide", told, **fields)
    for match in matches:
        event = {
            "gen_ai.guardrail.policy.id": "model-list",
            "gen_ai.guardrail.policy.version": "1",
            "gen_ai.guardrail.policy.rule.id": "when",
            "gen_ai.guardrail.result.type": verdict,
            "gen_ai.guardrail.result.value": verdict,
            "gen_ai.guardrail.result.reason": "not on the list",
            "promethios.policy.severity": "high",
            "promethios.policy.controls": ["EU-AI-Act/Art.15"],
            "promethios.policy.mode": "enforce",
            **match,
        }
        found.events.add(
            name="gen_ai.guardrail.result",
            time_unix_nano=found.start_time_unix_nano,
            attributes=pairs(event),
        )
    return found


def trace_request(*spans: Span, resource: Mapping[str, Any] | None = None) -> ExportTraceServiceRequest:
    """A request with these spans, of one resource and one scope."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(
        pairs({"service.name": "shop"} if resource is None else resource)
    )
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "tests"
    scope_spans.spans.extend(spans)
    return request


def gauge(name: str, number: float, **fields: Any) -> Metric:
    """A gauge with one point, of now unless `fields` says otherwise."""
    given = {"as_int": number} if isinstance(number, int) else {"as_double": number}
    point = NumberDataPoint(**{"time_unix_nano": time.time_ns(), **given, **fields})
    return Metric(name=name, unit="1", gauge=Gauge(data_points=[point]))


def metrics_request(
    *metrics: Metric, resource: Mapping[str, Any] | None = None
) -> ExportMetricsServiceRequest:
    """A request with these metrics, of one resource and one scope."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.attributes.extend(
        pairs({"service.name": "shop"} if resource is None else resource)
    )
    resource_metrics.scope_metrics.add().metrics.extend(metrics)
    return request


def record(body: str = "hello", **fields: Any) -> LogRecord:
    """A log record of now unless `fields` says otherwise."""
    defaults = {"time_unix_nano": time.time_ns(), "severity_number": 9, "body": value(body)}
    return LogRecord(**{**defaults, **fields})


def logs_request(*records: LogRecord, resource: Mapping[str, Any] | None = None) -> ExportLogsServiceRequest:
    """A request with these records, of one resource and one scope."""
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.extend(
        pairs({"service.name": "shop"} if resource is None else resource)
    )
    resource_logs.scope_logs.add().log_records.extend(records)
    return request
