"""Log records as rows."""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.dialects import EVENT_NAME, add_others_of_record
from promethios.receiver.ingest.envelope import with_resource, with_scope
from promethios.receiver.ingest.heartbeats import add_heartbeat, is_heartbeat
from promethios.receiver.ingest.values import (
    ItemError,
    attributes_of,
    int64,
    json_text,
    text_hash,
    value_of,
)

#: Where a row has its time.
_TIME: Final = 2
#: Trace, span, resource, scope, time and time observed; severity, flags and dropped attributes.
_NUMBERS: Final = Struct("<16s8s4qiII").pack


def add_logs(batch: Batch, origin: Origin, request: ExportLogsServiceRequest) -> None:
    """Add every log record of a request to `batch`, or refuse it there. A heartbeat is a row of `heartbeats`.

    A record has no id. It is known by a hash of itself, its scope and its resource, and by its place among
    identical ones in the request: so the same request sent again adds nothing, and two equal lines both stay.
    """
    seen: dict[bytes, int] = {}
    for resource_logs in request.resource_logs:
        try:
            here = with_resource(batch, origin, resource_logs.resource)
        except ItemError as error:
            for scope_logs in resource_logs.scope_logs:
                _reject_all(batch, scope_logs.log_records, f"its resource has {error}")
            continue
        for scope_logs in resource_logs.scope_logs:
            try:
                there = with_scope(batch, here, scope_logs.scope)
            except ItemError as error:
                _reject_all(batch, scope_logs.log_records, f"its scope has {error}")
                continue
            for record in scope_logs.log_records:
                _add_record(batch, there, record, seen)


def _reject_all(batch: Batch, records: Any, reason: str) -> None:
    for _ in records:
        batch.reject("log record", reason)


def _add_record(batch: Batch, origin: Origin, record: LogRecord, seen: dict[bytes, int]) -> None:
    try:
        attributes = attributes_of(record.attributes)
        if is_heartbeat(record, attributes):
            add_heartbeat(batch, origin, record, attributes)
            return
        row = _row(batch, origin, record, attributes)
    except ItemError as error:
        batch.reject("log record", error)
        return
    digest = _hash(record, row)
    ordinal = seen.get(digest, 0)
    seen[digest] = ordinal + 1
    batch.add("logs", (origin.tenant_id, digest, ordinal, *row))
    if record.event_name or EVENT_NAME in attributes:
        key = digest + ordinal.to_bytes(8)
        add_others_of_record(batch, origin, record, attributes, row[_TIME], key)


def _hash(record: LogRecord, row: tuple[Any, ...]) -> bytes:
    """A hash over what the record says: its own time, and not the one that it was received at."""
    resource_id, scope_id, _, observed, severity, severity_text, _, body, event_name, *_, flags, told = row
    numbers = _NUMBERS(
        record.trace_id,
        record.span_id,
        resource_id,
        scope_id,
        record.time_unix_nano,
        observed,
        severity,
        flags,
        record.dropped_attributes_count,
    )
    # Text that looks like JSON is something else than the list that it looks like.
    kind = record.body.WhichOneof("value") or ""
    said = body or ""
    return text_hash(
        numbers,
        f"{len(severity_text)} {len(event_name)} {len(told)} {len(kind)} {len(said)}",
        f"{severity_text}{event_name}{told}{kind}{said}",
    )


def _row(batch: Batch, origin: Origin, record: LogRecord, attributes: dict[str, Any]) -> tuple[Any, ...]:
    if len(record.trace_id) not in (0, 16):
        raise ItemError(f"its trace id must be 0 or 16 bytes and has {len(record.trace_id)}")
    if len(record.span_id) not in (0, 8):
        raise ItemError(f"its span id must be 0 or 8 bytes and has {len(record.span_id)}")
    observed = int64(record.observed_time_unix_nano, "the observed time")
    when = int64(record.time_unix_nano, "the time") or observed or batch.received
    return (
        origin.resource_id,
        origin.scope_id,
        when,
        observed,
        record.severity_number,
        record.severity_text,
        batch.agent(origin, attributes, when),
        _body(record),
        record.event_name,
        record.trace_id or None,
        record.span_id or None,
        record.flags,
        json_text(attributes),
    )


def _body(record: LogRecord) -> str | None:
    """Text as it is, anything else as JSON."""
    if text := record.body.string_value:
        return text
    body = value_of(record.body)
    return body if body is None or isinstance(body, str) else json_text(body)
