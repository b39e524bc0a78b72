"""What came is what became of it: received = stored + duplicate + refused, over HTTP and gRPC."""

from __future__ import annotations

import re
import threading
from collections import Counter
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.message import Message
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request
from tests.support.receiver import RunningReceiver

TOO_LATE = 2**63 + 1
_LINE = re.compile(r"^promethios_receiver_(\w+)_total\{(.*)\} (\d+)$", re.MULTILINE)


def figures(receiver: RunningReceiver) -> Counter[str]:
    """The counters, as ``items_refused spans invalid_item``; a difference has what came between."""
    text = receiver.get("/metrics").body.decode()
    return Counter(
        {
            " ".join([name, *re.findall(r'"(\w+)"', labels)]): int(number)
            for name, labels, number in _LINE.findall(text)
        }
    )


def without_bytes(receiver: RunningReceiver) -> dict[str, int]:
    """What has been counted since the start, without sizes."""
    return {name: number for name, number in figures(receiver).items() if number and "bytes" not in name}


def send(receiver: RunningReceiver, request: Message, path: str = "traces") -> int:
    return receiver.post(f"/v1/{path}", request.SerializeToString()).status


def test_what_came_is_what_became_of_it(receiver: RunningReceiver) -> None:
    one, two, bad = span("one"), span("two"), span("bad", start_time_unix_nano=TOO_LATE)
    lines = logs_request(record("a", time_unix_nano=1), record("b", time_unix_nano=2))
    before = figures(receiver)
    assert send(receiver, trace_request(one, bad)) == 200
    assert send(receiver, trace_request(one, bad)) == 200, "the very same request"
    assert send(receiver, trace_request(two, one)) == 200, "one of them is known"
    assert send(receiver, lines, "logs") == 200
    assert send(receiver, lines, "logs") == 200
    assert send(receiver, metrics_request(gauge("load", 1), gauge("load.other", 2)), "metrics") == 200
    counted = figures(receiver) - before
    assert counted.pop("received_bytes logs") == 2 * len(lines.SerializeToString())
    assert {name: number for name, number in counted.items() if "bytes" not in name} == {
        "items_received spans": 6,
        "items_stored spans": 2,
        "items_duplicate spans": 2,
        "items_refused spans invalid_item": 2,
        "items_received logs": 4,
        "items_stored logs": 2,
        "items_duplicate logs": 2,
        "items_received metrics": 2,
        "items_stored metrics": 2,
    }


def test_refused_requests_are_counted_by_reason_over_http(receiver: RunningReceiver) -> None:
    protobuf, before = {"Content-Type": "application/x-protobuf"}, figures(receiver)
    assert receiver.post("/v1/logs", b"\xff", {**protobuf, **receiver.ingest}).status == 400
    assert receiver.post("/v1/logs", b"", {"Content-Type": "text/plain", **receiver.ingest}).status == 415
    assert receiver.post("/v1/traces", b"", protobuf).status == 401
    assert receiver.post("/v1/metrics", b"", {**protobuf, **receiver.admin}).status == 403
    assert receiver.get("/api/v1/agents", {}).status == 401
    assert receiver.get("/nowhere").status == 404
    assert figures(receiver) - before == {
        "requests_refused logs undecodable": 2,
        "requests_refused spans unauthenticated": 1,
        "requests_refused metrics forbidden": 1,
        "requests_refused other unauthenticated": 1,
    }


@pytest.mark.parametrize(
    ("body", "key", "reason"),
    [
        (b"\xff", "ingest", "undecodable"),
        (b"", "wrong", "unauthenticated"),
        (b"", "admin", "forbidden"),
    ],
)
def test_refused_calls_are_counted_by_reason_over_grpc(
    receiver: RunningReceiver, body: bytes, key: str, reason: str
) -> None:
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    keys = {"ingest": receiver.ingest_key, "wrong": "pmk_live_wrong", "admin": receiver.admin_key}
    before = figures(receiver)
    with grpc.insecure_channel(receiver.grpc) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary(method)(body, metadata=[("x-api-key", keys[key])], timeout=30)
    assert figures(receiver) - before == {f"requests_refused spans {reason}": 1}


def test_what_is_refused_before_the_application_sees_it_is_counted(tmp_path: Path) -> None:
    """A body beyond the limit, and headers that are too large: the server's own answers."""
    with RunningReceiver(tmp_path / "p.db", "--max-body-bytes", "1000") as receiver:
        headers = {"Content-Type": "application/x-protobuf", **receiver.ingest}
        assert receiver.post("/v1/traces", bytes(5_000), headers).status == 413
        assert receiver.post("/v1/traces", b"", {**headers, "X-Long": "x" * 100_000}).status == 431
        assert without_bytes(receiver) == {"requests_refused spans too_large": 2}


def test_a_refused_request_that_was_decoded_is_counted_with_its_items(tmp_path: Path) -> None:
    """While the disk has less room than is to be kept, nothing is taken."""
    own = {"PROMETHIOS_MIN_FREE_BYTES": str(1 << 60)}
    with RunningReceiver(tmp_path / "p.db", environment=own) as receiver:
        wait_until_held(receiver)
        assert send(receiver, trace_request(span(), span())) == 503
        assert without_bytes(receiver) == {
            "items_received spans": 2,
            "items_refused spans unavailable": 2,
            "requests_refused spans unavailable": 1,
        }


def wait_until_held(receiver: RunningReceiver) -> None:
    for _ in range(300):
        if b"promethios_receiver_held 1\n" in receiver.get("/metrics").body:
            return
        threading.Event().wait(0.1)
    raise AssertionError("the guard of the disk does not hold the writer")


def test_what_is_over_a_quota_is_counted_before_it_is_decoded(tmp_path: Path) -> None:
    own = {"PROMETHIOS_QUOTA_ITEMS_PER_MINUTE": "1"}
    with RunningReceiver(tmp_path / "p.db", environment=own) as receiver:
        assert send(receiver, trace_request(*(span() for _ in range(50)))) == 200
        assert send(receiver, trace_request(span())) == 429
        assert without_bytes(receiver) == {
            "items_received spans": 50,
            "items_stored spans": 50,
            "requests_refused spans quota": 1,
        }


def test_plain_json_is_counted_as_what_it_becomes(receiver: RunningReceiver) -> None:
    headers, before = {"Content-Type": "application/json", **receiver.ingest}, figures(receiver)
    two = b'[{"agent_id": "a", "body": "x"}, {"agent_id": "a", "body": "y"}]'
    assert receiver.post("/api/v1/heartbeat", b'{"agent_id": "a"}', headers).status == 200
    assert receiver.post("/api/v1/logs", two, headers).status == 200
    assert receiver.post("/api/v1/logs", b'{"agent_id": 7}', headers).status == 400
    counted = figures(receiver) - before
    assert {name: number for name, number in counted.items() if "bytes" not in name} == {
        "items_received metrics": 1,
        "items_stored metrics": 1,
        "items_received logs": 2,
        "items_stored logs": 2,
        "requests_refused logs undecodable": 1,
    }
