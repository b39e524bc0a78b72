"""Values and items that are too long, cut before they are sent: evidence of something huge stays evidence.

The SDK keeps an attribute of 50 MiB, and a receiver that limits its requests then refuses the batch with all
that is in it. Here a value longer than 64 KiB keeps its beginning, and says at its end how long it was and
what it was (a hash, so that equal ones can be told). An item of more than 1 MiB has its values cut shorter,
and if that is not enough loses its last events, links and attributes, counted as OTLP counts dropped ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

KIB: Final = 1024
#: The longest value, bytes in UTF-8.
VALUE_BYTES: Final = 64 * KIB
#: The largest span, log record or metric, bytes as encoded.
ITEM_BYTES: Final = 1024 * KIB
#: How long values may still be, one after the other, in an item that is too large.
_SHORTER: Final = (16 * KIB, 4 * KIB, KIB, 256)

#: How the lists of each signal are called: `resource_spans` holds `scope_spans`, and these `spans`.
_LEVELS: Final = (("spans", "spans"), ("logs", "log_records"), ("metrics", "metrics"))

#: What an item can lose from its end, and where OTLP counts it: bulk before what identifies it.
_DROPPED: Final = (
    ("events", "dropped_events_count"),
    ("links", "dropped_links_count"),
    ("attributes", "dropped_attributes_count"),
)


def cut(request: Any) -> bool:
    """Bring everything in an OTLP request within the limits, in place.

    Args:
        request: An ``Export…ServiceRequest``, or a message of the same fields.

    Returns:
        Whether anything had to be cut.
    """
    found = [_cut_item(item) for item in _items(request) if item.ByteSize() > VALUE_BYTES]
    return any(found)


def _items(request: Any) -> Iterator[Any]:
    """Resources, scopes, and the spans, records or metrics in them."""
    signal, items = next(
        each for each in _LEVELS if f"resource_{each[0]}" in request.DESCRIPTOR.fields_by_name
    )
    for resource in getattr(request, f"resource_{signal}"):
        yield resource.resource
        for scope in getattr(resource, f"scope_{signal}"):
            yield scope.scope
            yield from getattr(scope, items)


def _cut_item(item: Any) -> bool:
    cut_any = _shorten(item, VALUE_BYTES)
    for limit in _SHORTER:
        if item.ByteSize() <= ITEM_BYTES:
            return cut_any
        cut_any = _shorten(item, limit) or cut_any
    for field, counter in _DROPPED:
        _drop(item, field, counter)
    return True


def _shorten(message: Message, limit: int) -> bool:
    """Cut every text in a message that is longer than `limit`; returns whether there was one."""
    if isinstance(message, AnyValue) and message.WhichOneof("value") == "bytes_value":
        return _shorten_bytes(message, limit)
    found = False
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in (value,) if isinstance(value, Message) else value:
                found = _shorten(each, limit) or found
        elif isinstance(value, str) and len(value.encode()) > limit:
            setattr(message, field.name, _cut_text(value, limit))
            found = True
    return found


def _shorten_bytes(value: AnyValue, limit: int) -> bool:
    """Bytes have no room for words: what is too long becomes the words alone."""
    if len(value.bytes_value) <= limit:
        return False
    value.string_value = _marker(value.bytes_value).lstrip()
    return True


def _cut_text(text: str, limit: int) -> str:
    raw = text.encode()
    marker = _marker(raw)
    return raw[: max(0, limit - len(marker))].decode(errors="ignore") + marker


def _marker(raw: bytes) -> str:
    return f" [cut: {len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()[:16]}]"


def _drop(item: Any, field: str, counter: str) -> None:
    """Take half of a list from its end, again and again, until the item is small enough or the list empty."""
    if field not in item.DESCRIPTOR.fields_by_name:
        return
    entries = getattr(item, field)
    while entries and item.ByteSize() > ITEM_BYTES:
        kept = len(entries) // 2
        if counter in item.DESCRIPTOR.fields_by_name:
            setattr(item, counter, getattr(item, counter) + len(entries) - kept)
        del entries[kept:]
