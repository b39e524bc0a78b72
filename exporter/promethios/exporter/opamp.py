"""An agent's state in the words of OpAMP: ``AgentToServer``, in protobuf's JSON with its own field names.

    https://opentelemetry.io/docs/specs/opamp/#agenttoserver-message

Nothing here speaks OpAMP: the message travels as the body of a log record, through any Collector, and whoever
has an OpAMP server can hand it on as it is. Every message is whole (none leaves out what has not changed), so
that none depends on one before it, which may have been lost.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from promethios.governance import semconv
from promethios.governance.decision import BundleId

#: ReportsStatus, ReportsEffectiveConfig, ReportsHealth and ReportsHeartbeat.
CAPABILITIES: Final = 0x1 | 0x4 | 0x800 | 0x2000

#: Of the resource, what says which agent it is, and what describes where it runs.
_IDENTIFYING: Final = (
    semconv.SERVICE_NAME,
    "service.namespace",
    semconv.SERVICE_VERSION,
    semconv.SERVICE_INSTANCE_ID,
    semconv.AGENT_ID,
    semconv.AGENT_NAME,
    semconv.AGENT_VERSION,
)
_DESCRIBING: Final = (
    semconv.DEPLOYMENT_ENVIRONMENT,
    "host.name",
    "os.version",
    "container.id",
    "k8s.namespace.name",
    "k8s.pod.name",
    "cloud.region",
    "telemetry.sdk.version",
)
#: Bytes that an attribute and an error may have: a heartbeat stays below 4 KB whatever they hold.
LONGEST: Final = 100
_LONGEST_ERROR: Final = 240
#: How many libraries are named.
_MOST: Final = 12

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What one heartbeat tells.

    Args:
        resource: The attributes of the process' resource.
        sequence: The number of the heartbeat in its process, from 1.
        started: When the process began, Unix nanoseconds.
        now: When this was said, Unix nanoseconds.
        bundle: The policies in force; None without any.
        mode: ``enforce``, ``shadow`` or ``none``.
        adapters: The libraries that are guarded.
        delivery: How delivery fares: ``delivering``, ``retrying`` or ``parked``.
        last_error: What delivery failed with last; empty where it did not.
        last_error_at: When that was, Unix nanoseconds.
        goodbye: Whether it is the last one.
    """

    resource: Mapping[str, Any]
    sequence: int
    started: int
    now: int
    bundle: BundleId | None
    mode: str
    adapters: tuple[str, ...]
    delivery: str = "delivering"
    last_error: str = ""
    last_error_at: int = 0
    goodbye: bool = False


def agent_to_server(report: Report) -> Message:
    """The message, as the JSON of ``opamp.proto`` has it."""
    message: Message = {
        "instance_uid": _text_of(_instance_uid(report.resource)),
        "sequence_num": report.sequence,
        "agent_description": {
            "identifying_attributes": _pairs(report.resource, _IDENTIFYING),
            "non_identifying_attributes": [*_here(), *_pairs(report.resource, _DESCRIBING)],
        },
        "capabilities": CAPABILITIES,
        "health": _health(report),
        "effective_config": {"config_map": {"config_map": {"promethios": _config(report)}}},
    }
    if report.goodbye:
        message["agent_disconnect"] = {}
    return message


def _health(report: Report) -> Message:
    """The agent, and below it its delivery and its governance with the libraries that are guarded."""
    healthy = report.delivery == "delivering"
    error = cut(report.last_error, _LONGEST_ERROR)
    guarded = {cut(name): _component(True, "guarded") for name in report.adapters[:_MOST]}
    governance = _component(True, report.mode) | ({"component_health_map": guarded} if guarded else {})
    delivery = _component(healthy, report.delivery)
    if error:
        delivery |= {"last_error": error, "status_time_unix_nano": report.last_error_at}
    return {
        "healthy": healthy,
        "start_time_unix_nano": report.started,
        "last_error": "" if healthy else error,
        "status": "stopped" if report.goodbye else "running",
        "status_time_unix_nano": report.now,
        "component_health_map": {"delivery": delivery, "governance": governance},
    }


def _component(healthy: bool, status: str) -> Message:
    return {"healthy": healthy, "status": status}


def _config(report: Report) -> Message:
    """What is in force: the policies by name, version and hash, never their text."""
    config: Message = {"mode": report.mode}
    if report.bundle:
        found = report.bundle
        config["bundle"] = {"name": cut(found.name), "version": cut(found.version), "hash": found.hash}
    body = json.dumps(config, ensure_ascii=False, separators=(",", ":")).encode()
    return {"body": _text_of(body), "content_type": "application/json"}


def _pairs(resource: Mapping[str, Any], names: Iterable[str]) -> list[Message]:
    return [_pair(name, cut(resource[name])) for name in names if resource.get(name) not in (None, "")]


def _here() -> list[Message]:
    """Where it runs, as far as that needs no look beyond this process."""
    return [
        _pair("os.type", platform.system().lower()),
        _pair("process.pid", os.getpid()),
        _pair("process.runtime.name", platform.python_implementation().lower()),
        _pair("process.runtime.version", platform.python_version()),
    ]


def _pair(key: str, value: str | int) -> Message:
    kind = "string_value" if isinstance(value, str) else "int_value"
    return {"key": key, "value": {kind: value}}


def _instance_uid(resource: Mapping[str, Any]) -> bytes:
    """16 bytes: the instance's own id where it is a UUID, else one that is always the same for it."""
    told = str(resource.get(semconv.SERVICE_INSTANCE_ID, ""))
    try:
        return uuid.UUID(told).bytes
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, told).bytes


def cut(value: Any, longest: int = LONGEST) -> str:
    """The text of a value, so many bytes of it in UTF-8."""
    return str(value)[:longest].encode("utf-8", "replace")[:longest].decode("utf-8", "ignore")


def _text_of(data: bytes) -> str:
    """Bytes as protobuf's JSON has them."""
    return base64.b64encode(data).decode("ascii")
