"""Jaeger's query API on a running receiver: what its clients read, by a schema of its documentation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.support.otlp import decision_span, pairs, span, trace_request
from tests.support.receiver import Answer, RunningReceiver

NOW = time.time_ns() // 1_000_000_000 * 1_000_000_000 - 60_000_000_000
SALE, LATER, BROKEN = b"trace-of-a-sale!", b"a-later-trace..!", b"trace-that-broke"
ROOT, CHAT, TOOL = b"rootspan", b"chatspan", b"toolspan"
HOSTILE = "<img src=x onerror=alert(1)>\"'${7*7}\u202e"

TYPES = ["string", "bool", "int64", "float64"]
KEY_VALUE = {
    "type": "object",
    "required": ["key", "type", "value"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": "string"},
        "type": {"enum": ["string", "bool", "int64", "float64"]},
        "value": {},
    },
    "allOf": [
        {
            "if": {"properties": {"type": {"const": kind}}},
            "then": {"properties": {"value": {"type": types}}},
        }
        for kind, types in (
            ("string", "string"),
            ("bool", "boolean"),
            ("int64", ["integer", "string"]),
            ("float64", "number"),
        )
    ],
}
SPAN_ID, TRACE_ID = ({"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"} for digits in (16, 32))
MICROSECONDS = {"type": "integer", "minimum": 0}
WARNINGS = {"type": ["array", "null"], "items": {"type": "string"}}
#: Jaeger's model/json, as its Go types have it: what they do not know is an error here.
TRACE = {
    "type": "object",
    "required": ["traceID", "spans", "processes", "warnings"],
    "additionalProperties": False,
    "properties": {
        "traceID": TRACE_ID,
        "warnings": WARNINGS,
        "processes": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["serviceName", "tags"],
                "additionalProperties": False,
                "properties": {
                    "serviceName": {"type": "string", "minLength": 1},
                    "tags": {"type": "array", "items": KEY_VALUE},
                },
            },
        },
        "spans": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": [
                    *("traceID", "spanID", "operationName", "references", "startTime", "duration"),
                    *("tags", "logs", "processID", "warnings"),
                ],
                "additionalProperties": False,
                "properties": {
                    "traceID": TRACE_ID,
                    "spanID": SPAN_ID,
                    "flags": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
                    "operationName": {"type": "string"},
                    "references": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["refType", "traceID", "spanID"],
                            "additionalProperties": False,
                            "properties": {
                                "refType": {"enum": ["CHILD_OF", "FOLLOWS_FROM"]},
                                "traceID": TRACE_ID,
                                "spanID": SPAN_ID,
                            },
                        },
                    },
                    "startTime": MICROSECONDS,
                    "duration": MICROSECONDS,
                    "tags": {"type": "array", "items": KEY_VALUE},
                    "logs": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["timestamp", "fields"],
                            "additionalProperties": False,
                            "properties": {
                                "timestamp": MICROSECONDS,
                                "fields": {"type": "array", "items": KEY_VALUE},
                            },
                        },
                    },
                    "processID": {"type": "string"},
                    "warnings": WARNINGS,
                },
            },
        },
    },
}
ENVELOPE = {
    "type": "object",
    "required": ["data", "total", "limit", "offset", "errors"],
    "additionalProperties": False,
    "properties": {
        "data": {"type": ["array", "null"]},
        **{name: {"type": "integer"} for name in ("total", "limit", "offset")},
        "errors": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["msg"],
                "additionalProperties": False,
                "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}, "traceID": TRACE_ID},
            },
        },
    },
}


def at(milliseconds: int, took: int = 5) -> dict[str, int]:
    """When a span was: so long after `NOW`."""
    start = NOW + milliseconds * 1_000_000
    return {"start_time_unix_nano": start, "end_time_unix_nano": start + took * 1_000_000}


def sale() -> list[Span]:
    """A clerk's run: a call of a model that was decided about, and a tool that failed."""
    chat = span(
        "chat gpt-4o",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 2**60,
            "app.ratio": 0.5,
            "app.new": True,
            "app.list": ["a", "b"],
            HOSTILE: HOSTILE,
        },
        trace_id=SALE, span_id=CHAT, parent_span_id=ROOT, kind=Span.SPAN_KIND_CLIENT, **at(1),
    )  # fmt: skip
    chat.events.add(name="first token", time_unix_nano=NOW + 2_000_000, attributes=pairs({"n": 1}))
    failed = Status(code=Status.STATUS_CODE_ERROR, message="no such order")
    tool = span(
        "execute_tool refund", {"gen_ai.tool.name": "refund"}, trace_id=SALE, span_id=TOOL,
        parent_span_id=CHAT, status=failed, trace_state="a=b", flags=257, **at(3),
    )  # fmt: skip
    tool.links.add(trace_id=LATER, span_id=ROOT)
    decided = decision_span(
        "block", ({},), {"promethios.decision.id": "d1"}, trace_id=SALE, parent_span_id=CHAT, **at(1, 0)
    )
    return [span("invoke_agent clerk", {}, trace_id=SALE, span_id=ROOT, **at(0, 10)), chat, tool, decided]


