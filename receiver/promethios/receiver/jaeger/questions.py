"""What Jaeger's clients ask: the parameters of ``/api/traces``, as Jaeger's own parser reads them.

https://www.jaegertracing.io/docs/latest/architecture/apis/ and the grammar in Jaeger's ``query_parser.go``:
times are microseconds, durations Go's (``1.5s``, ``100ms``), tags JSON or ``key:value``. What Jaeger ignores
is ignored here, as its clients send more than it reads.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from werkzeug.datastructures import MultiDict

from promethios.receiver.refusal import Kind, Refusal

#: How many traces are found without a limit, and with the highest.
TRACES: Final = 100
MOST_TRACES: Final = 1_500
#: So many ids may be asked for at once, and so many tags.
MOST_IDS: Final = 100
MOST_TAGS: Final = 20
_LONGEST: Final = 10_000
_LOOKBACK: Final = 2 * 24 * 3_600 * 1_000_000
_LATEST: Final = 2**63 // 1_000 - 1
_ID: Final = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}")
_UNITS: Final = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which traces.

    Args:
        service: A service's name; a span of it must be as all the rest says.
        operation: The span's name; empty for any.
        tags: What the span, or its process, must say.
        start, end: When the span may have begun, Unix nanoseconds, both included.
        least, most: How long it may have taken, nanoseconds; None for any time.
        limit: How many traces at most, the newest.
    """

    service: str
    operation: str
    tags: Mapping[str, str]
    start: int
    end: int
    least: int | None
    most: int | None
    limit: int


def trace_ids(arguments: MultiDict[str, str]) -> list[bytes]:
    """The traces that are asked for by their ids, each once.

    Raises:
        Refusal: One is no id, or there are too many.
    """
    found = list(dict.fromkeys(map(trace_key, arguments.getlist("traceID"))))
    if len(found) > MOST_IDS:
        raise _bad(f"more than {MOST_IDS} 'traceID' parameters: ask for fewer at once")
    return found


def trace_key(text: str) -> bytes:
    """The id of a trace as it is stored: one of 64 bits is the lower half.

    Raises:
        Refusal: It has neither 16 nor 32 hexadecimal digits.
    """
    if not _ID.fullmatch(text):
        raise _bad(f"a trace id has 16 or 32 hexadecimal digits, unlike {text[:60]!r}")
    return bytes.fromhex(text.zfill(32))


def parse_search(arguments: MultiDict[str, str]) -> Wanted:
    """Read the parameters of a search.

    Raises:
        Refusal: There is no service, or a value cannot be used.
    """
    service = service_of(arguments)
    end = _micros(arguments, "end", time.time_ns() // 1_000)
    start = _micros(arguments, "start", max(0, end - _LOOKBACK))
    if start > end:
        raise _bad(f"'start' ({start}) is after 'end' ({end}): both are Unix microseconds")
    least, most = (_duration(arguments, name) for name in ("minDuration", "maxDuration"))
    if least is not None and most is not None and most < least:
        raise _bad("'maxDuration' should be greater than 'minDuration'")
    return Wanted(
        service,
        _short("operation", arguments.get("operation", "")),
        _tags(arguments.getlist("tag"), arguments.getlist("tags")),
        start * 1_000,
        end * 1_000 + 999,
        least,
        most,
        _limit(arguments.get("limit", "")),
    )


def service_of(arguments: Mapping[str, str]) -> str:
    """The service that is asked of.

    Raises:
        Refusal: There is none.
    """
    if not arguments.get("service"):
        raise _bad("parameter 'service' is required")
    return _short("service", arguments["service"])


def _short(name: str, text: str) -> str:
    if len(text) > _LONGEST:
        raise _bad(f"{name!r} is longer than {_LONGEST} characters")
    return text


def _micros(arguments: Mapping[str, str], name: str, default: int) -> int:
    text = arguments.get(name, "")
    if not text:
        return default
    if len(text) > 20 or not (text.isascii() and text.isdigit()) or int(text) > _LATEST:
        raise _bad(f"{name!r} must be Unix microseconds, from 0 to {_LATEST}, not {text[:60]!r}")
    return int(text)


def _limit(text: str) -> int:
    if not text:
        return TRACES
    if len(text) > 9 or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_TRACES:
        raise _bad(f"'limit' must be a whole number from 1 to {MOST_TRACES}, not {text[:60]!r}")
    return int(text)


def _duration(arguments: Mapping[str, str], name: str) -> int | None:
    """A duration as Go writes it, in nanoseconds."""
    text = arguments.get(name, "")
    if not text:
        return None
    parts = _PART.findall(text) if len(text) <= 60 else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise _bad(f"{name!r} must be a duration such as 100ms or 1.5s, not {text[:60]!r}")
    return min(int(sum(float(number) * _UNITS[unit] for number, unit in parts)), 2**63 - 1)


def _tags(simple: Sequence[str], as_json: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in simple:
        key, colon, value = text.partition(":")
        if not colon or not key:
            raise _bad(f"malformed 'tag' parameter, expecting key:value, received: {text[:60]}")
        found[key] = value
    for text in filter(None, as_json):
        found |= _map(text)
    if len(found) > MOST_TAGS or any(len(key) + len(value) > _LONGEST for key, value in found.items()):
        raise _bad(f"more than {MOST_TAGS} tags, or one longer than {_LONGEST} characters")
    return found


def _map(text: str) -> dict[str, str]:
    try:
        document: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _bad(f"malformed 'tags' parameter, cannot unmarshal JSON: {error}") from error
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise _bad('malformed \'tags\' parameter, expecting an object of texts, such as {"error":"true"}')
    return document


def _bad(message: str) -> Refusal:
    return Refusal(Kind.UNDECODABLE, message)
