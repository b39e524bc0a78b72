"""J01-J06: OTLP's JSON mapping. The names are the statements' ids; J07 has a file of its own."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.support.otlp import span, trace_request
from tests.support.receiver import Answer, RunningReceiver
from tests.support.samples import counts, stored
from tests.support.transports import JSON, Transport, as_json, status_of

REFUSED = "the body is not an ExportTraceServiceRequest in JSON: "


def post(receiver: RunningReceiver, body: bytes, path: str = "/v1/traces") -> Answer:
    return receiver.post(path, body, {"Content-Type": JSON, **receiver.ingest})


def document(**changes: Any) -> dict[str, Any]:
    """A request with one span, with ids of its own and `changes`."""
    (made,) = json.loads(as_json(trace_request(span())))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{**made, **changes}]}]}]}


def row_of(receiver: RunningReceiver, sent: dict[str, Any], *columns: str) -> tuple[Any, ...]:
    """Columns of the span that is in a document, after it was sent."""
    answer = post(receiver, json.dumps(sent).encode())
    assert (answer.status, answer.body) == (200, b"{}")
    (made,) = sent["resourceSpans"][0]["scopeSpans"][0]["spans"]
    (row,) = stored(receiver, "spans", *columns, span_id=bytes.fromhex(made["spanId"]))
    return row


def value_of(receiver: RunningReceiver, value: Any) -> Any:
    """How an attribute's value is stored."""
    attributes = [{"key": "a", "value": value}] if value is not ... else [{"key": "a"}]
    return json.loads(row_of(receiver, document(attributes=attributes), "attributes")[0])["a"]


@pytest.mark.parametrize("case", [str.lower, str.upper, str.swapcase])
def test_J01_ids_are_hexadecimal_in_either_case(receiver: RunningReceiver, case: Any) -> None:
    found = span(trace_id=bytes(range(0xA0, 0xB0)), parent_span_id=bytes(range(0xC0, 0xC8)))
    sent = document(
        traceId=case(found.trace_id.hex()),
        spanId=case(found.span_id.hex()),
        parentSpanId=case(found.parent_span_id.hex()),
        links=[{"traceId": case(found.trace_id.hex()), "spanId": case(found.span_id.hex())}],
    )
    *ids, links = row_of(receiver, sent, "trace_id", "span_id", "parent_span_id", "links")
    assert ids == [found.trace_id, found.span_id, found.parent_span_id]
    (link,) = json.loads(links)
    assert (link["trace_id"], link["span_id"]) == (found.trace_id.hex(), found.span_id.hex())


def test_J01_ids_of_json_are_those_of_protobuf(receiver: RunningReceiver) -> None:
    request = trace_request(span())
    before = counts(receiver)["traces"]
    for name in ("protobuf", "json", "grpc"):
        sent = Transport(receiver, name).send("traces", request)
        assert not sent.response.HasField("partial_success")
    assert counts(receiver)["traces"] == before + 1


@pytest.mark.parametrize("wrong", ["xy", "abc", "W47/95gDgQPSabYzgT/GDA==", " " * 32, "0x" + "a" * 30])
def test_J01_an_id_that_is_not_hexadecimal_is_400(receiver: RunningReceiver, wrong: str) -> None:
    answer = post(receiver, json.dumps(document(traceId=wrong)).encode())
    assert answer.status == 400
    assert "traceId: " in status_of(answer).message


def test_J02_a_name_of_an_enum_is_refused_and_says_so(receiver: RunningReceiver) -> None:
    answer = post(receiver, json.dumps(document(kind="SPAN_KIND_SERVER")).encode())
    assert (answer.status, status_of(answer).message) == (
        400,
        REFUSED + "kind: expected the number of an enum's value, not text",
    )


@pytest.mark.parametrize("number", [0, 1, 5, 99, -1])
def test_J02_a_number_of_an_enum_is_stored(receiver: RunningReceiver, number: int) -> None:
    assert row_of(receiver, document(kind=number), "kind") == (number,)


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/v1/traces", {"resource_spans": []}, "resource_spans"),
        ("/v1/metrics", {"resource_metrics": [{}]}, "resource_metrics"),
        ("/v1/logs", {"resource_logs": None}, "resource_logs"),
        ("/v1/traces", {"resourceSpans": [{"scope_spans": [{}]}]}, "scope_spans"),
        ("/v1/logs", {"resourceLogs": [{"schema_url": "x"}]}, "schema_url"),
    ],
)
def test_J03_a_key_in_snake_case_is_ignored_with_a_warning(
    receiver: RunningReceiver, path: str, body: Any, key: str
) -> None:
    before = counts(receiver)
    answer = post(receiver, json.dumps(body).encode(), path)
    (rejected,) = answer.json()["partialSuccess"].keys() - {"errorMessage"}
    assert rejected.startswith("rejected")
    assert answer.json()["partialSuccess"] == {
        rejected: "0",
        "errorMessage": f"ignored the key {key!r}: keys are in lowerCamelCase",
    }
    assert counts(receiver) == before


