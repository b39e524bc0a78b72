"""Items of telemetry that are known by one id each, in the request that carries them and in the database."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from google.protobuf.message import Message
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)

#: An id is its kind's letter and 15 hexadecimal digits, so that a metric point can hold it as a number.
KINDS: Final = "sdlm"
#: Times are within 20 hours before this process began, and each item has its own.
_TIME: Final = time.time_ns()
_DIGITS: Final = 2**46 - 1
_RESOURCE: Final = {"service.name": "faults", "gen_ai.agent.id": "sender"}
_FILLING: Final = {f"filling.{number}": "x" * 60 for number in range(6)}


def new_ids(kind: str, number: int) -> list[str]:
    """Ids that nobody else has."""
    return [kind + secrets.token_hex(8)[1:] for _ in range(number)]


def _span_ids(item: str) -> dict[str, bytes]:
    return {"trace_id": bytes.fromhex(f"{item[1:]:0>32}"), "span_id": bytes.fromhex(f"{item[1:]:0>16}")}


def _times(item: str) -> int:
    return _TIME - (int(item[1:], 16) & _DIGITS)


def _span(item: str) -> Any:
    at = {"start_time_unix_nano": _times(item), "end_time_unix_nano": _times(item) + 1_000}
    if item[0] == "d":
        return decision_span(attributes={"promethios.decision.id": item[1:]}, **_span_ids(item), **at)
    return span(attributes=_FILLING, **_span_ids(item), **at)


def _spans(items: Iterable[str]) -> Message:
    return trace_request(*map(_span, items), resource=_RESOURCE)


def _logs(items: Iterable[str]) -> Message:
    records = (record(item[1:], time_unix_nano=_times(item)) for item in items)
    return logs_request(*records, resource=_RESOURCE)


def _metrics(items: Iterable[str]) -> Message:
    points = (gauge("fault", int(item[1:], 16), time_unix_nano=_times(item)) for item in items)
    return metrics_request(*points, resource=_RESOURCE)


#: What makes a request of a kind, its path over HTTP, and its service over gRPC.
REQUESTS: Final[dict[str, tuple[Callable[[Iterable[str]], Message], str, str]]] = {
    "s": (_spans, "/v1/traces", "trace.v1.TraceService"),
    "d": (_spans, "/v1/traces", "trace.v1.TraceService"),
    "l": (_logs, "/v1/logs", "logs.v1.LogsService"),
    "m": (_metrics, "/v1/metrics", "metrics.v1.MetricsService"),
}

_STORED: Final = (
    ("s", "SELECT substr(lower(hex(span_id)), 2) FROM spans WHERE name <> 'promethios.decide'"),
    ("d", "SELECT substr(lower(hex(span_id)), 2) FROM spans WHERE name = 'promethios.decide'"),
    ("d", "SELECT decision_id FROM decisions"),
    ("l", "SELECT body FROM logs"),
    ("m", "SELECT printf('%015x', value_int) FROM metric_points WHERE value_int IS NOT NULL"),
)


def stored(connection: sqlite3.Connection) -> list[list[str]]:
    """The ids of each table, as often as they are there."""
    return [[kind + row[0] for row in connection.execute(sql)] for kind, sql in _STORED]
