"""What tests of the API's lists tell a receiver, and how they read its answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.support.otlp import decision_span, span

SECOND = 1_000_000_000
NOW = time.time_ns() // SECOND * SECOND - 120 * SECOND
SALE = b"trace-of-a-sale!"
ERROR = Status(code=Status.STATUS_CODE_ERROR, message="no such order")

#: Asks a route of the API.
Ask = Callable[..., Any]
#: Tells of spans.
Tell = Callable[..., None]


def at(seconds: float, took: float = 0.005) -> dict[str, int]:
    """When a span was: so long after `NOW`."""
    start = NOW + int(seconds * SECOND)
    return {"start_time_unix_nano": start, "end_time_unix_nano": start + int(took * SECOND)}


def rows(answer: Any) -> list[dict[str, Any]]:
    """The rows of an answer."""
    assert answer.status_code == 200, answer.data
    found: list[dict[str, Any]] = answer.get_json()["data"]
    return found


def column(answer: Any, name: str) -> list[Any]:
    """One column of them."""
    return [row[name] for row in rows(answer)]


def refused(answer: Any) -> str:
    """What was wrong with the question."""
    assert answer.status_code == 400, answer.data
    return str(answer.get_json()["detail"])


def call(number: int, operation: str = "chat", **attributes: Any) -> Span:
    """A call of a model, or of a tool, that many seconds after `NOW`."""
    named = {f"gen_ai.{name.replace('_', '.', 1)}": value for name, value in attributes.items()}
    told = {"gen_ai.operation.name": operation, **named}
    return span(f"{operation} {number}", told, trace_id=SALE, span_id=number.to_bytes(8, "big"), **at(number))


def decided(number: int, verdict: str = "allow", matches: tuple[Any, ...] = (), **attributes: Any) -> Span:
    """The decision about `call(number)`, or about nothing that is known."""
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    return decision_span(
        verdict, matches, {"promethios.decision.id": f"d{number}", "promethios.decision.seq": number, **told},
        trace_id=SALE, parent_span_id=number.to_bytes(8, "big"), **at(number, 0),
    )  # fmt: skip
