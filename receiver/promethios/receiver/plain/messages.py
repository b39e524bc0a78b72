"""What OTLP's messages are made of: attributes and resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from promethios.governance import semconv
from promethios.receiver.plain import fields

#: The instrumentation scope of all that came as plain JSON.
SCOPE: Final = "promethios.plain"

#: One object, read.
Told = dict[str, Any]


def resource_of(item: Told) -> list[KeyValue]:
    """The resource that an object is of: its agent, unless it names a service."""
    resource = {semconv.SERVICE_NAME: item.get("service_name", item["agent_id"])}
    if "instance_id" in item:
        resource[semconv.SERVICE_INSTANCE_ID] = item["instance_id"]
    return pairs(resource)


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP has them."""
    return [KeyValue(key=key, value=value_of(item)) for key, item in attributes.items()]


def value_of(item: Any) -> AnyValue:
    """Text, a boolean, a number, or a list of them as OTLP has it."""
    if isinstance(item, list):
        found = AnyValue()
        found.array_value.values.extend(value_of(each) for each in item)
        return found
    if isinstance(item, str):
        return AnyValue(string_value=item)
    if isinstance(item, bool):
        return AnyValue(bool_value=item)
    kept = fields.number(item)
    return AnyValue(int_value=kept) if isinstance(kept, int) else AnyValue(double_value=kept)