@pytest.fixture(scope="module")
def told(receiver: RunningReceiver) -> Iterator[RunningReceiver]:
    """A receiver that was told of the clerk, and of two services more."""
    clerk = {"service.name": "shop", "service.instance.id": "i1", "host.name": "pc"}
    later = span("ping", {}, trace_id=LATER, span_id=ROOT, **at(20_000, 2_000))
    broken = span(
        "ping", {}, trace_id=BROKEN, span_id=ROOT, start_time_unix_nano=NOW, end_time_unix_nano=NOW - 1
    )
    for spans, resource in (
        (sale(), clerk),
        ([later], {"service.name": "shop", "service.instance.id": "i2"}),
        ([broken], {}),
        ([span("ping", {}, **at(5))], {"service.name": "a/b c?&é"}),
    ):
        request = trace_request(*spans, resource=resource)
        assert receiver.post("/v1/traces", request.SerializeToString()).status == 200
    yield receiver


def get(receiver: RunningReceiver, path: str, headers: Any = None, /, **query: Any) -> Answer:
    """GET a path of Jaeger's API; the envelope is checked whatever it says."""
    answer = receiver.get(f"/jaeger/api/{path}", headers, **query)
    jsonschema.Draft202012Validator(ENVELOPE).validate(answer.json())
    return answer


def found(receiver: RunningReceiver, **query: Any) -> list[str]:
    """The ids of the traces that a search finds, each of which is a whole trace of Jaeger's."""
    answer = get(receiver, "traces", **query)
    assert answer.status == 200, answer.body
    for trace in answer.json()["data"]:
        jsonschema.Draft202012Validator(TRACE).validate(trace)
    return [bytes.fromhex(trace["traceID"]).decode() for trace in answer.json()["data"]]


def one(receiver: RunningReceiver, key: bytes = SALE) -> dict[str, Any]:
    answer = get(receiver, f"traces/{key.hex()}")
    assert answer.status == 200, answer.body
    (trace,) = answer.json()["data"]
    jsonschema.Draft202012Validator(TRACE).validate(trace)
    return dict(trace)


def by_name(trace: dict[str, Any], name: str) -> dict[str, Any]:
    return next(span for span in trace["spans"] if span["operationName"] == name)


def tags(of: dict[str, Any], field: str = "tags") -> dict[str, Any]:
    return {tag["key"]: (tag["type"], tag["value"]) for tag in of[field]}


def refusal(answer: Answer) -> tuple[int, str]:
    (error,) = answer.json()["errors"]
    assert answer.json()["data"] is None
    assert error["code"] == answer.status
    return answer.status, error["msg"]


def test_services_are_those_that_have_spans(told: RunningReceiver) -> None:
    answer = get(told, "services").json()
    assert answer["data"] == ["a/b c?&é", "shop", "unknown_service"]
    assert answer["total"] == 3


def test_operations_are_the_names_of_a_services_spans(told: RunningReceiver) -> None:
    names = ["chat gpt-4o", "execute_tool refund", "invoke_agent clerk", "ping", "promethios.decide"]
    assert get(told, "services/shop/operations").json()["data"] == names
    assert get(told, f"services/{quote('a/b c?&é', safe='')}/operations").json()["data"] == ["ping"]
    assert get(told, "services/nobody/operations").json()["data"] == []


