"""How a request is refused: what kind of no it is, and what HTTP and gRPC call that.

The table is OTLP's (https://opentelemetry.io/docs/specs/otlp/#failures). Whether a client may try again is
part of the kind: only 429, 502, 503 and 504 are retried over HTTP, so every passing fault of ours is
`Kind.UNAVAILABLE`, also a bug: a client that sees 500 drops its batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """A kind of refusal: its HTTP status, its canonical gRPC code, and whether to try again."""

    UNDECODABLE = (400, 3, False)
    UNAUTHENTICATED = (401, 16, False)
    FORBIDDEN = (403, 7, False)
    NOT_FOUND = (404, 5, False)
    WRONG_METHOD = (405, 12, False)
    CONFLICT = (409, 6, False)
    TOO_LARGE = (413, 8, False)
    UNSUPPORTED = (415, 12, False)
    TOO_MANY = (429, 8, True)
    HEADERS_TOO_LARGE = (431, 3, False)
    UNAVAILABLE = (503, 14, True)

    def __init__(self, http: int, grpc: int, retryable: bool) -> None:
        self.http = http
        self.grpc = grpc
        self.retryable = retryable


class Refusal(Exception):
    """A request that is answered with no.

    Args:
        kind: What kind of no.
        message: For the client's developer: what was wrong, and what to do. It never repeats content or keys.
        retry_after: Seconds after which to try again, for a retryable kind.
        headers: Further headers of the HTTP answer.
        crowded: It is refused because too much waits already, and not because something is broken.
        code: Which of `problems.PROBLEMS` it is; the usual one of its kind where it is empty.

    Attributes:
        items: How many items were refused with it: set by who has decoded the request, for the counts.
    """

    items = 0

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
        crowded: bool = False,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        self.crowded = crowded
        self.code = code


def unavailable(message: str, retry_after: int = 1, *, crowded: bool = False, code: str = "") -> Refusal:
    """A passing fault: the client keeps its data and tries again after `retry_after` seconds."""
    return Refusal(Kind.UNAVAILABLE, message, retry_after=retry_after, crowded=crowded, code=code)


def too_large(limit: int) -> Refusal:
    """A body beyond the limit, in bytes, packed or unpacked."""
    return Refusal(Kind.TOO_LARGE, f"the body is larger than {limit} bytes: send smaller batches")
