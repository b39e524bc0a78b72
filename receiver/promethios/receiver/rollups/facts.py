"""What is counted: for each rollup, the rows of which table count, when, for whom, and how much.

The same description fills the rollups, takes out of them what is deleted, and answers from the rows that are
not in them (yet): so a number cannot depend on the way it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)

from promethios.governance import semconv
from promethios.governance.decision import Verdict
from promethios.receiver.rollups.calls import TOOL, is_call, is_governed, uses_tokens
from promethios.receiver.store import schema

Number = int | ColumnElement[int]


class Tables(Protocol):
    """How rows are reached: all of them, or those that a key may see."""

    def of(self, table: Table) -> FromClause:
        """The rows of a table."""
        ...

    def of_everyone(self, table: Table) -> FromClause:
        """The rows of a table whatever agent's they are, for what says nothing about that agent."""
        ...

    def latest_of_everyone(self, table: Table) -> FromClause:
        """The same, of which a range of ids is asked for."""
        ...


#: The buckets' widths, seconds. Each is a multiple of the one before.
MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
WIDTHS: Final = (MINUTE, HOUR, DAY)
SECOND: Final = 1_000_000_000

#: In `agent_id`: all agents together. No agent has an empty name.
EVERYONE: Final = ""

#: Tokens that one span can count for: a sum of hostile numbers must not overflow.
MOST_TOKENS: Final = 1_000_000_000

_KEYS: Final = ("tenant_id", "width", "bucket", "agent_id")
_MERGED: Final[dict[str, Callable[..., ColumnElement[Any]]]] = {
    "first": func.min,
    "least": func.min,
    "most": func.max,
    "last": func.max,
}


@dataclass(frozen=True, eq=False)
class Rollup:
    """One kind of counts.

    Args:
        table: Where it is kept.
        source: Whose rows are counted.
        time: The column of the source that says when, nanoseconds.
        facts: From how tables are reached to the columns `id`, `tenant_id`, `agent_id`, `at`, those of the
            table's keys and its measures, a row for each row of the source.
        stored: What becomes of a key when it is stored; as it is without.
        everyone: What a key is in the rows of all agents together; as it is without.
        track: The mark up to which it is filled, where that is not its source's: of what came with a later
            release, so that a database which was filled before does not count everything anew.
    """

    table: Table
    source: Table
    time: str
    facts: Callable[[Tables], Select[Any]]
    stored: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]] = field(default_factory=dict)
    everyone: Mapping[str, Any] = field(default_factory=dict)
    track: str = ""

    @property
    def mark(self) -> str:
        """What the mark is called up to which rows are counted."""
        return self.track or self.source.name

    @property
    def keys(self) -> list[str]:
        """What is counted apart, beside time and agent."""
        return [column.name for column in self.table.primary_key if column.name not in _KEYS]

    @property
    def measures(self) -> list[str]:
        """What is counted."""
        return [column.name for column in self.table.columns if not column.primary_key]


