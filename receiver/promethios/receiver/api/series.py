"""``/series/{name}``: numbers over time, in long form, sorted by time, a row for each label at each step.

Grafana's data source swallows the error of a series that is not sorted or has holes, and alerts on it fail
later: so every step has a row for every label value that is known, zero where nothing happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, func, select

from promethios.governance.decision import Verdict
from promethios.receiver.api.calls import uses_tokens
from promethios.receiver.api.columns import bucket
from promethios.receiver.api.quantiles import QUANTILES, durations
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema

_SEVERITIES: Final = ("low", "medium", "high", "critical")

Values = Mapping[tuple[int, str], Any]


def decisions(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Decisions in each step, by verdict."""
    table = view.of(schema.decisions)
    values = _counted(view, question, table.c.time_unix_nano, table.c.verdict, table.c.agent_id)
    return _filled(question, "verdict", Verdict, values)


def violations(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Violations in each step, by severity."""
    table = view.of(schema.violations)
    values = _counted(view, question, table.c.time_unix_nano, table.c.severity, table.c.agent_id)
    return _filled(question, "severity", _SEVERITIES, values)


def latency(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Quantiles of the decisions' duration in each step, microseconds; null where nothing was decided."""
    found = durations(view, question, question.step)
    values = {(at, name): value for at, named in found.items() for name, value in named.items()}
    return _filled(question, "quantile", QUANTILES, values, nothing=None)


def tokens(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Tokens in each step, by direction."""
    table = view.of(schema.spans)
    at = bucket(table.c.start_unix_nano, question.step)
    statement = (
        select(at.label("at"), func.sum(table.c.input_tokens), func.sum(table.c.output_tokens))
        .where(
            question.within(table.c.start_unix_nano),
            question.matches("agent", table.c.agent_id),
            uses_tokens(table),
        )
        .group_by(at)
    )
    values = {}
    for when, sent, received in view.rows(statement):
        values[when, "input"], values[when, "output"] = sent or 0, received or 0
    return _filled(question, "direction", ("input", "output"), values)


def ingest(_: Services, view: View, question: Question) -> dict[str, Any]:
    """What was stored, by the time that it tells and by signal."""
    values: dict[tuple[int, str], int] = {}
    signals: dict[str, tuple[Table, str]] = {
        "spans": (schema.spans, "start_unix_nano"),
        "metrics": (schema.metric_points, "time_unix_nano"),
        "logs": (schema.logs, "time_unix_nano"),
    }
    for signal, (stored, column) in signals.items():
        table = view.of(stored)
        at = bucket(table.c[column], question.step)
        statement = select(at, func.count()).where(question.within(table.c[column])).group_by(at)
        if "agent_id" in table.c:
            statement = statement.where(question.matches("agent", table.c.agent_id))
        values |= {(when, signal): count for when, count in view.rows(statement)}
    return _filled(question, "signal", signals, values)


def _counted(
    view: View,
    question: Question,
    when: ColumnElement[Any],
    label: ColumnElement[Any],
    agent: ColumnElement[Any],
) -> Values:
    at = bucket(when, question.step)
    statement = (
        select(at, label, func.count())
        .where(question.within(when), question.matches("agent", agent))
        .group_by(at, label)
    )
    return {(time, name): count for time, name, count in view.rows(statement)}


def steps(question: Question) -> range:
    """The starts of all steps of the range, milliseconds."""
    first = question.start // question.step * question.step
    return range(first, question.end + 1, question.step)


def _filled(
    question: Question, label: str, names: Iterable[str], values: Values, nothing: int | None = 0
) -> dict[str, Any]:
    known = dict.fromkeys([*map(str, names), *(name for _, name in values)])
    return {
        "data": [
            {"time": at, label: name, "value": values.get((at, name), nothing)}
            for at in steps(question)
            for name in known
        ]
    }
