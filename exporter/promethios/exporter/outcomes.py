"""What became of a request. Retryable, permanent and parked are types; one table maps HTTP to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it. `rejected` of its items it refused for good, and said why in `message`."""

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Transient:
    """Not now: send the same bytes again, after `retry_after` seconds where the server said so."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Permanent:
    """Never: the data itself is refused. It is dropped and counted."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooLarge(Permanent):
    """Not so much at once: in parts it may be taken."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Not with this key or endpoint: the data is good, so it is kept until one of them changes."""

    reason: str


Outcome = Delivered | Transient | Permanent | Parked

#: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
RETRYABLE = frozenset({429, 502, 503, 504})

#: Answers that speak of the key or the address, not of the data. The specification would have the data
#: dropped; telemetry that proves what an agent did is worth keeping until the configuration is repaired.
MISCONFIGURED = {
    401: "the key is missing, wrong or expired: check `api_key`",
    403: "the key may not ingest: give one with the scope `ingest`",
    404: "nothing takes OTLP there: check `endpoint`",
    405: "nothing takes OTLP there: check `endpoint`",
    407: "the proxy wants to know who asks: check `proxy`",
}


def outcome_of_failure(
    status: int, retry_after: float | None, message: str
) -> Transient | Permanent | Parked:
    """Map a status other than 200 to what is to be done.

    Args:
        status: The HTTP status.
        retry_after: Seconds from the header ``Retry-After``, where there was one.
        message: What the server said, for people.
    """
    said = f"HTTP {status}" + (f" ({message})" if message else "")
    if status in RETRYABLE:
        return Transient(said, retry_after)
    if status in MISCONFIGURED:
        return Parked(f"{said}: {MISCONFIGURED[status]}")
    if status < 400:
        return Parked(f"{said}: not an OTLP receiver, or a redirect, which is not followed: check `endpoint`")
    # An OpenTelemetry Collector answers 400: https://github.com/open-telemetry/opentelemetry-collector/issues/11066
    if status == 413 or (status == 400 and "request body too large" in message):
        return TooLarge(said)
    return Permanent(said)


def outcome_of_endless_answer(status: int, limit: int) -> Permanent | Parked:
    """Map the status of an answer that is longer than `limit` bytes, and so was not read.

    https://opentelemetry.io/docs/specs/otlp/ forbids to retry it. No OTLP receiver answers so: only a status
    that refuses the data by itself costs the data; behind any other one is something else than a receiver.
    """
    said = f"HTTP {status} with an answer of more than {limit} bytes"
    if status < 400 or status in RETRYABLE or status in MISCONFIGURED:
        return Parked(f"{said}: not an OTLP receiver; check `endpoint`")
    return Permanent(said)
