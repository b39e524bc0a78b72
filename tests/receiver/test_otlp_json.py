"""OTLP in JSON makes the same rows as protobuf, and refuses what protobuf's own JSON reader would take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from promethios.receiver.services import Services

SPAN: dict[str, Any] = {
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "eee19b7ec3c1b174",
    "parentSpanId": "eee19b7ec3c1b173",
    "name": "I'm a server span",
    "startTimeUnixNano": "1544712660300000001",
    "endTimeUnixNano": 1544712661000000000,
    "kind": 2,
    "attributes": [
        {"key": "text", "value": {"stringValue": "x"}},
        {"key": "number", "value": {"intValue": "9007199254740993"}},
        {"key": "share", "value": {"doubleValue": "NaN"}},
        {"key": "bytes", "value": {"bytesValue": "AP8="}},
        {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}},
        {"key": "nothing", "value": {}},
        {"key": "missing"},
    ],
    "fromTheFuture": {"a": 1},
}


def document(**changes: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{**SPAN, **changes}]}]}]}


@pytest.fixture
def send(client: FlaskClient, make_key: Any) -> Any:
    """Send JSON to the traces' endpoint."""
    headers = {**make_key("default", "ingest"), "Content-Type": "application/json"}
    return lambda body: client.post(
        "/v1/traces", data=body if isinstance(body, bytes) else json.dumps(body), headers=headers
    )


def test_a_span_in_json_is_stored_like_one_in_protobuf(send: Any, services: Services) -> None:
    answer = send(document())
    assert (answer.status_code, answer.get_json()) == (200, {})
    with services.readers.connect() as connection:
        row = connection.exec_driver_sql("SELECT * FROM spans").mappings().one()
    assert row["trace_id"].hex() == SPAN["traceId"].lower()
    assert row["span_id"].hex() == SPAN["spanId"]
    assert row["parent_span_id"].hex() == SPAN["parentSpanId"]
    assert (row["start_unix_nano"], row["kind"]) == (1544712660300000001, 2)
    assert json.loads(row["attributes"]) == {
        "text": "x",
        "number": 9007199254740993,
        "share": "NaN",
        "bytes": "AP8=",
        "list": [True, None],
        "nothing": None,
        "missing": None,
    }


def test_refused_items_are_counted_as_text(send: Any) -> None:
    answer = send(document(traceId="00"))
    assert answer.get_json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": (
                'span "I\'m a server span": its trace id must be 16 bytes, not all zero, and has 1'
            ),
        }
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "ExportTraceServiceRequest must be an object, not an array"),
        (b"\xef\xbb\xbf{}", "UTF-8 byte order mark (BOM) is not supported: line 1 column 1 (char 0)"),
        (document(traceId="xy"), "traceId: Non-hexadecimal digit found"),
        (document(kind="SPAN_KIND_SERVER"), "kind: expected the number of an enum's value, not text"),
        (document(startTimeUnixNano="x"), "startTimeUnixNano: expected an integer, not text"),
        (document(startTimeUnixNano=1.5), "startTimeUnixNano: expected an integer, not a number"),
        (document(attributes={}), "attributes must be an array, not an object"),
        (document(attributes=[None, None]), "KeyValue must be an object, not null"),
        (document(name=7), "name: expected text, not a number"),
    ],
)
def test_what_does_not_fit_is_400_and_names_the_key(send: Any, body: Any, reason: str) -> None:
    answer = send(body)
    assert (answer.status_code, answer.content_type) == (400, "application/json")
    message = f"the body is not an ExportTraceServiceRequest in JSON: {reason}"
    assert answer.get_json() == {
        "code": 3,
        "message": message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"description": message}],
            }
        ],
    }


def test_hostile_json_is_never_a_fault(send: Any) -> None:
    deep = b'{"resourceSpans":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    long_number = json.dumps(document(startTimeUnixNano="9" * 5_000)).encode()
    lone_surrogate = json.dumps(document(name="\ud800")).encode()
    for body in (deep, long_number, lone_surrogate, b"{", b'{"resourceSpans": [1e999]}'):
        assert send(body).status_code == 400, body[:60]


def test_snake_case_is_unknown_and_ignored_with_a_warning(send: Any, services: Services) -> None:
    answer = send({"resource_spans": document()["resourceSpans"]})
    assert (answer.status_code, answer.get_json()) == (
        200,
        {
            "partialSuccess": {
                "rejectedSpans": "0",
                "errorMessage": "ignored the key 'resource_spans': keys are in lowerCamelCase",
            }
        },
    )
    with services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM spans").scalar() == 0