@pytest.mark.parametrize("given", ["1544712660300000001", 1544712660300000001])
def test_J04_64_bit_integers_come_as_text_or_number_and_are_not_rounded(
    receiver: RunningReceiver, given: Any
) -> None:
    assert row_of(receiver, document(startTimeUnixNano=given), "start_unix_nano") == (1544712660300000001,)


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("form", [str, int])
def test_J04_every_integer_survives_in_both_forms(receiver: RunningReceiver, number: int, form: type) -> None:
    assert value_of(receiver, {"intValue": form(number)}) == number


@pytest.mark.parametrize(
    ("given", "number"), [(b"7.0", 7), (b"-1e3", -1_000), (b"4503599627370496.0", 2**52)]
)
def test_J04_a_whole_number_may_have_a_point(receiver: RunningReceiver, given: bytes, number: int) -> None:
    sent = document(attributes=[{"key": "a", "value": {"intValue": 123454321}}])
    body = json.dumps(sent).encode().replace(b"123454321", given)
    assert post(receiver, body).body == b"{}"
    (made,) = sent["resourceSpans"][0]["scopeSpans"][0]["spans"]
    (row,) = stored(receiver, "spans", "attributes", span_id=bytes.fromhex(made["spanId"]))
    assert json.loads(row[0]) == {"a": number}


@pytest.mark.parametrize(
    "given",
    [b"1.5", b"9007199254740993.0", b"1e300", b"18446744073709551616", b'"1.0"', b'"1e3"', b'""', b'" 1"',
     b'"+1"', b'"0x1"', b"true", b"[1]", b'"\\u0661"', b'"9223372036854775808"', b"-9223372036854775809"],
)  # fmt: skip
def test_J04_what_would_be_rounded_or_is_no_integer_is_400(receiver: RunningReceiver, given: bytes) -> None:
    sent = document(attributes=[{"key": "a", "value": {"intValue": 123454321}}])
    answer = post(receiver, json.dumps(sent).encode().replace(b"123454321", given))
    assert answer.status == 400
    assert "intValue: " in status_of(answer).message


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\xfb\xff\xfe", bytes(range(256))])
def test_J05_bytes_are_base64_and_stay_it(receiver: RunningReceiver, raw: bytes) -> None:
    standard = base64.b64encode(raw).decode()
    url_safe = base64.urlsafe_b64encode(raw).decode()
    for form in (standard, standard.rstrip("="), url_safe, url_safe.rstrip("=")):
        assert value_of(receiver, {"bytesValue": form}) == standard


@pytest.mark.parametrize("wrong", ["a", "a===", "!!!!", "AP8=\n", "AP 8="])
def test_J05_what_is_not_base64_is_400(receiver: RunningReceiver, wrong: str) -> None:
    answer = post(
        receiver, json.dumps(document(attributes=[{"key": "a", "value": {"bytesValue": wrong}}])).encode()
    )
    assert answer.status == 400
    assert "bytesValue: " in status_of(answer).message


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_J05_a_double_may_be_named(receiver: RunningReceiver, name: str) -> None:
    assert value_of(receiver, {"doubleValue": name}) == name


@pytest.mark.parametrize(
    ("given", "number"), [(1.5, 1.5), (7, 7.0), ("1.5", 1.5), ("-2e-3", -0.002), ("7", 7.0)]
)
def test_J05_a_double_comes_as_number_or_text(receiver: RunningReceiver, given: Any, number: float) -> None:
    assert value_of(receiver, {"doubleValue": given}) == number


@pytest.mark.parametrize(
    "wrong", ["nan", "inf", "infinity", "+Infinity", "1_000", "", " 1", "1e999", True, None, []]
)
def test_J05_what_is_no_double_is_400_or_nothing(receiver: RunningReceiver, wrong: Any) -> None:
    if wrong is None:
        assert value_of(receiver, {"doubleValue": None}) is None
        return
    sent = document(attributes=[{"key": "a", "value": {"doubleValue": wrong}}])
    assert post(receiver, json.dumps(sent).encode()).status == 400


@pytest.mark.parametrize("empty", [{}, None, ..., {"fromTheFuture": 1}, {"doubleValue": None}])
def test_J05_an_empty_and_a_missing_value_are_stored_as_null(receiver: RunningReceiver, empty: Any) -> None:
    assert value_of(receiver, empty) is None


