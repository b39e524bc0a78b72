"""F23: the receiver has no descriptor or thread left. It says 503 or waits, and recovers by itself."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import grpc
import pytest
from tests.faults.oracle import Client, Footprint, verify
from tests.faults.shim import Action, Faults, Operation
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver, start_promethios

_SPARE = 20
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def test_f23_without_descriptors_it_waits_and_recovers(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        pid = receiver.process.pid
        with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc_client:
            for client in (http, grpc_client):
                client.wait_for_more()
            before = Footprint.of(pid)
            limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (before.descriptors + _SPARE, limits[1]))
            with ExitStack() as stack:
                _occupy(receiver, stack, 3 * _SPARE)
                _wait_for(receiver, "no connection can be accepted: Too many open files")
                for client in (http, grpc_client):
                    client.wait_for_more(1)
                with http.held(), grpc_client.held():
                    time.sleep(0.2)  # What was under way.
                    spent = _cpu_seconds(pid)
                    time.sleep(1)
                    assert _cpu_seconds(pid) - spent < 0.5, "it turns in circles"
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            for client in (http, grpc_client):
                client.wait_for_more()
                client.drain()
            assert receiver.post("/v1/traces", trace_request().SerializeToString()).status == 200
        before.wait_back(pid)
        proven = verify(receiver.db, http, grpc_client)
    assert proven.acknowledged == proven.stored == proven.emitted


def test_f23_without_threads_it_recovers(tmp_path: Path, faults: Faults) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=faults.environment) as receiver:
        body, metadata = trace_request(span()).SerializeToString(), [("x-api-key", receiver.ingest_key)]
        faults.arm(Operation.THREAD, Action.FAIL)
        with grpc.insecure_channel(str(receiver.grpc)) as channel:
            call = channel.unary_unary(_METHOD)
            with suppress(grpc.RpcError):
                call(body, metadata=metadata, timeout=5)
            assert receiver.post("/v1/traces", body).status == 200
            refused = receiver.get("/api/v1/live")
            assert refused.status == 503 and "can't start new thread" in refused.json()["detail"]
            faults.disarm()
            assert call(body, metadata=metadata, timeout=30) == b""
            request = Request(f"{receiver.http}/api/v1/live", headers=receiver.admin)
            with urlopen(request, timeout=30) as answer:
                receiver.post("/v1/traces", body)
                assert any(line.startswith(b"event:") for line in answer)


@pytest.mark.parametrize(
    ("grpc", "had"),
    # The SDK's import needs one or two; then come the writer's, that of HTTP, and those of alerts or gRPC.
    [("off", 2), ("off", 3), ("127.0.0.1:0", 4)],
)
def test_f23_a_receiver_that_gets_too_few_threads_says_so_and_not_that_it_is_ready(
    tmp_path: Path, faults: Faults, grpc: str, had: int
) -> None:
    faults.arm(Operation.THREAD, Action.FAIL, after=had)
    process = start_promethios(
        "serve", "--db", str(tmp_path / "promethios.db"), "--http", "127.0.0.1:0", "--grpc", grpc,
        environment={**faults.environment, "PROMETHIOS_THREADS": "1"},
    )  # fmt: skip
    said, why = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")
    assert "Error: cannot start the receiver: can't start new thread: raise the limit" in why
    assert "Traceback" not in why


def _occupy(receiver: RunningReceiver, stack: ExitStack, number: int) -> None:
    parts = urlsplit(receiver.http)
    for _ in range(number):
        stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=30))


def _wait_for(receiver: RunningReceiver, said: str) -> None:
    deadline = time.monotonic() + 30
    while said not in receiver.stderr:
        assert time.monotonic() < deadline, receiver.stderr
        time.sleep(0.02)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