def merge(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """How a measure of several rows becomes one: the least, the greatest, else their sum."""
    merged: ColumnElement[Any] = _MERGED.get(column.name, func.sum)(column)
    return merged


def combine(measure: str, old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Two values of a measure as one."""
    return old + new if is_sum(measure) else _MERGED[measure](old, new)


def is_sum(measure: str) -> bool:
    """Whether a measure adds up."""
    return measure not in _MERGED


def _common(table: FromClause, time: str) -> tuple[ColumnElement[Any], ...]:
    return table.c.id, table.c.tenant_id, table.c.agent_id, table.c[time].label("at")


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _spans(tables: Tables) -> Select[Any]:
    spans = tables.of(schema.spans)
    call, used = is_call(spans), uses_tokens(spans)
    return select(
        *_common(spans, "start_unix_nano"),
        spans.c.resource_id,
        literal(1).label("spans"),
        _flag(call).label("calls"),
        _flag(call & is_governed(spans, tables.of_everyone(schema.decisions))).label("governed"),
        *(
            case((used, _bounded(spans.c[name])), else_=0).label(name)
            for name in ("input_tokens", "output_tokens")
        ),
    )


def _bounded(tokens: ColumnElement[Any]) -> ColumnElement[int]:
    return func.max(0, func.min(func.coalesce(tokens, 0), MOST_TOKENS))


def governed_late(
    tables: Tables, spans_up_to: Number, low: Number, high: Number, known: Number
) -> Select[Any]:
    """Spans up to an id that the decisions after `low` up to `high` govern, and no other one up to `known`.

    A decision may arrive after the span that it was made for was counted. The columns are those of `SPANS`,
    of what then has to be added: nothing but one that is governed.
    """
    spans, decisions = tables.of(schema.spans), tables.latest_of_everyone(schema.decisions)
    arrived = (
        # The sum keeps SQLite from reading all decisions by an index that begins with the tenant.
        select((decisions.c.tenant_id + 0).label("tenant_id"), decisions.c.trace_id, decisions.c.span_id)
        .where(decisions.c.id > low, decisions.c.id <= high)
        .distinct()
        .subquery("arrived")
    )
    another = tables.of_everyone(schema.decisions).alias("another")
    other = exists().where(
        another.c.tenant_id == spans.c.tenant_id,
        another.c.trace_id == spans.c.trace_id,
        another.c.span_id == spans.c.span_id,
        another.c.id <= known,
        or_(another.c.id <= low, another.c.id > high),
    )
    return (
        select(
            *_common(spans, "start_unix_nano"),
            spans.c.resource_id,
            *(literal(int(name == "governed")).label(name) for name in SPANS.measures),
        )
        .join_from(
            arrived,
            spans,
            and_(
                spans.c.tenant_id == arrived.c.tenant_id,
                spans.c.trace_id == arrived.c.trace_id,
                spans.c.span_id == arrived.c.span_id,
            ),
        )
        .where(spans.c.id <= spans_up_to, is_call(spans), spans.c.decision_id.is_(None), ~other)
    )


def _decisions(tables: Tables) -> Select[Any]:
    table = tables.of(schema.decisions)
    return select(
        *_common(table, "time_unix_nano"),
        table.c.verdict,
        table.c.enforced,
        literal(1).label("decisions"),
    )


def _times(tables: Tables) -> Select[Any]:
    table = tables.of(schema.decisions)
    return select(
        *_common(table, "time_unix_nano"),
        # Apart from every bin, which are all above 0: a row that is read is exact.
        (-1 - table.c.duration_us).label("bin"),
        literal(1).label("decisions"),
        table.c.duration_us.label("least"),
        table.c.duration_us.label("most"),
        # How long other systems took is theirs, and most do not tell it.
    ).where(table.c.dialect == "")


def _tools(tables: Tables) -> Select[Any]:
    table = tables.of(schema.decisions)
    # What was let in is asked about again when it is over: that it was let out as well is no other call.
    let_in = and_(table.c.enforced == Verdict.ALLOW.value, table.c.point != _TOOL_AFTER)
    return select(
        *_common(table, "time_unix_nano"),
        _name(table.c.tool).label("tool"),
        table.c.enforced,
        literal(1).label("decisions"),
        _flag(let_in).label("allowed"),
        table.c.time_unix_nano.label("last"),
    ).where(table.c.tool != "")


_TOOL_AFTER: Final = "tool.after"


def _processes(tables: Tables) -> Select[Any]:
    table = tables.of(schema.decisions)
    told = ("instance_id", "bundle_name", "bundle_version", "bundle_hash")
    return select(
        *_common(table, "time_unix_nano"),
        *(table.c[name] for name in told),
        literal(1).label("decisions"),
        table.c.seq.label("least"),
        table.c.seq.label("most"),
        table.c.time_unix_nano.label("first"),
        table.c.time_unix_nano.label("last"),
        # Other systems number nothing, and have no bundle.
    ).where(table.c.dialect == "")


def _violations(tables: Tables) -> Select[Any]:
    table = tables.of(schema.violations)
    return select(
        *_common(table, "time_unix_nano"),
        table.c.policy_id,
        table.c.severity,
        literal(1).label("violations"),
        _flag(table.c.enforced == "block").label("blocked"),
        table.c.time_unix_nano.label("last"),
    )


def _policies(tables: Tables) -> Select[Any]:
    table = tables.of(schema.violations)
    told = ("policy_id", "policy_version", "severity", "action", "mode", "controls")
    enforced = {"blocked": "block", "redacted": "redact", "flagged": "flag", "approved": "approve"}
    return select(
        *_common(table, "time_unix_nano"),
        *(table.c[name] for name in told),
        literal(1).label("violations"),
        *(_flag(table.c.enforced == value).label(name) for name, value in enforced.items()),
        table.c.failed,
        table.c.time_unix_nano.label("first"),
        table.c.time_unix_nano.label("last"),
    )


#: So much of a name is told apart, characters: no model and no tool has a longer one.
_LONGEST_NAME: Final = 256
_CACHED: Final = {
    "cache_read_tokens": semconv.USAGE_CACHE_READ_TOKENS,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE_TOKENS,
}


def _operations(tables: Tables) -> Select[Any]:
    spans = tables.of(schema.spans)
    names = ("operation", "provider", "model", "response_model", "tool")
    return select(
        *_common(spans, "start_unix_nano"),
        *(_name(spans.c[name]).label(name) for name in names),
        literal(1).label("spans"),
        _flag(spans.c.status_code == _ERROR).label("errors"),
        *(_bounded(spans.c[name]).label(name) for name in ("input_tokens", "output_tokens")),
        *(_bounded(_cached(spans, name)).label(measure) for measure, name in _CACHED.items()),
        spans.c.start_unix_nano.label("last"),
    ).where(uses_tokens(spans), or_(is_call(spans), spans.c.input_tokens > 0, spans.c.output_tokens > 0))


#: OTLP's status of a span that failed.
_ERROR: Final = 2


def _name(column: ColumnElement[Any]) -> ColumnElement[str]:
    return func.substr(func.coalesce(column, ""), 1, _LONGEST_NAME)


def _cached(spans: FromClause, name: str) -> ColumnElement[Any]:
    """What a span tells of tokens read from a cache, or written to one; most tell nothing."""
    told = func.json_extract(spans.c.attributes, f'$."{name}"')
    tells = func.instr(spans.c.attributes, name) > 0
    return case((tells, case((func.typeof(told) == "integer", told))))


def _model_times(tables: Tables) -> Select[Any]:
    spans = tables.of(schema.spans)
    took = func.max(0, spans.c.end_unix_nano - spans.c.start_unix_nano) / 1e6
    return select(
        *_common(spans, "start_unix_nano"),
        *(_name(spans.c[name]).label(name) for name in ("provider", "model")),
        (-1 - took).label("bin"),
        literal(1).label("calls"),
        took.label("least"),
        took.label("most"),
    ).where(is_call(spans), spans.c.operation != TOOL)


def _logs(tables: Tables) -> Select[Any]:
    return select(*_common(tables.of(schema.logs), "time_unix_nano"), literal(1).label("items"))


def _points(tables: Tables) -> Select[Any]:
    points, series = tables.of(schema.metric_points), tables.of(schema.metric_series)
    return select(
        points.c.id,
        points.c.tenant_id,
        series.c.agent_id,
        points.c.time_unix_nano.label("at"),
        literal(1).label("items"),
    ).join(series, series.c.id == points.c.series_id)


SPANS: Final = Rollup(
    schema.span_counts, schema.spans, "start_unix_nano", _spans, everyone={"resource_id": 0}
)
DECISIONS: Final = Rollup(schema.decision_counts, schema.decisions, "time_unix_nano", _decisions)
TIMES: Final = Rollup(
    schema.decision_times,
    schema.decisions,
    "time_unix_nano",
    _times,
    stored={"bin": lambda bin_: func.latency_bin(-1 - bin_)},
)
TOOLS: Final = Rollup(schema.tool_counts, schema.decisions, "time_unix_nano", _tools, track="tools")
PROCESSES: Final = Rollup(
    schema.process_counts,
    schema.decisions,
    "time_unix_nano",
    _processes,
    everyone={"instance_id": ""},
    track="processes",
)
VIOLATIONS: Final = Rollup(schema.violation_counts, schema.violations, "time_unix_nano", _violations)
POLICIES: Final = Rollup(
    schema.policy_counts, schema.violations, "time_unix_nano", _policies, track="policies"
)
OPERATIONS: Final = Rollup(
    schema.operation_counts, schema.spans, "start_unix_nano", _operations, track="operations"
)
MODEL_TIMES: Final = Rollup(
    schema.model_times,
    schema.spans,
    "start_unix_nano",
    _model_times,
    # Four bins in one: calls are many, and how long they take differs far more than by that.
    stored={"bin": lambda bin_: func.latency_bin(-1 - bin_) // 4},
    track="operations",
)
LOGS: Final = Rollup(schema.log_counts, schema.logs, "time_unix_nano", _logs)
POINTS: Final = Rollup(schema.metric_counts, schema.metric_points, "time_unix_nano", _points)

ROLLUPS: Final = (
    *(SPANS, DECISIONS, TIMES, VIOLATIONS, LOGS, POINTS),
    *(POLICIES, OPERATIONS, MODEL_TIMES, TOOLS, PROCESSES),
)
