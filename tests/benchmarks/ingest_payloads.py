"""What the ingest benchmark sends: spans, points and records of a size and manner that agents really have."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Histogram, HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    pairs,
    trace_request,
    value,
)

from promethios.receiver.ingest.pipeline import Signal

RESOURCE: Final = {
    "service.name": "shop",
    "service.instance.id": "5b8efff7-98038103",
    "telemetry.sdk.language": "python",
    "deployment.environment.name": "prod",
}
_SENTENCE: Final = "please refund the order of a customer who says that it was shipped late and asks why"
_WORDS: Final = _SENTENCE.split()


def request(signal: Signal, items: int, seed: int, decisions: float = 0.0) -> Message:
    """A request with so many items; the same seed makes the same one but for its times."""
    return _MAKE[signal](random.Random(seed), items, decisions)


def _text(chance: random.Random, length: int) -> str:
    return " ".join(chance.choices(_WORDS, k=length // 4))[:length]


def _messages(chance: random.Random, role: str, length: int) -> str:
    part = {"type": "text", "content": _text(chance, length)}
    return json.dumps([{"role": role, "parts": [part]}])


def _chat(chance: random.Random, number: int) -> dict[str, Any]:
    """The attributes of an LLM call, as OpenTelemetry's conventions have them, with content captured."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": f"chatcmpl-{chance.randbytes(12).hex()}",
        "gen_ai.agent.name": f"clerk-{number % 20}",
        "gen_ai.conversation.id": chance.randbytes(16).hex(),
        "gen_ai.usage.input_tokens": chance.randrange(4_000),
        "gen_ai.usage.output_tokens": chance.randrange(900),
        "gen_ai.request.temperature": 0.2,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.input.messages": _messages(chance, "user", 190),
        "gen_ai.output.messages": _messages(chance, "assistant", 110),
        "server.address": "api.openai.com",
        "server.port": 443,
    }


def _spans(chance: random.Random, items: int, decisions: float) -> Message:
    """Traces of eight spans; this share of the spans tells a decision of one of ten agents."""
    told, now, spans = round(items * decisions), time.time_ns(), []
    for number in range(items - told):
        if number % 8 == 0:
            trace_id, parent = chance.randbytes(16), b""
        spans.append(
            Span(
                trace_id=trace_id,
                span_id=chance.randbytes(8),
                parent_span_id=parent,
                flags=257,
                name="chat gpt-4o-mini",
                kind=Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=now - 900_000_000 + number,
                end_time_unix_nano=now - chance.randrange(800_000_000),
                attributes=pairs(_chat(chance, number)),
            )
        )
        parent = spans[-1].span_id
    return trace_request(*spans, *(_decision(number) for number in range(told)), resource=RESOURCE)


def _decision(number: int) -> Span:
    agent = {"gen_ai.agent.name": f"clerk-{number % 10}"}
    return decision_span("block", ({},), agent) if number % 20 == 0 else decision_span("allow", (), agent)


def _metrics(chance: random.Random, items: int, _: float) -> Message:
    """Half of the points are numbers and half histograms, of series that each request goes on with."""
    now = time.time_ns() + chance.randrange(1_000_000_000)
    return metrics_request(*(_metric(chance, number, now) for number in range(items)), resource=RESOURCE)


def _metric(chance: random.Random, number: int, now: int) -> Metric:
    labels = {
        "gen_ai.agent.name": f"clerk-{number % 20}",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": f"gpt-4o-{number % 5}",
        "server.address": f"api-{number}.openai.com",
    }
    if number % 2:
        return gauge("queue.depth", chance.random(), time_unix_nano=now, attributes=pairs(labels))
    point = HistogramDataPoint(
        start_time_unix_nano=now - 10**10,
        time_unix_nano=now,
        count=chance.randrange(1, 900),
        sum=chance.random() * 900,
        min=0.01,
        max=9.5,
        explicit_bounds=[0.01 * 2**power for power in range(14)],
        bucket_counts=[chance.randrange(60) for _ in range(15)],
        attributes=pairs(labels),
    )
    histogram = Histogram(data_points=[point], aggregation_temporality=2)
    return Metric(name="gen_ai.client.operation.duration", unit="s", histogram=histogram)


def _logs(chance: random.Random, items: int, _: float) -> Message:
    return logs_request(*(_record(chance, number) for number in range(items)), resource=RESOURCE)


def _record(chance: random.Random, number: int) -> LogRecord:
    now = time.time_ns() + number
    attributes = {
        "gen_ai.agent.name": f"clerk-{number % 20}",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "code.function.name": "shop.refunds.answer",
        "code.file.path": "/srv/shop/refunds.py",
        "code.line.number": 120 + number % 40,
        "thread.name": "MainThread",
    }
    return LogRecord(
        time_unix_nano=now,
        observed_time_unix_nano=now,
        severity_number=9,
        severity_text="INFO",
        body=value(_text(chance, 180)),
        attributes=pairs(attributes),
        trace_id=chance.randbytes(16),
        span_id=chance.randbytes(8),
        flags=1,
    )


_MAKE: Final[dict[Signal, Callable[[random.Random, int, float], Message]]] = {
    Signal.SPANS: _spans,
    Signal.METRICS: _metrics,
    Signal.LOGS: _logs,
}
