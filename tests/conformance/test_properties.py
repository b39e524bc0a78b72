"""What holds for any request and for any bytes: both encodings make the same rows, and nothing is a fault."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.otlp import span, trace_request
from tests.support.otlp_strategies import broken, requests
from tests.support.samples import REJECTED, TABLES
from tests.support.transports import JSON, PROTOBUF, as_json, export_of, refused

from promethios.receiver.app import create_app
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.pipeline import ADD, COUNT, Signal
from promethios.receiver.otlp import json
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.grpc import GrpcServer
from promethios.receiver.otlp.messages import REQUESTS, RESPONSES, decode
from promethios.receiver.services import Services
from promethios.receiver.settings import Address

EXAMPLES = 600 if os.environ.get("CI") == "true" else 60
#: The same examples each time: a landing fails for what it changes.
STEADY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SIGNALS = {"traces": Signal.SPANS, "metrics": Signal.METRICS, "logs": Signal.LOGS}
NAMES = {signal: name for name, signal in SIGNALS.items()}


def rows_of(signal: Signal, message: Message) -> tuple[Any, ...]:
    """What a message becomes: its rows, and what is refused of it."""
    batch = Batch(1, signal, 1, received=1)
    ADD[signal](batch, Origin(1, None), message)
    return batch.rows, batch.rejected, batch.message


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_any_request_makes_the_same_rows_in_protobuf_and_json(signal: Signal) -> None:
    @STEADY
    @given(requests(REQUESTS[signal].DESCRIPTOR))
    def same(request: Message) -> None:
        with Budget(1 << 30).share() as share:
            message, warning = json.decode(signal, as_json(request), 1_000, share)
        binary = decode(signal, request.SerializeToString(), 1_000)
        assert warning == ""
        assert message.SerializeToString(deterministic=True) == binary.SerializeToString(deterministic=True)
        assert rows_of(signal, message) == rows_of(signal, binary)

    same()


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_any_request_is_stored_but_for_what_is_refused(
    signal: Signal, services: Services, ingest: dict[str, str]
) -> None:
    client = create_app(services, Budget(1 << 30)).test_client()

    @settings(STEADY, max_examples=EXAMPLES // 2)
    @given(requests(REQUESTS[signal].DESCRIPTOR), st.booleans())
    def stored(request: Message, in_json: bool) -> None:
        body = as_json(request) if in_json else request.SerializeToString()
        answer = client.post(
            f"/v1/{NAMES[signal]}", data=body, content_type=JSON if in_json else PROTOBUF, headers=ingest
        )
        assert answer.status_code == 200

    stored()


Ask = Callable[[str, bytes], int | None]


@pytest.fixture
def asked(services: Services, ingest: dict[str, str]) -> Iterator[dict[str, Ask]]:
    """By transport: send bytes, and get how many items were refused, or None where all of it was.

    Whatever is sent, the answer is never a fault of ours.
    """
    client = create_app(services, Budget(1 << 30)).test_client()
    server = GrpcServer(services, Budget(1 << 30), Address("127.0.0.1", 0))
    channel = grpc.insecure_channel(str(server.address))

    def over_http(content_type: str, packed: bool = False) -> Ask:
        def ask(name: str, body: bytes) -> int | None:
            headers = {**ingest, **({"Content-Encoding": "gzip"} if packed else {})}
            answer = client.post(f"/v1/{name}", data=body, content_type=content_type, headers=headers)
            assert answer.status_code in (200, 400), answer.data
            assert answer.content_type == content_type
            if answer.status_code == 400:
                return None
            if content_type == JSON:
                partial = answer.get_json().get("partialSuccess", {})
                return sum(int(count) for key, count in partial.items() if key.startswith("rejected"))
            return rejected_of(name, answer.data)

        return ask

    def over_grpc(name: str, body: bytes) -> int | None:
        try:
            call = channel.unary_unary(export_of(name))
            return rejected_of(name, call(body, metadata=tuple(ingest.items()), timeout=30))
        except grpc.RpcError as error:
            assert refused(error).code == grpc.StatusCode.INVALID_ARGUMENT.value[0], error
            return None

    yield {
        "protobuf": over_http(PROTOBUF),
        "json": over_http(JSON),
        "gzip": over_http(PROTOBUF, packed=True),
        "grpc": over_grpc,
    }
    channel.close()
    server.stop().wait()


def rejected_of(name: str, answer: bytes) -> int:
    response = RESPONSES[SIGNALS[name]].FromString(answer)
    return int(getattr(response.partial_success, REJECTED[name]))


def items_in(transport: str, name: str, body: bytes) -> int | None:
    """How many items bytes have, by protobuf's own decoder; None where it does not take them."""
    signal = SIGNALS[name]
    try:
        if transport == "json":
            with Budget(1 << 30).share() as share:
                return COUNT[signal](json.decode(signal, body, 1_000, share)[0])
        packed = gzip.decompress(body) if transport == "gzip" else body
        return COUNT[signal](REQUESTS[signal].FromString(packed))
    except (DecodeError, OSError, EOFError):
        return None


JSON_REQUEST = as_json(trace_request(span(trace_id=b"t" * 16, span_id=b"s" * 8)))
WHOLE: dict[str, tuple[bytes, ...]] = {
    "protobuf": (),
    "grpc": (),
    "json": (JSON_REQUEST, JSON_REQUEST.replace(b"Span", b"Log"), b'{"a": [{}, "\\"", null, 1.5e3]}'),
    "gzip": (gzip.compress(JSON_REQUEST), gzip.compress(b"", mtime=0) * 3),
}


@pytest.mark.parametrize("transport", WHOLE)
def test_any_bytes_are_refused_or_stored_as_they_say_and_never_a_fault(
    transport: str, asked: dict[str, Ask], services: Services
) -> None:
    def count() -> int:
        connection = sqlite3.connect(services.settings.path)
        found = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES.values()
        ]
        connection.close()
        return sum(found)

    @settings(STEADY, max_examples=EXAMPLES)
    @given(st.sampled_from(list(SIGNALS)), broken(*WHOLE[transport]))
    def holds(name: str, body: bytes) -> None:
        before = count()
        rejected = asked[transport](name, body)
        new = count() - before
        if rejected is None:
            assert new == 0
            return
        items = items_in(transport, name, body)
        assert items is not None, "what protobuf cannot read was taken"
        assert new <= items - rejected

    holds()
