"""Requests by choice: what a span, a metric or a record may have, in few words, for `pairwise`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests.support.otlp import decision_span, pairs, span, value
from tests.support.pairwise import Choice, pairwise

NOW = 1_763_800_000_123_456_789
_BEYOND = 2**64 - 1
_WORDS = {"plain": "queue", "none": "", "odd": '\x00"\\/\n\u2028\U0001f680 {[:,]}', "long": "x" * 300}


def _kvlist() -> AnyValue:
    found = AnyValue()
    found.kvlist_value.values.extend([*pairs({"a": 1, "b": [b"\xff", 1.5]}), KeyValue(key="empty")])
    return found


def _deep(levels: int) -> AnyValue:
    found = AnyValue(int_value=1)
    for _ in range(levels):
        outer = AnyValue()
        outer.array_value.values.append(found)
        found = outer
    return found


#: Values of attributes and bodies.
VALUES: dict[str, Callable[[], AnyValue]] = {
    "text": lambda: value("payments"),
    "no text": lambda: AnyValue(string_value=""),
    "odd text": lambda: value(_WORDS["odd"]),
    "true": lambda: value(True),
    "false": lambda: value(False),
    "zero": lambda: value(0),
    "beyond a double": lambda: value(2**53 + 1),
    "the least": lambda: value(-(2**63)),
    "double": lambda: value(0.1),
    "minus zero": lambda: value(-0.0),
    "NaN": lambda: value(math.nan),
    "minus infinity": lambda: value(-math.inf),
    "bytes": lambda: value(bytes(range(250, 256))),
    "no bytes": lambda: AnyValue(bytes_value=b""),
    "array": lambda: value(["a", 1, True, 2.5, b""]),
    "object": _kvlist,
    "nothing": AnyValue,
    "deep": lambda: _deep(31),
    "too deep": lambda: _deep(40),
}
_TIMES = {"none": 0, "now": NOW, "last": 2**63 - 1, "beyond": _BEYOND}
_RESOURCES: dict[str, dict[str, Any]] = {
    "none": {},
    "service": {"service.name": "shop", "service.instance.id": "1"},
    "agent": {"gen_ai.agent.name": "clerk", "service.name": "shop", "ids": [1, 2]},
}

TRACES: Mapping[str, Sequence[str]] = {
    "value": list(VALUES),
    "name": list(_WORDS),
    "kind": ["0", "3", "99"],
    "start": list(_TIMES),
    "end": list(_TIMES),
    "parent": ["", "aabbccddeeff0011", "00"],
    "ids": ["good", "short", "zeros"],
    "status": ["0", "1", "2"],
    "children": ["none", "events", "links", "both"],
    "resource": list(_RESOURCES),
    "genai": ["no", "call", "decision"],
}
METRICS: Mapping[str, Sequence[str]] = {
    "value": list(VALUES),
    "type": ["gauge", "sum", "histogram", "exponential_histogram", "summary", "none"],
    "number": ["int", "double", "NaN", "infinity", "none"],
    "time": list(_TIMES),
    "temporality": ["0", "1", "2"],
    "exemplars": ["no", "yes"],
    "flags": ["0", "1"],
    "name": list(_WORDS),
    "resource": list(_RESOURCES),
}
LOGS: Mapping[str, Sequence[str]] = {
    "value": list(VALUES),
    "body": list(VALUES)[::3],
    "severity": ["0", "9", "24", "77"],
    "observed": ["now", "beyond"],
    "ids": ["none", "good", "short"],
    "event": list(_WORDS),
    "resource": list(_RESOURCES),
}


def _attributes(choice: Choice) -> list[KeyValue]:
    return [*pairs({"common": "x"}), KeyValue(key=choice.get("name", "a"), value=VALUES[choice["value"]]())]


def traces(choice: Choice, number: int) -> ExportTraceServiceRequest:
    """A request with one span; `number` makes its ids."""
    genai: dict[str, Any] = {}
    if choice["genai"] == "call":
        genai = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.request.model": "m"}
    found = span(_WORDS[choice["name"]], genai)
    if choice["genai"] == "decision":
        found = decision_span(matches=({},), attributes={"promethios.decision.id": f"{number:032x}"})
        found.events[0].time_unix_nano = NOW
    found.trace_id = {"good": number.to_bytes(16), "short": b"1", "zeros": bytes(16)}[choice["ids"]]
    found.span_id = (number + 1).to_bytes(8)
    found.parent_span_id = bytes.fromhex(choice["parent"])
    found.kind = int(choice["kind"])  # type: ignore[assignment]
    found.start_time_unix_nano = _TIMES[choice["start"]]
    found.end_time_unix_nano = _TIMES[choice["end"]]
    found.status.code = int(choice["status"])  # type: ignore[assignment]
    found.status.message = _WORDS[choice["name"]]
    found.trace_state, found.flags = "a=b", 0x101
    found.attributes.extend(_attributes(choice))
    if choice["children"] in ("events", "both"):
        found.events.add(name="e", time_unix_nano=NOW + 1, attributes=_attributes(choice))
    if choice["children"] in ("links", "both"):
        found.links.add(trace_id=bytes(range(16)), span_id=bytes(range(8)), attributes=_attributes(choice))
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.37.0")
    resource_spans.resource.attributes.extend(pairs(_RESOURCES[choice["resource"]]))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = "tests", choice["kind"]
    scope_spans.spans.append(found)
    return request


def metrics(choice: Choice, number: int) -> ExportMetricsServiceRequest:
    """A request with one metric of one point; `number` makes its series."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.attributes.extend(pairs(_RESOURCES[choice["resource"]]))
    metric = resource_metrics.scope_metrics.add().metrics.add(
        name=f"metric.{number}", unit=_WORDS[choice["name"]]
    )
    if choice["type"] == "none":
        return request
    data = getattr(metric, choice["type"])
    if hasattr(data, "aggregation_temporality"):
        data.aggregation_temporality = int(choice["temporality"])
    if choice["type"] == "sum":
        data.is_monotonic = choice["flags"] == "0"
    point = data.data_points.add(time_unix_nano=_TIMES[choice["time"]], flags=int(choice["flags"]))
    point.start_time_unix_nano = 5
    point.attributes.extend(_attributes(choice))
    _measure(point, choice["type"], choice["number"])
    if choice["exemplars"] == "yes" and choice["type"] != "summary":
        point.exemplars.add(
            time_unix_nano=NOW, as_int=2**53 + 1, trace_id=bytes(range(16)), span_id=bytes(range(8))
        )
        point.exemplars.add(as_double=math.nan, filtered_attributes=_attributes(choice))
    return request