def test_operations_by_kind(told: RunningReceiver) -> None:
    answer = get(told, "operations", service="shop", spanKind="client").json()
    assert answer["data"] == [{"name": "chat gpt-4o", "spanKind": "client"}]
    assert refusal(get(told, "operations")) == (400, "parameter 'service' is required")


def test_times_are_whole_microseconds_and_ids_are_those_of_w3c(told: RunningReceiver) -> None:
    root = by_name(one(told), "invoke_agent clerk")
    assert (root["startTime"], root["duration"]) == (NOW // 1_000, 10_000)
    assert (root["traceID"], root["spanID"]) == (SALE.hex(), ROOT.hex())


def test_a_parent_and_links_are_references(told: RunningReceiver) -> None:
    trace = one(told)
    assert by_name(trace, "invoke_agent clerk")["references"] == []
    assert by_name(trace, "execute_tool refund")["references"] == [
        {"refType": "CHILD_OF", "traceID": SALE.hex(), "spanID": CHAT.hex()},
        {"refType": "FOLLOWS_FROM", "traceID": LATER.hex(), "spanID": ROOT.hex()},
    ]


def test_tags_have_the_types_of_their_values(told: RunningReceiver) -> None:
    told_tags = tags(by_name(one(told), "chat gpt-4o"))
    assert told_tags["app.ratio"] == ("float64", 0.5)
    assert told_tags["app.new"] == ("bool", True)
    assert told_tags["app.list"] == ("string", '["a","b"]')
    assert told_tags["span.kind"] == ("string", "client")
    assert told_tags["gen_ai.usage.input_tokens"] == ("int64", str(2**60))
    assert "error" not in told_tags
    assert told_tags["otel.scope.name"] == ("string", "tests")


def test_a_failed_span_is_tagged_as_jaeger_does(told: RunningReceiver) -> None:
    tool = by_name(one(told), "execute_tool refund")
    told_tags = tags(tool)
    assert told_tags["error"] == ("bool", True)
    assert told_tags["otel.status_code"] == ("string", "ERROR")
    assert told_tags["otel.status_description"] == ("string", "no such order")
    assert told_tags["w3c.tracestate"] == ("string", "a=b")
    assert tool["flags"] == 257


def test_a_decision_is_tags_and_a_log_of_the_span_that_it_was_about(told: RunningReceiver) -> None:
    chat = by_name(one(told), "chat gpt-4o")
    assert tags(chat)["promethios.decision.verdict"] == ("string", "block")
    decided, event = chat["logs"]
    assert decided["timestamp"] == NOW // 1_000 + 1_000
    assert tags(decided, "fields")["event"] == ("string", "promethios.decide")
    assert tags(decided, "fields")["policies"] == ("string", "model-list")
    assert tags(decided, "fields")["reason"] == ("string", "not on the list")
    assert tags(event, "fields") == {"event": ("string", "first token"), "n": ("int64", 1)}
    assert event["timestamp"] == NOW // 1_000 + 2_000


def test_a_process_has_the_service_and_the_resource(told: RunningReceiver) -> None:
    trace = one(told)
    (process,) = trace["processes"].values()
    assert process["serviceName"] == "shop"
    assert tags(process) == {"service.instance.id": ("string", "i1"), "host.name": ("string", "pc")}
    assert {span["processID"] for span in trace["spans"]} == set(trace["processes"])


def test_a_span_that_ends_before_it_begins_has_a_warning(told: RunningReceiver) -> None:
    trace = one(told, BROKEN)
    (span_,) = trace["spans"]
    assert (span_["duration"], span_["warnings"]) == (0, ["it ends before it begins"])
    assert trace["processes"]["p1"]["serviceName"] == "unknown_service"


def test_hostile_names_and_values_are_text_k17(told: RunningReceiver) -> None:
    answer = told.get(f"/jaeger/api/traces/{SALE.hex()}")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert tags(by_name(answer.json()["data"][0], "chat gpt-4o"))[HOSTILE] == ("string", HOSTILE)
    assert found(told, service="shop", tags=json.dumps({HOSTILE: HOSTILE})) == [SALE.decode()]


def test_an_unknown_trace_is_not_found_in_jaegers_words(told: RunningReceiver) -> None:
    assert refusal(get(told, f"traces/{bytes(15).hex()}01")) == (404, "trace not found")
    assert refusal(get(told, "traces/0123456789abcdef")) == (404, "trace not found")


@pytest.mark.parametrize("text", ["xyz", "0", "0" * 33, "0" * 15 + "g"])
def test_what_is_no_id_is_told(told: RunningReceiver, text: str) -> None:
    expected = (400, f"a trace id has 16 or 32 hexadecimal digits, unlike '{text}'")
    assert refusal(get(told, f"traces/{text}")) == expected
    assert refusal(get(told, "traces", traceID=text)) == expected


def test_several_ids_and_those_that_are_not_there(told: RunningReceiver) -> None:
    asked = urlencode([("traceID", key.hex()) for key in (LATER, SALE, b"nothing-of-these", SALE)])
    answer = told.get(f"/jaeger/api/traces?{asked}").json()
    assert [trace["traceID"] for trace in answer["data"]] == [LATER.hex(), SALE.hex()]
    assert answer["errors"] == [{"msg": "trace not found", "traceID": b"nothing-of-these".hex()}]


def test_a_search_finds_the_newest_first_and_no_more_than_asked_for(told: RunningReceiver) -> None:
    assert found(told, service="shop") == [LATER.decode(), SALE.decode()]
    assert found(told, service="shop", limit=1) == [LATER.decode()]
    assert found(told, service="nobody") == []
    assert found(told, service="unknown_service") == [BROKEN.decode()]


def test_a_search_by_what_grafana_sends(told: RunningReceiver) -> None:
    sent = {"lookback": "custom", "minDuration": "", "maxDuration": "", "tags": "", "operation": ""}
    start, end = NOW // 1_000 - 1, NOW // 1_000 + 60_000_000
    assert found(told, service="shop", limit=20, start=start, end=end, **sent) == [
        LATER.decode(),
        SALE.decode(),
    ]
    assert found(told, service="shop", start=start, end=NOW // 1_000 + 1_000_000) == [SALE.decode()]
    assert found(told, service="shop", start=start - 10, end=start) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"operation": "ping"}, [LATER]),
        ({"operation": "nothing"}, []),
        ({"minDuration": "1s"}, [LATER]),
        ({"minDuration": "1.5s", "maxDuration": "2000ms"}, [LATER]),
        ({"minDuration": "1h2m"}, []),
        ({"maxDuration": "10000us"}, [SALE]),
        ({"tags": '{"error":"true"}'}, [SALE]),
        ({"tags": '{"error":"false"}'}, [LATER, SALE]),
        ({"tags": '{"error":"maybe"}'}, []),
        ({"tags": '{"otel.status_code":"ERROR"}'}, [SALE]),
        ({"tags": '{"otel.status_code":"OK"}'}, []),
        ({"tags": '{"otel.status_description":"no such order"}'}, [SALE]),
        ({"tags": '{"span.kind":"client"}'}, [SALE]),
        ({"tags": '{"span.kind":"server"}'}, []),
        ({"tags": '{"gen_ai.request.model":"gpt-4o"}'}, [SALE]),
        ({"tags": '{"gen_ai.usage.input_tokens":"1152921504606846976"}'}, [SALE]),
        ({"tags": '{"gen_ai.tool.name":"refund","error":"true"}'}, [SALE]),
        ({"tags": '{"gen_ai.tool.name":"refund","app.new":"true"}'}, []),
        ({"tags": '{"app.new":"true"}'}, [SALE]),
        ({"tags": '{"app.new":"1"}'}, []),
        ({"tags": '{"app.ratio":"0.5"}'}, [SALE]),
        ({"tags": '{"app.list":"[\\"a\\",\\"b\\"]"}'}, [SALE]),
        ({"tags": '{"promethios.decision.verdict":"block"}'}, [SALE]),
        ({"tags": '{"promethios.decision.verdict":"allow"}'}, []),
        ({"tags": '{"promethios.decision.id":"d1"}'}, [SALE]),
        ({"tags": '{"otel.scope.name":"tests"}'}, [LATER, SALE]),
        ({"tags": '{"otel.scope.name":"others"}'}, []),
        ({"tags": '{"service.instance.id":"i2"}'}, [LATER]),
        ({"tags": '{"host.name":"pc"}'}, [SALE]),
        ({"tags": '{"app.":"true"}'}, []),
        ({"tag": "host.name:pc"}, [SALE]),
        ({"tag": "app.none:a:b"}, []),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_search_by_what_one_span_says(
    told: RunningReceiver, asked: dict[str, str], expected: list[bytes]
) -> None:
    assert found(told, service="shop", **asked) == [key.decode() for key in expected]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "parameter 'service' is required"),
        ({"service": ""}, "parameter 'service' is required"),
        ({"limit": "0"}, "'limit' must be a whole number from 1 to 1500, not '0'"),
        ({"limit": "many"}, "'limit' must be a whole number from 1 to 1500, not 'many'"),
        ({"start": "-1"}, "'start' must be Unix microseconds, from 0 to 9223372036854774, not '-1'"),
        ({"end": "9" * 18}, f"'end' must be Unix microseconds, from 0 to 9223372036854774, not '{'9' * 18}'"),
        ({"start": "2", "end": "1"}, "'start' (2) is after 'end' (1): both are Unix microseconds"),
        ({"minDuration": "1"}, "'minDuration' must be a duration such as 100ms or 1.5s, not '1'"),
        ({"maxDuration": "-1s"}, "'maxDuration' must be a duration such as 100ms or 1.5s, not '-1s'"),
        ({"minDuration": "2s", "maxDuration": "1s"}, "'maxDuration' should be greater than 'minDuration'"),
        ({"tag": "error"}, "malformed 'tag' parameter, expecting key:value, received: error"),
        (
            {"tags": '{"a":1}'},
            'malformed \'tags\' parameter, expecting an object of texts, such as {"error":"true"}',
        ),
        (
            {"tags": json.dumps({str(n): "" for n in range(21)})},
            "more than 20 tags, or one longer than 10000 characters",
        ),
        ({"operation": "x" * 10_001}, "'operation' is longer than 10000 characters"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_asked_is_told(told: RunningReceiver, asked: dict[str, str], message: str) -> None:
    query = asked if "service" in asked or not asked else {"service": "shop", **asked}
    assert refusal(get(told, "traces", **query)) == (400, message)


def test_tags_that_are_no_json_are_told(told: RunningReceiver) -> None:
    status, message = refusal(get(told, "traces", service="shop", tags="{"))
    assert status == 400
    assert message.startswith("malformed 'tags' parameter, cannot unmarshal JSON: ")


def test_an_address_that_is_not_jaegers_is_refused_in_its_form(told: RunningReceiver) -> None:
    assert refusal(get(told, "dependencies"))[0] == 404
    status, message = refusal(told.request("POST", "/jaeger/api/traces", b"", told.admin))
    assert status == 405
    assert message.startswith("POST is not possible at '/jaeger/api/traces': use ")


def test_it_takes_a_key_that_reads(told: RunningReceiver) -> None:
    assert refusal(get(told, "services", {}))[0] == 401
    assert refusal(get(told, "services", told.ingest)) == (
        403,
        "this API key lacks the scope 'read': use a key that has it",
    )


def test_a_trace_with_more_spans_than_there_is_room_for_says_so(told: RunningReceiver) -> None:
    large = b"a-large-trace..!"
    spans = [span(f"step {number}", {}, trace_id=large, **at(number)) for number in range(101)]
    request = trace_request(*spans, resource={"service.name": "large"})
    assert told.post("/v1/traces", request.SerializeToString()).status == 200
    asked = urlencode(
        [("traceID", large.hex()), *(("traceID", f"{number:032x}") for number in range(1, 100))]
    )
    (trace,) = told.get(f"/jaeger/api/traces?{asked}").json()["data"]
    jsonschema.Draft202012Validator(TRACE).validate(trace)
    assert trace["warnings"] == ["this trace has more than 100 spans: the first 100 are shown"]
    assert [each["operationName"] for each in trace["spans"]] == [f"step {number}" for number in range(100)]
    assert one(told, large)["warnings"] is None
    assert refusal(told.get(f"/jaeger/api/traces?{asked}&traceID={'f' * 32}")) == (
        400,
        "more than 100 'traceID' parameters: ask for fewer at once",
    )
