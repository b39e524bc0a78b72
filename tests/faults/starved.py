"""Decodes a request while the system gives this process no more memory, and again when it does.

    python -m tests.faults.starved

It prints what became of both, a line each.
"""

from __future__ import annotations

import resource
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import span, trace_request

from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp.messages import decode
from promethios.receiver.refusal import Refusal

#: Less than it has already: it may keep that, and use what is free of it.
_LEAST: Final = 1 << 20
REQUESTS: Final = 2_400


def growing() -> bytes:
    """5 MiB that decoding makes 150 of: an empty event has two bytes, and as a message many times that.

    The allocator has up to 64 MiB in reserve, which it may use whatever the limit is.
    """
    # Requests put together are one request; to make it of messages would leave memory to decode into.
    return trace_request(span(events=[Span.Event()] * 1_000)).SerializeToString() * REQUESTS


def outcome(body: bytes) -> str:
    """What a client would hear, or how many spans there are."""
    try:
        message = decode(Signal.SPANS, body, 100_000)
    except Refusal as refusal:
        return f"{refusal.kind.value[0]}: {refusal.message}"
    return f"{len(message.resource_spans)} spans"  # type: ignore[attr-defined]


def main() -> None:
    body = growing()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_LEAST, hard))
    starved = outcome(body)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    print(starved, outcome(body), sep="\n")


if __name__ == "__main__":
    main()
