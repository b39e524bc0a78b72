"""Any request of OTLP, and any bytes that look a little like one, for hypothesis."""

from __future__ import annotations

import math
from functools import cache
from itertools import chain
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request

_DEEPEST = 9
#: Texts of which JSON is made, and of which its readers were fooled.
_TEXT = st.text(max_size=12) | st.sampled_from(
    ['"traceId": "', "\\", '":"', "{[,:", "\x00", "\ud7ff\U0010ffff"]
)
_SIGNED = st.sampled_from([0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63)])
_UNSIGNED = st.sampled_from([0, 1, 2**53 + 1, 2**63 - 1] * 4 + [2**63, 2**64 - 1])
_SIZES = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
#: What an item must have to be one: set nearly always, so that most requests have something to store.
_SPINE = {
    "resource_spans", "resource_metrics", "resource_logs", "scope_spans", "scope_metrics", "log_records",
    "scope_logs", "spans", "metrics", "data_points", "as_int", "trace_id", "span_id", "value",
    "time_unix_nano",
}  # fmt: skip

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: _SIGNED,
    FieldDescriptor.CPPTYPE_UINT64: _UNSIGNED,
    FieldDescriptor.CPPTYPE_ENUM: st.integers(-1, 30),
    # JSON has one NaN.
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(allow_nan=False) | st.just(math.nan),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_STRING: _TEXT,
}


@st.composite
def requests(draw: st.DrawFn, descriptor: Descriptor) -> Message:
    """A message with some of its fields set, and of theirs."""
    message: Message = GetMessageClass(descriptor)()
    _fill(draw, message, 1)
    return message


def _fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    for name in draw(_some_fields(message.DESCRIPTOR, depth)):
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and field.is_repeated:
            for _ in range(draw(st.integers(0 if depth > 3 else 1, 2))):
                _fill(draw, getattr(message, name).add(), depth + 1)
        elif field.message_type is not None:
            getattr(message, name).SetInParent()
            _fill(draw, getattr(message, name), depth + 1)
        elif field.is_repeated:
            getattr(message, name).extend(draw(st.lists(_scalar(field), max_size=3)))
        else:
            setattr(message, name, draw(_scalar(field)))


@cache
def _some_fields(descriptor: Descriptor, depth: int) -> st.SearchStrategy[list[str]]:
    """Names of fields to set: the spine and some others, of each choice of fields one at most."""
    deeper = [field for field in descriptor.fields if field.message_type is None or depth < _DEEPEST]
    chosen = [oneof for oneof in descriptor.oneofs if len(oneof.fields) > 1]
    free = [field.name for field in deeper if field.containing_oneof not in chosen]
    spine = [name for name in free if name in _SPINE]
    parts = [st.just(spine), st.lists(st.sampled_from(free), max_size=5)] if free else []
    for oneof in chosen:
        names = [field.name for field in oneof.fields if field in deeper]
        parts.append(st.sampled_from(names).map(lambda name: [name]) if names else st.just([]))
    return st.tuples(*parts).map(lambda found: list(dict.fromkeys(chain(*found))))


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if size := _SIZES.get(field.name):
        whole = st.binary(min_size=size, max_size=size)
        return st.integers(0, 15).flatmap(lambda odd: whole if odd else st.binary(max_size=20))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=9)
    return _SCALARS[field.cpp_type]


_WHOLE = [
    trace_request(span(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=1, end_time_unix_nano=2)),
    metrics_request(gauge("queue.length", 1, time_unix_nano=1)),
    logs_request(record(time_unix_nano=1)),
]


@st.composite
def broken(draw: st.DrawFn, *whole: bytes) -> bytes:
    """Any bytes, or whole requests of which some bytes were changed, cut out or put in."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=200))
    body = bytearray(draw(st.sampled_from(whole or [each.SerializeToString() for each in _WHOLE])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)