def nested(levels: int) -> dict[str, Any]:
    """A span with a value so many levels deep."""
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(levels - 1):
        value = {"arrayValue": {"values": [value]}}
    return document(attributes=[{"key": "deep", "value": value}])


@pytest.mark.parametrize(("levels", "status", "rejected"), [(32, 200, 0), (33, 200, 1), (60, 400, 0)])
def test_J06_what_is_nested_too_deeply_is_refused(
    receiver: RunningReceiver, levels: int, status: int, rejected: int
) -> None:
    before = counts(receiver)["traces"]
    answer = post(receiver, json.dumps(nested(levels)).encode())
    assert answer.status == status
    if status == 200:
        assert int(answer.json().get("partialSuccess", {}).get("rejectedSpans", 0)) == rejected
    assert counts(receiver)["traces"] == before + (status == 200) - rejected


def good(**changes: Any) -> bytes:
    return json.dumps(document(**changes)).encode()


HOSTILE: dict[str, bytes] = {
    "arrays 20,000 levels deep": b'{"resourceSpans":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "objects 20,000 levels deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "unknown arrays 1,000 levels deep": b'{"a":' + b"[" * 1_100 + b"]" * 1_100 + b"}",
    "an integer of 5,000 digits": good(flags=123454321).replace(b"123454321", b"9" * 5_000),
    "a text of 5,000 digits": good(startTimeUnixNano="9" * 5_000),
    "a double of 5,000 digits": good(attributes=[{"key": "a", "value": {"doubleValue": "9" * 5_000}}]),
    "the same key twice at the top": b'{"resourceSpans": [], "resourceSpans": []}',
    "the same key twice in a span": good().replace(b'"name":', b'"name": "first", "name":', 1),
    "the same unknown key twice": b'{"a": [{"b": 1, "b": 2}]}',
    "the same key once escaped": b'{"a": 1, "\\u0061": 2}',
    "a lone surrogate": good(name="\ud800"),
    "a lone surrogate in a key": b'{"\\udfff": 1}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "bytes that are not UTF-8": b'{"a": "\xff"}',
    "an array at the top": b"[]",
    "null at the top": b"null",
    "a text at the top": b'"{}"',
    "a number at the top": b"1e999",
    "null among the resources": b'{"resourceSpans": [null]}',
    "null among the spans": b'{"resourceSpans": [{"scopeSpans": [{"spans": [null]}]}]}',
    "null among the attributes": good(attributes=[None]),
    "a number for an object": b'{"resourceSpans": [1]}',
    "an object for an array": b'{"resourceSpans": {}}',
    "NaN without quotes": b'{"a": NaN}',
    "a comma too many": b'{"a": 1,}',
    "a comment": b"{} // no",
    "single quotes": b"{'a': 1}",
    "two documents": b"{}{}",
    "half a document": b'{"resourceSpans": [',
    "an open text": b'{"a": "',
    "a trailing backslash": b'{"a": "\\',
    "control characters": b'{"a": "\x00"}',
    "a flag beyond 32 bits": good(flags=2**32),
    "a kind beyond 32 bits": good(kind=2**31),
    "text for flags": good(flags="x"),
    "an object for text": good(name={}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_J06_hostile_json_is_400_and_nothing_is_stored(receiver: RunningReceiver, name: str) -> None:
    before = counts(receiver)
    answer = post(receiver, HOSTILE[name])
    assert (answer.status, answer.headers["Content-Type"]) == (400, JSON)
    assert status_of(answer).message.startswith(REFUSED)
    assert counts(receiver) == before


def test_J06_a_key_that_comes_twice_is_said(receiver: RunningReceiver) -> None:
    answer = post(receiver, HOSTILE["the same key twice in a span"])
    assert status_of(answer).message == REFUSED + "an object has the same key twice"


def test_J06_texts_full_of_json_are_no_keys(receiver: RunningReceiver) -> None:
    texts = ['{"a": 1, "a": 2}', '":":', '\\":\\', "\\", '\\\\"', '"', ":,[{", '""', '\\"\\\\":"']
    sent = document(attributes=[{"key": text, "value": {"stringValue": text}} for text in texts])
    assert json.loads(row_of(receiver, sent, "attributes")[0]) == {text: text for text in texts}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b'{"resourceSpans": [' + b"{}," * 100_000 + b"{}]}",
            "the request has more than 100000 items: send smaller batches",
        ),
        (
            b'{"a": [' + b"[]," * 1_000_000 + b"[]]}",
            "the request has more than 2000000 values: send smaller batches",
        ),
    ],
)
def test_J06_more_than_a_request_may_have_is_413(
    receiver: RunningReceiver, body: bytes, message: str
) -> None:
    answer = post(receiver, body)
    assert (answer.status, status_of(answer).message) == (413, message)
