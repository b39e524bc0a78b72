"""Calls of gRPC that begin and never end: refused by their head, bounded in number, and ended in time."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tests.support.http2 import BegunCall
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
THREADS = 2
#: More than the threads that serve calls, and those that only say that all are busy.
MANY = THREADS + 8 + 4
#: What each of them announces as the length of its message.
LENGTH = 60 * 1024 * 1024


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    db = tmp_path_factory.mktemp("receiver") / "promethios.db"
    few = {"PROMETHIOS_THREADS": str(THREADS), "PROMETHIOS_IDLE_SECONDS": "2"}
    with RunningReceiver(db, environment=few) as running:
        yield running


@contextlib.contextmanager
def begun(receiver: RunningReceiver, count: int, headers: dict[str, str]) -> Iterator[list[BegunCall]]:
    """So many calls, each on a connection of its own, of whose messages a few bytes were sent."""
    assert receiver.grpc is not None
    with contextlib.ExitStack() as open_calls:
        calls = [BegunCall(receiver.grpc, EXPORT, LENGTH, headers) for _ in range(count)]
        yield [open_calls.enter_context(call) for call in calls]


def export(receiver: RunningReceiver) -> bytes:
    body = trace_request(span()).SerializeToString()
    with grpc.insecure_channel(str(receiver.grpc)) as channel:
        answer: bytes = channel.unary_unary(EXPORT)(
            body, timeout=20, metadata=[("x-api-key", receiver.ingest_key)]
        )
        return answer


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "pmk_live_none"}], ids=["no key", "a wrong one"])
def test_k13_who_has_no_key_is_refused_before_the_message_is_read(
    receiver: RunningReceiver, headers: dict[str, str]
) -> None:
    with begun(receiver, 1, headers) as (call,):
        assert call.answer()["grpc-status"] == str(grpc.StatusCode.UNAUTHENTICATED.value[0])


def test_k16_strangers_who_never_finish_hold_nobody_up(receiver: RunningReceiver) -> None:
    with begun(receiver, MANY, {}):
        assert export(receiver) == b""


def test_k16_a_message_that_does_not_arrive_in_time_is_given_up(receiver: RunningReceiver) -> None:
    """Also of who has a key: each takes a thread for as long as it sends."""
    with begun(receiver, THREADS, {"x-api-key": receiver.ingest_key}) as calls:
        for call in calls:
            # One that clients try again.
            assert call.answer()["grpc-status"] == str(grpc.StatusCode.CANCELLED.value[0])
        assert export(receiver) == b""
    assert "Traceback" not in receiver.stderr


def test_k16_a_call_without_a_message_is_400(receiver: RunningReceiver) -> None:
    assert receiver.grpc is not None
    with BegunCall(receiver.grpc, EXPORT, None, {"x-api-key": receiver.ingest_key}) as call:
        answer = call.answer()
    assert answer["grpc-status"] == str(grpc.StatusCode.INVALID_ARGUMENT.value[0])
    assert answer["grpc-message"] == "the call ended without a message"


def test_k16_a_client_that_goes_away_in_the_middle_is_no_fault_of_ours(receiver: RunningReceiver) -> None:
    for _ in range(5):
        with begun(receiver, THREADS, {"x-api-key": receiver.ingest_key}):
            pass
    assert export(receiver) == b""
    assert "Traceback" not in receiver.stderr and "failed" not in receiver.stderr


def test_k16_connections_are_bounded(tmp_path: Path) -> None:
    most = {"PROMETHIOS_CONNECTIONS": "16"}
    with RunningReceiver(tmp_path / "promethios.db", environment=most) as receiver:
        host, port = str(receiver.grpc).rsplit(":", 1)
        with contextlib.ExitStack() as held:
            for _ in range(16):
                connection = socket.create_connection((host, int(port)), timeout=30)
                held.enter_context(connection)
                # What the library says first tells that it has taken the connection.
                assert connection.recv(1)
            refused = held.enter_context(socket.create_connection((host, int(port)), timeout=30))
            with contextlib.suppress(ConnectionResetError):
                assert refused.recv(1) == b""
        assert export(receiver) == b""
