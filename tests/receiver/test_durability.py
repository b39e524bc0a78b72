"""What is promised of what is stored: commits are shared and answered after, values stay as they were."""

from __future__ import annotations

import json
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request

from promethios.receiver.ingest.writer import Writer
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services

NUL = "a\0b"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def ingest(make_key: Any) -> dict[str, str]:
    return {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}


def rows(services: Services, sql: str) -> list[Any]:
    with services.readers.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def add(name: str) -> Any:
    def work(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO tenants (name, created_unix_nano) VALUES (?, 1)", (name,))
        return threading.get_ident()

    return work


def test_d04_who_waits_together_shares_a_commit_and_hears_after_it(services: Services) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def block(_: Connection) -> bool:
        entered.set()
        return go_on.wait(30)

    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(services.writer.do, block)
        assert entered.wait(30)
        before = services.writer.figures().commits
        others = [pool.submit(services.writer.do, add(str(number))) for number in range(10)]
        while services.writer.figures().queued_requests < 10:
            pass
        assert not any(each.done() for each in others)
        assert rows(services, "SELECT count(*) FROM tenants") == [(0,)]
        go_on.set()
        assert first.result()
        # One thread did it all.
        assert len({each.result() for each in others}) == 1
    assert rows(services, "SELECT count(*) FROM tenants") == [(10,)]
    assert services.writer.figures().commits <= before + 3


def test_d04_a_queue_that_is_full_says_when_to_try_again(services: Services) -> None:
    writer = Writer(services.store.writer, queue_bytes=100, commit_seconds=0)
    entered, go_on = threading.Event(), threading.Event()

    def block(_: Connection) -> bool:
        entered.set()
        return go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(writer.do, block)
        assert entered.wait(30)
        waiting = pool.submit(writer.do, lambda _: True, 90)
        while writer.figures().queued_bytes < 90:
            pass
        with pytest.raises(Refusal) as caught:
            writer.do(lambda _: True, 20)
        go_on.set()
        assert (first.result(), waiting.result()) == (True, True)
    writer.stop()
    assert (caught.value.kind, caught.value.retry_after) == (Kind.UNAVAILABLE, 2)


def test_d11_a_nul_is_kept_where_it_was(client: FlaskClient, services: Services, ingest: Any) -> None:
    """SQL's functions end a text at it; the text is whole."""
    spans = [span(NUL, {"key": NUL, NUL: "value"}), span("good")]
    answer = client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=ingest)
    assert answer.status_code == 200
    body = logs_request(record(NUL)).SerializeToString()
    assert client.post("/v1/logs", data=body, headers=ingest).status_code == 200
    stored = rows(services, "SELECT name, attributes FROM spans ORDER BY id")
    assert [name for name, _ in stored] == [NUL, "good"]
    assert json.loads(stored[0][1]) == {"key": NUL, NUL: "value"}
    (body_stored,) = rows(services, "SELECT body FROM logs")[0]
    assert NUL in (body_stored, json.loads(body_stored) if body_stored.startswith('"') else None)


def test_d11_a_lone_surrogate_is_refused_and_stores_nothing(
    client: FlaskClient, services: Services, ingest: Any
) -> None:
    template = (
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","name":"%s",'
        '"startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}'
    )
    body = template % ("ab" * 16, "cd" * 8, "\\ud800")
    answer = client.post("/v1/traces", data=body, headers={**ingest, **JSON})
    assert answer.status_code == 400
    body = template % ("ab" * 16, "cd" * 8, "\\ud83d\\ude00")
    assert client.post("/v1/traces", data=body, headers={**ingest, **JSON}).status_code == 200
    assert rows(services, "SELECT name FROM spans") == [("\U0001f600",)]


def test_d11_integers_beyond_64_bits_cost_their_item_only(
    client: FlaskClient, services: Services, ingest: Any
) -> None:
    spans = [
        span("largest", {"number": 2**63 - 1, "smallest": -(2**63)}),
        span("beyond", start_time_unix_nano=2**64 - 1, end_time_unix_nano=2**64 - 1),
        span("good"),
    ]
    answer = client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=ingest)
    assert answer.status_code == 200
    stored = rows(services, "SELECT name, attributes FROM spans ORDER BY id")
    assert [name for name, _ in stored] == ["largest", "good"]
    assert json.loads(stored[0][1]) == {"number": 2**63 - 1, "smallest": -(2**63)}
    assert b"beyond 2^63-1" in answer.data


def test_d11_floats_are_kept_to_the_last_bit_and_what_json_has_no_word_for_is_text(
    client: FlaskClient, services: Services, ingest: Any
) -> None:
    exact = [0.1, 5e-324, 1.7976931348623157e308, -0.0]
    attributes = {f"f{number}": value for number, value in enumerate(exact)}
    odd = {"nan": float("nan"), "inf": float("inf"), "minus": float("-inf")}
    body = trace_request(span("exact", attributes), span("odd", odd)).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=ingest).status_code == 200
    first, second = (
        json.loads(text) for (text,) in rows(services, "SELECT attributes FROM spans ORDER BY id")
    )
    for name, value in attributes.items():
        assert struct.pack("<d", first[name]) == struct.pack("<d", value)
    assert second == {"nan": "NaN", "inf": "Infinity", "minus": "-Infinity"}


def test_d11_a_point_that_is_no_number_costs_itself_only(
    client: FlaskClient, services: Services, ingest: Any
) -> None:
    metrics = [gauge("none", float("nan")), gauge("endless", float("inf")), gauge("good", 1.5)]
    body = metrics_request(*metrics).SerializeToString()
    answer = client.post("/v1/metrics", data=body, headers=ingest)
    assert answer.status_code == 200
    found = rows(
        services,
        "SELECT s.name, p.value_double FROM metric_points p JOIN metric_series s ON s.id = p.series_id "
        "ORDER BY s.name",
    )
    assert ("good", 1.5) in found
    assert dict(found).get("none", "refused") == "refused"
    assert dict(found).get("endless") in (None, float("inf"))
