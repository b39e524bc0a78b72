"""F18: one item in 512 cannot be stored; its neighbours are, and the client hears of one."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp.messages import RESPONSES

_BAD_POINT = Metric(name="bad", gauge=Gauge(data_points=[NumberDataPoint(as_int=1, time_unix_nano=2**63)]))
_HEX = ("traceId", "spanId", "parentSpanId")


def _spans() -> Message:
    return trace_request(*(span() for _ in range(511)), span(trace_id=b"short"))


def _points() -> Message:
    return metrics_request(*(gauge(f"good.{number}", number) for number in range(511)), _BAD_POINT)


def _records() -> Message:
    bad = record("bad", time_unix_nano=2**63)
    return logs_request(*(record(f"good {number}") for number in range(511)), bad)


REQUESTS = {
    "spans": (_spans, "/v1/traces", "trace.v1.TraceService", "rejectedSpans"),
    "metric_points": (_points, "/v1/metrics", "metrics.v1.MetricsService", "rejectedDataPoints"),
    "logs": (_records, "/v1/logs", "logs.v1.LogsService", "rejectedLogRecords"),
}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("one_bad") / "promethios.db") as running:
        yield running


def _count(db: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _as_json(message: Message) -> bytes:
    """OTLP's JSON: ids in hexadecimal, where protobuf's mapping has base64."""

    def fix(node: object) -> object:
        if isinstance(node, list):
            return [fix(each) for each in node]
        if not isinstance(node, dict):
            return node
        return {k: base64.b64decode(v).hex() if k in _HEX else fix(v) for k, v in node.items()}

    return json.dumps(fix(MessageToDict(message, use_integers_for_enums=True))).encode()


@pytest.mark.parametrize("table", REQUESTS)
@pytest.mark.parametrize("transport", ["protobuf", "json", "grpc"])
def test_f18_one_bad_item_in_512_costs_its_neighbours_nothing(
    receiver: RunningReceiver, table: str, transport: str
) -> None:
    make, path, service, field = REQUESTS[table]
    before, message = _count(receiver.db, table), make()
    if transport == "grpc":
        rejected, said = _call(receiver, service, message, table)
    else:
        body = _as_json(message) if transport == "json" else message.SerializeToString()
        kind = "application/json" if transport == "json" else "application/x-protobuf"
        answer = receiver.post(path, body, {"Content-Type": kind, **receiver.ingest})
        assert answer.status == 200, answer.body
        rejected, said = _read(answer.body, transport, table, field)
    assert (rejected, _count(receiver.db, table) - before) == (1, 511)
    assert said


def _response(table: str) -> Message:
    made: Message = RESPONSES[Signal(table.replace("metric_points", "metrics"))]()
    return made


def _partial(table: str, content: bytes) -> dict[str, str]:
    response = _response(table)
    response.ParseFromString(content)
    partial: dict[str, str] = MessageToDict(response)["partialSuccess"]
    return partial


def _read(content: bytes, transport: str, table: str, field: str) -> tuple[int, str]:
    partial = json.loads(content)["partialSuccess"] if transport == "json" else _partial(table, content)
    return int(partial[field]), partial["errorMessage"]


def _call(receiver: RunningReceiver, service: str, message: Message, table: str) -> tuple[int, str]:
    method = f"/opentelemetry.proto.collector.{service}/Export"
    with grpc.insecure_channel(str(receiver.grpc)) as channel:
        metadata = [("x-api-key", receiver.ingest_key)]
        content = channel.unary_unary(method)(message.SerializeToString(), metadata=metadata, timeout=30)
    return _read(content, "grpc", table, REQUESTS[table][3])
