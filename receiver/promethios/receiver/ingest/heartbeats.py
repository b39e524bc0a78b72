"""Heartbeats as rows: an agent's event, shaped as OpAMP's ``AgentToServer``, or no more than its metric.

The event is a log record. It is stored here and not among the logs: one each half minute would be in the way
of what agents log. Nothing in it is believed to be there or to be of its type: what cannot be read is null,
and that the agent lives is stored all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from promethios.governance import semconv
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.dialects import EVENT_NAME
from promethios.receiver.ingest.values import INT64_MAX, int64, json_text, value_of

#: How many characters a text may have, and how many reasons and libraries are kept.
_LONGEST: Final = 300
_MOST: Final = 32
_DISCONNECT: Final = ("agent_disconnect", "agentDisconnect")


@dataclass(frozen=True, slots=True)
class _Beat:
    """A row of `heartbeats`, in the order of its columns, without its id."""

    tenant_id: int
    agent_id: str
    instance_id: str
    time_unix_nano: int
    value: float | None
    received_unix_nano: int
    clock_offset_nano: int | None
    sequence_num: int | None = None
    start_unix_nano: int | None = None
    uptime_seconds: float | None = None
    interval_seconds: float | None = None
    stopped: int | None = None
    healthy: int | None = None
    last_error: str | None = None
    mode: str | None = None
    bundle_name: str | None = None
    bundle_version: str | None = None
    bundle_hash: str | None = None
    adapters: str | None = None
    governed: int | None = None
    ungoverned: int | None = None
    queued: int | None = None
    spooled: int | None = None
    sent: int | None = None
    dropped: int | None = None
    dropped_by: str | None = None


def is_heartbeat(record: LogRecord, attributes: Mapping[str, Any]) -> bool:
    """Whether a log record is the event of a heartbeat; before OTLP 1.5 an attribute named events."""
    return semconv.HEARTBEAT_EVENT in (record.event_name, attributes.get(EVENT_NAME))


def add_sign_of_life(
    batch: Batch, origin: Origin, agent_id: str, attributes: Mapping[str, Any], when: int, value: float | None
) -> None:
    """Add a heartbeat that the metric tells: 1 that an agent lives, 0 that it is ending."""
    instance = str(attributes.get(semconv.SERVICE_INSTANCE_ID) or origin.instance_id)
    offset = when - batch.received if when else None
    row = _Beat(origin.tenant_id, agent_id, instance, when, value, batch.received, offset, stopped=value == 0)
    batch.add("heartbeats", _row(row))


def add_heartbeat(batch: Batch, origin: Origin, record: LogRecord, attributes: dict[str, Any]) -> None:
    """Add the heartbeat that an event tells.

    Raises:
        ItemError: Its time is none that the database can hold, or its body is nested too deeply.
    """
    told = int64(record.time_unix_nano, "the time") or int64(
        record.observed_time_unix_nano, "the observed time"
    )
    when = told or batch.received
    body = value_of(record.body)
    message = body if isinstance(body, dict) else {}
    health = _map(message.get("health"))
    dropped = _counts(attributes.get(semconv.METRIC_DROPPED))
    stopped = any(isinstance(message.get(name), dict) for name in _DISCONNECT)
    row = _Beat(
        tenant_id=origin.tenant_id,
        agent_id=batch.agent(origin, attributes, when),
        instance_id=_instance(origin, attributes, message),
        time_unix_nano=when,
        value=0.0 if stopped else 1.0,
        received_unix_nano=batch.received,
        clock_offset_nano=told - batch.received if told else None,
        # 0 where it does not number them: that it is an event, and not the metric, is known by this column.
        sequence_num=_whole(_either(message, "sequence_num")) or 0,
        start_unix_nano=_whole(_either(health, "start_time_unix_nano")),
        uptime_seconds=_real(attributes.get(semconv.AGENT_UPTIME)),
        interval_seconds=_real(attributes.get(semconv.AGENT_INTERVAL)),
        stopped=stopped,
        healthy=_flag(health.get("healthy")),
        last_error=_last_error(health),
        mode=_text(attributes.get(semconv.AGENT_MODE)),
        bundle_name=_text(attributes.get(semconv.BUNDLE_NAME)),
        bundle_version=_text(attributes.get(semconv.BUNDLE_VERSION)),
        bundle_hash=_text(attributes.get(semconv.BUNDLE_HASH)),
        adapters=_names(attributes.get(semconv.AGENT_ADAPTERS)),
        governed=_whole(attributes.get(semconv.COVERAGE_GOVERNED)),
        ungoverned=_whole(attributes.get(semconv.COVERAGE_UNGOVERNED)),
        queued=_whole(attributes.get(semconv.METRIC_QUEUED)),
        spooled=_whole(attributes.get(semconv.METRIC_SPOOLED)),
        sent=_whole(attributes.get(semconv.METRIC_SENT)),
        dropped=None if dropped is None else min(sum(dropped.values()), INT64_MAX),
        dropped_by=None if dropped is None else json_text(dropped),
    )
    batch.add("heartbeats", _row(row))


def _row(beat: _Beat) -> tuple[Any, ...]:
    return tuple(int(value) if isinstance(value, bool) else value for value in astuple(beat))


def _instance(origin: Origin, attributes: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    """The process, as its other telemetry names it; where that does not, as OpAMP does."""
    told = attributes.get(semconv.SERVICE_INSTANCE_ID) or origin.instance_id
    return str(told or _text(_either(message, "instance_uid")) or "")[:_LONGEST]


def _last_error(health: Mapping[str, Any]) -> str | None:
    """The agent's, else that of its delivery, which may be over."""
    components = _map(_either(health, "component_health_map"))
    delivery = _map(components.get("delivery"))
    return _text(_either(health, "last_error")) or _text(_either(delivery, "last_error"))


def _either(message: Mapping[str, Any], name: str) -> Any:
    """A field by its name in ``opamp.proto``, or as protobuf's JSON prefers to write it."""
    first, *others = name.split("_")
    return message.get(name, message.get(first + "".join(map(str.capitalize, others))))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) and value else None


def _names(value: Any) -> str | None:
    """Names joined by commas; empty where there are none, None where that is not told."""
    if not isinstance(value, list):
        return None
    return ", ".join(name[:_LONGEST] for name in value[:_MOST] if isinstance(name, str))


def _whole(value: Any) -> int | None:
    """A number from 0; 64-bit ones are text in protobuf's JSON."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 <= value <= INT64_MAX else None


def _real(value: Any) -> float | None:
    known = type(value) in (int, float) and math.isfinite(value) and value >= 0
    return float(value) if known else None


def _flag(value: Any) -> int | None:
    return int(value) if isinstance(value, bool) else None


def _counts(value: Any) -> dict[str, int] | None:
    """How many, by reason."""
    if not isinstance(value, dict):
        return None
    counts = {str(name)[:_LONGEST]: _whole(count) for name, count in list(value.items())[:_MOST]}
    return {name: count for name, count in counts.items() if count}
