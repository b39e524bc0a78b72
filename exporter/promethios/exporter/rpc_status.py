"""``google.rpc.Status`` and ``RetryInfo``, which OTLP has in the bodies of failures.

https://github.com/googleapis/googleapis/tree/master/google/rpc has them. They are described again here, in a
pool of their own: the package that holds them, `googleapis-common-protos`, is large for two messages of four
fields, and many agents have some version of it, with which a second description must not collide.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.any_pb2 import DESCRIPTOR as ANY_FILE
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import DESCRIPTOR as DURATION_FILE
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

#: A status has one or two details; more are not looked at.
_MAX_DETAILS: Final = 16


def _field(
    message: DescriptorProto, name: str, number: int, kind: int, of: str | None = None, label: int = 1
) -> None:
    message.field.add(name=name, number=number, type=kind, type_name=of, label=label)


def _pool() -> DescriptorPool:
    file = FileDescriptorProto(name="google/rpc/status.proto", package="google.rpc", syntax="proto3")
    file.dependency.extend([ANY_FILE.name, DURATION_FILE.name])
    status, info = file.message_type.add(name="Status"), file.message_type.add(name="RetryInfo")
    _field(status, "code", 1, FieldDescriptorProto.TYPE_INT32)
    _field(status, "message", 2, FieldDescriptorProto.TYPE_STRING)
    _field(
        status,
        "details",
        3,
        FieldDescriptorProto.TYPE_MESSAGE,
        ".google.protobuf.Any",
        FieldDescriptorProto.LABEL_REPEATED,
    )
    _field(info, "retry_delay", 1, FieldDescriptorProto.TYPE_MESSAGE, ".google.protobuf.Duration")
    pool = DescriptorPool()
    for described in (ANY_FILE.serialized_pb, DURATION_FILE.serialized_pb, file.SerializeToString()):
        pool.AddSerializedFile(described)
    return pool


_MESSAGES: Final = _pool()
#: What went wrong: `code`, `message`, `details`.
Status: Final[Any] = GetMessageClass(_MESSAGES.FindMessageTypeByName("google.rpc.Status"))
#: A detail: how long to wait (`retry_delay`) before the same is tried again.
RetryInfo: Final[Any] = GetMessageClass(_MESSAGES.FindMessageTypeByName("google.rpc.RetryInfo"))


def read_status(body: bytes) -> tuple[str, float | None]:
    """What a failure's body says, and in how many seconds it says to come back.

    Args:
        body: The body of an answer in protobuf. One that is none says nothing.

    Returns:
        The message, and the delay of the first `RetryInfo`, which may be negative or of any size.
    """
    try:
        status = Status.FromString(body)
        delay = next(map(_delay, _infos(status)), None)
    except DecodeError:
        return "", None
    return status.message, delay


def _infos(status: Any) -> list[Any]:
    found = []
    for detail in status.details[:_MAX_DETAILS]:
        info = RetryInfo()
        if detail.Unpack(info):
            found.append(info.retry_delay)
    return found


def _delay(duration: Any) -> float:
    return float(duration.seconds + duration.nanos / 1e9)