def _measure(point: Any, kind: str, number: str) -> None:
    given = {"int": 2**53 + 1, "double": 0.1, "NaN": math.nan, "infinity": math.inf, "none": None}[number]
    if kind in ("gauge", "sum"):
        if given is not None:
            setattr(point, "as_int" if number == "int" else "as_double", given)
        return
    point.count = _BEYOND if number == "none" else 3
    if given is not None:
        point.sum = given
    if kind == "histogram":
        point.explicit_bounds.extend([0.5, 1.5, math.inf])
        point.bucket_counts.extend([1, 2**53 + 1, 0, 0])
    elif kind == "exponential_histogram":
        point.scale, point.zero_count, point.zero_threshold = -3, 2**53 + 1, 0.1
        point.positive.offset = -7
        point.positive.bucket_counts.extend([1, 0, 2**53 + 1])
    else:
        point.quantile_values.add(quantile=0.99, value=math.nan)


def logs(choice: Choice, number: int) -> ExportLogsServiceRequest:
    """A request with one record; `number` makes its time."""
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.extend(pairs(_RESOURCES[choice["resource"]]))
    record = resource_logs.scope_logs.add().log_records.add(
        time_unix_nano=NOW + number, observed_time_unix_nano=_TIMES[choice["observed"]]
    )
    record.severity_number = int(choice["severity"])  # type: ignore[assignment]
    record.severity_text, record.event_name = choice["severity"], _WORDS[choice["event"]]
    record.body.CopyFrom(VALUES[choice["body"]]())
    record.attributes.extend(_attributes(choice))
    record.flags, record.dropped_attributes_count = 1, 2
    record.trace_id, record.span_id = {
        "none": (b"", b""),
        "good": (bytes(range(16)), bytes(range(8))),
        "short": (b"1", b"2"),
    }[choice["ids"]]
    return request


#: By signal: what may be chosen, and what makes a request of a choice.
BY_SIGNAL: dict[str, tuple[Mapping[str, Sequence[str]], Callable[[Choice, int], Message]]] = {
    "traces": (TRACES, traces),
    "metrics": (METRICS, metrics),
    "logs": (LOGS, logs),
}

#: What makes an item that is refused. Where everything may be chosen, most items have some of it.
_REFUSED = {"beyond", "too deep", "00", "short", "zeros"}


def requests(signal: str) -> list[Message]:
    """Requests with every pair of choices, and those again without what is refused."""
    factors, make = BY_SIGNAL[signal]
    kept = {name: [level for level in levels if level not in _REFUSED] for name, levels in factors.items()}
    return [make(choice, number) for number, choice in enumerate((*pairwise(factors), *pairwise(kept)), 1)]
