"""Decisions and violations of what other systems told, on spans, in their events and in log records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from promethios.governance.decision import Verdict
from promethios.governance.trust import believable
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.dialects.model import (
    SPAN_NAME,
    SPAN_STATUS,
    SPAN_STATUS_MESSAGE,
    Dialect,
    Finding,
)
from promethios.receiver.ingest.dialects.reading import read
from promethios.receiver.ingest.dialects.table import EVENT_NAME, EVENTS, MARKED, NAMED, SPANS, UNLESS
from promethios.receiver.ingest.normalise import genai_of
from promethios.receiver.ingest.values import ItemError, attributes_of, content_hash

#: What others decided is shown, and counts nothing: an agent cannot compute it, and a rail that passes all
#: would earn its agent trust with each call.
_WEIGHT: Final = 0.0
#: Others do not number their decisions.
_NO_NUMBER: Final = 0

Found = tuple[int, Finding]


def add_others_of_span(batch: Batch, origin: Origin, span: Span, attributes: dict[str, Any]) -> None:
    """Add what a span, or an event of it, tells of another system's decisions; mostly nothing."""
    heard: set[str] = set()
    for marker, dialect in SPANS.items():
        if marker in attributes and dialect.name not in heard and _is_told(marker, span, attributes):
            heard.add(dialect.name)  # several of its markers are still one telling
            told = {**attributes, **_of_span(span)}
            found = _read(batch, dialect, told, f"span {span.name[:60]!r}")
            about = _About(batch, origin, attributes, span.trace_id, span.parent_span_id or span.span_id)
            about.add(dialect, [(span.start_time_unix_nano, each) for each in found], span.span_id)
    if span.events:
        _add_events(batch, origin, span, attributes)


def _is_told(marker: str, span: Span, attributes: dict[str, Any]) -> bool:
    """Whether the marker means here what it means in the dialect."""
    if marker in UNLESS and not UNLESS[marker].isdisjoint(attributes):
        return False
    if marker in MARKED:
        return bool(attributes[marker] == MARKED[marker])
    return span.name.startswith(NAMED.get(marker, ""))


def _of_span(span: Span) -> dict[str, Any]:
    return {
        SPAN_NAME: span.name,
        SPAN_STATUS: span.status.code,
        SPAN_STATUS_MESSAGE: span.status.message,
    }


def _add_events(batch: Batch, origin: Origin, span: Span, attributes: dict[str, Any]) -> None:
    """One decision for each run of a pipeline: its events are the matches. A run has one dialect, one point,
    and nothing twice: where something comes again, as with several calls below a span, another run began."""
    runs: dict[tuple[str, str], list[list[Found]]] = {}
    dialects: dict[str, Dialect] = {}
    for event in span.events:
        if (dialect := EVENTS.get(event.name)) is None:
            continue
        dialects[dialect.name] = dialect
        for finding in _read(batch, dialect, attributes_of(event.attributes), f"event {event.name!r}"):
            of_point = runs.setdefault((dialect.name, finding.point), [[]])
            if any(_is_again(dialect, finding, each) for _, each in of_point[-1]):
                of_point.append([])
            of_point[-1].append((event.time_unix_nano or span.start_time_unix_nano, finding))
    about = _About(batch, origin, attributes, span.trace_id, span.span_id)
    for (name, _), of_point in runs.items():
        for number, found in enumerate(of_point):
            about.add(dialects[name], found, span.span_id + bytes([number % 256, number // 256]))


def _is_again(dialect: Dialect, finding: Finding, other: Finding) -> bool:
    same = finding.policy_id == other.policy_id
    return same and (finding.detector == other.detector or not dialect.several)


def add_others_of_record(
    batch: Batch, origin: Origin, record: LogRecord, attributes: dict[str, Any], when: int, key: bytes
) -> None:
    """Add what a log record tells of another system's decision; mostly nothing.

    Args:
        batch: Takes the rows.
        origin: Where the record comes from.
        record: The record.
        attributes: Its attributes.
        when: Its time, Unix nanoseconds.
        key: What the record is known by, its place among identical ones included.
    """
    name = record.event_name or attributes.get(EVENT_NAME)
    if not isinstance(name, str) or (dialect := EVENTS.get(name)) is None:
        return
    found = [(when, each) for each in _read(batch, dialect, attributes, f"log record {name!r}")]
    _About(batch, origin, attributes, record.trace_id, record.span_id).add(dialect, found, key)


def _read(batch: Batch, dialect: Dialect, told: dict[str, Any], what: str) -> list[Finding]:
    try:
        finding = read(dialect, told)
    except ItemError as error:
        batch.warn(f"{what} was stored, but tells no decision: {error}")
        return []
    return [] if finding is None else [finding]


class _About:
    """What was decided about: an operation of an agent."""

    def __init__(
        self, batch: Batch, origin: Origin, attributes: dict[str, Any], trace_id: bytes, span_id: bytes
    ) -> None:
        self._batch, self._origin, self._attributes = batch, origin, attributes
        self._place = (trace_id, span_id)

    def add(self, dialect: Dialect, found: list[Found], key: bytes) -> None:
        """Add one decision of findings that have one point; `key` is the same when it is sent again."""
        if not found:
            return
        batch, origin = self._batch, self._origin
        when = believable(found[0][0], batch.received)
        point = found[0][1].point
        decision_id = _decision_id(origin.tenant_id, self._place[0], key, dialect.name, point)
        agent_id = batch.agent(origin, self._attributes, when)
        operation = genai_of(self._attributes)
        findings = [finding for _, finding in found]
        tool = operation.tool or next((each.tool for each in findings if each.tool), None)
        matches = [each for each in findings if each.verdict]
        verdict = max((each.verdict for each in findings), key=lambda each: each.rank)
        batch.add(
            "decisions",
            (
                origin.tenant_id,
                decision_id,
                when,
                agent_id,
                origin.instance_id,
                _NO_NUMBER,
                point,
                verdict.value,
                verdict.value,
                "enforce",
                operation.operation,
                operation.provider,
                operation.model,
                tool,
                operation.conversation_id,
                sum(each.duration_us for each in findings),
                "",
                "",
                "",
                ", ".join(dict.fromkeys(each.policy_id for each in matches)),
                _reason(matches, verdict),
                *self._place,
                _WEIGHT,
                dialect.name,
            ),
        )
        for ordinal, match in enumerate(matches):
            head = (origin.tenant_id, decision_id, ordinal, when, agent_id)
            tail = (point, operation.model, tool, *self._place, _WEIGHT)
            batch.add("violations", (*head, *_violation(match), *tail))


def _violation(match: Finding) -> tuple[Any, ...]:
    return (
        match.policy_id,
        match.policy_version,
        match.detector,
        match.severity,
        match.verdict.value,
        match.verdict.value,
        "enforce",
        match.reason,
        0,
        "[]",
        "[]",
    )


def _reason(matches: Iterable[Finding], verdict: Verdict) -> str:
    """Why it was decided so: of the first match that asked for what was decided."""
    return next((match.reason for match in matches if match.verdict is verdict), "")


def _decision_id(tenant_id: int, trace_id: bytes, key: bytes, dialect: str, point: str) -> str:
    """The same whenever it is sent, and none that Promethios could have given."""
    return f"{dialect}:{content_hash(tenant_id, trace_id, key, dialect, point).hex()}"
