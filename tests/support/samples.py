"""Requests that conformance is shown with: good ones, and good ones with a bad item between."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from tests.support.otlp import gauge, logs_request, metrics_request, pairs, record, span, trace_request
from tests.support.receiver import RunningReceiver

#: For each signal, the field of `partial_success` that counts what was refused, and the table of its items.
REJECTED = {"traces": "rejected_spans", "metrics": "rejected_data_points", "logs": "rejected_log_records"}
TABLES = {"traces": "spans", "metrics": "metric_points", "logs": "logs"}

_TOO_MANY = pairs({str(number): number for number in range(1_025)})
_BEYOND = 2**64 - 1
MOST_BYTES = 16 * 1024 * 1024


def good(signal: str) -> Message:
    """A request with two good items."""
    return wrapped(signal, item(signal), item(signal))


def item(signal: str) -> Any:
    """A good item, other than every one before."""
    if signal == "traces":
        return span()
    return gauge("queue.length", 1) if signal == "metrics" else record()


def wrapped(signal: str, *items: Any) -> Message:
    """A request with these items."""
    return {"traces": trace_request, "metrics": metrics_request, "logs": logs_request}[signal](*items)


def _histogram_beyond() -> Metric:
    metric = Metric(name="beyond")
    metric.histogram.data_points.add(time_unix_nano=1, count=_BEYOND)
    return metric


def _deep_span() -> Any:
    found = span("deep")
    value = found.attributes.add(key="deep").value
    for _ in range(33):
        value = value.array_value.values.add()
    return found


def _with_attributes(found: Any) -> Any:
    found.attributes.extend(_TOO_MANY)
    return found


#: One item that cannot be stored, by what is wrong with it: its signal, how it is made, and what is said.
BAD: dict[str, tuple[str, Callable[[], Any], str]] = {
    "a short trace id": (
        "traces",
        lambda: span("bad", trace_id=b"1234"),
        "span 'bad': its trace id must be 16 bytes, not all zero, and has 4",
    ),
    "a trace id of zeros": (
        "traces",
        lambda: span("bad", trace_id=bytes(16)),
        "span 'bad': its trace id must be 16 bytes, not all zero, and has 16",
    ),
    "no span id": (
        "traces",
        lambda: span("bad", span_id=b""),
        "span 'bad': its span id must be 8 bytes, not all zero, and has 0",
    ),
    "a long parent": (
        "traces",
        lambda: span("bad", parent_span_id=bytes(range(16))),
        "span 'bad': its parent span id must be 0 or 8 bytes and has 16",
    ),
    "a start beyond int64": (
        "traces",
        lambda: span("bad", start_time_unix_nano=_BEYOND),
        f"span 'bad': the start time {_BEYOND} is beyond 2^63-1",
    ),
    "an end beyond int64": (
        "traces",
        lambda: span("bad", end_time_unix_nano=_BEYOND),
        f"span 'bad': the end time {_BEYOND} is beyond 2^63-1",
    ),
    "a span of too many attributes": (
        "traces",
        lambda: _with_attributes(span("bad")),
        "span 'bad': more than 1024 attributes",
    ),
    "a span of too large an attribute": (
        "traces",
        lambda: span("bad", {"huge": "x" * MOST_BYTES}),
        f"span 'bad': {MOST_BYTES + 11} bytes of attributes or values, and {MOST_BYTES} are the most",
    ),
    "a value nested too deeply": (
        "traces",
        _deep_span,
        "span 'deep': a value is nested more than 32 levels deep",
    ),
    "a point that is NaN": (
        "metrics",
        lambda: gauge("bad", math.nan),
        "point of 'bad': the value is NaN",
    ),
    "a point's time beyond int64": (
        "metrics",
        lambda: gauge("bad", 1, time_unix_nano=_BEYOND),
        f"point of 'bad': the time {_BEYOND} is beyond 2^63-1",
    ),
    "a count beyond int64": (
        "metrics",
        _histogram_beyond,
        f"point of 'beyond': the count {_BEYOND} is beyond 2^63-1",
    ),
    "a record's short trace id": (
        "logs",
        lambda: record(trace_id=b"1"),
        "log record: its trace id must be 0 or 16 bytes and has 1",
    ),
    "a record's long span id": (
        "logs",
        lambda: record(span_id=bytes(range(9))),
        "log record: its span id must be 0 or 8 bytes and has 9",
    ),
    "a record's time beyond int64": (
        "logs",
        lambda: record(time_unix_nano=_BEYOND),
        f"log record: the time {_BEYOND} is beyond 2^63-1",
    ),
    "a record of too many attributes": (
        "logs",
        lambda: _with_attributes(record()),
        "log record: more than 1024 attributes",
    ),
}


def counts(receiver: RunningReceiver) -> dict[str, int]:
    """How many items of each signal the database itself has, read beside the receiver."""
    connection = sqlite3.connect(receiver.db)
    found = {
        signal: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for signal, table in TABLES.items()
    }
    connection.close()
    return found


def stored(receiver: RunningReceiver, table: str, *columns: str, **where: Any) -> list[tuple[Any, ...]]:
    """Columns of the rows that the database has in a table, where other columns are as given."""
    condition = " AND ".join(f"{name} = ?" for name in where) or "1"
    connection = sqlite3.connect(receiver.db)
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE {condition} ORDER BY rowid"
    found = connection.execute(query, tuple(where.values())).fetchall()
    connection.close()
    return found
