"""``/signals/{rule}``: the number of each alert rule, a row for every known agent; ingest-stale has one row.

Alerts are evaluated by what is here, in the receiver and in Grafana: the same numbers.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from flask import request
from sqlalchemy import Select, func, select

from promethios.governance.alerting import RULES, AlertRule, rule_named
from promethios.governance.trust import NEW, fade
from promethios.receiver.api.heartbeats import Instance, lately
from promethios.receiver.api.liveness import patience
from promethios.receiver.api.parts import value
from promethios.receiver.api.quantiles import durations_by
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.routes import Answer, Route, table
from promethios.receiver.api.trust import standings
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.rollups.facts import DECISIONS, SPANS, TIMES, VIOLATIONS
from promethios.receiver.services import Services
from promethios.receiver.store import schema

#: With fewer decisions a share of them says nothing.
LEAST_DECISIONS: Final = 20
#: So many missed heartbeats make an agent ``missing``.
_MISSED: Final = 3

_MILLISECOND: Final = 1_000_000
_Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Signal:
    """What a rule is evaluated by.

    Args:
        numbers: From the question to a number for each agent, 0 where it has none; else of the tenant.
        otherwise: The number of a known agent that has none.
    """

    numbers: Callable[[View, Question], _Numbers]
    otherwise: float = 0


def rows(view: View, rule: AlertRule, question: Question) -> list[dict[str, Any]]:
    """The numbers of a rule over a question's range: text columns, and `value`."""
    signal = SIGNALS[rule.id]
    numbers = signal.numbers(view, question)
    if rule.labels != ("agent_id",):
        return [{rule.labels[0]: label, "value": number} for label, number in numbers.items()]
    return [
        {"agent_id": agent, "value": numbers.get(agent, signal.otherwise)} for agent in view.agents(question)
    ]


def window(rule: AlertRule, now: int) -> Question:
    """The question that a rule asks: its window until now (Unix milliseconds), of every agent."""
    return Question(max(0, now - rule.window_seconds * 1_000), now, 60_000, 1_000, None, {"agent": ()})


def routes() -> tuple[Route, ...]:
    """A route for each rule."""
    return tuple(
        table(f"signals/{rule.id}", _answer(rule.id), key=rule.labels[0], sort="value") for rule in RULES
    )


def _answer(rule_id: str) -> Answer:
    def answer(services: Services, view: View, question: Question) -> dict[str, Any]:
        rule = rule_named(rule_id, services.alerting.rules)
        if not request.args.get("from"):
            question = replace(question, start=max(0, question.end - rule.window_seconds * 1_000))
        return {"data": rows(view, rule, question)}

    answer.__doc__ = rule_named(rule_id).description
    return answer


def _missed(view: View, question: Question) -> _Numbers:
    now = time.time_ns() // _MILLISECOND
    return {agent: _intervals(found, now) for agent, found in lately(view, question, now).items()}


def _intervals(processes: list[Instance], now: int) -> float:
    """Since the last heartbeat of any process that lives; else of the last one, unless it said goodbye."""
    judged = [each for each in processes if each.lives(now)]
    if not judged:
        last = max(processes, key=lambda each: each.heard)
        judged = [] if last.stopped else [last]
    passed = (_MISSED * (now - each.heard) / patience(each.latest.interval_seconds) for each in judged)
    return max(0, round(min(passed, default=0), 2))


def _critical(view: View, question: Question) -> _Numbers:
    asked = replace(question, filters={**question.filters, "severity": ("critical",)})
    found = counted(view, asked, VIOLATIONS, "agent_id", filters={"severity": "severity"})
    return {row["agent_id"]: row["violations"] for row in found}


def _trust(view: View, _: Question) -> _Numbers:
    now = time.time_ns()
    return {agent: fade(standing, now).score for agent, (standing, _) in standings(view).items()}


def _denied(view: View, question: Question) -> _Numbers:
    totals: dict[str, int] = defaultdict(int)
    blocked: dict[str, int] = defaultdict(int)
    for row in counted(view, question, DECISIONS, "agent_id", "enforced"):
        totals[row["agent_id"]] += row["decisions"]
        blocked[row["agent_id"]] += row["decisions"] if row["enforced"] == "block" else 0
    return {agent: blocked[agent] / total for agent, total in totals.items() if total >= LEAST_DECISIONS}


def _latency(view: View, question: Question) -> _Numbers:
    found = durations_by(view, question, TIMES, "agent_id")
    return {agent: hits.get("p95", 0) for (agent,), hits in found.items()}


def _ungoverned(view: View, question: Question) -> _Numbers:
    found = counted(view, question, SPANS, "agent_id")
    return {row["agent_id"]: row["calls"] - row["governed"] for row in found}


def _tokens(view: View, question: Question) -> _Numbers:
    found = counted(view, question, SPANS, "agent_id")
    return {row["agent_id"]: row["input_tokens"] + row["output_tokens"] for row in found}


def _silence(view: View, question: Question) -> _Numbers:
    """Seconds since anything came, by the tenant's name; 0 where nothing is to be expected."""
    tenants = schema.tenants
    (row,) = view.rows(
        select(tenants.c.name, tenants.c.last_ingest_unix_nano).where(tenants.c.id == view.tenant_id)
    )
    if row.last_ingest_unix_nano is None or _all_stopped(view, question):
        return {row.name: 0}
    return {row.name: max(0, round((time.time_ns() - row.last_ingest_unix_nano) / 1e9, 1))}


def _all_stopped(view: View, question: Question) -> bool:
    """Whether every agent said goodbye, and so nothing is to be expected."""
    known = set(view.agents(question))
    heard = lately(view, question, time.time_ns() // _MILLISECOND)
    said = {agent for agent, found in heard.items() if max(found, key=lambda each: each.heard).stopped}
    return bool(known) and known <= said


def _gaps(view: View, question: Question) -> _Numbers:
    """How many numbers are missing between the first and the last of each process in the range."""
    values = {
        "first": question.start * _MILLISECOND,
        "last": question.end * _MILLISECOND + _MILLISECOND - 1,
    }
    missing: dict[str, float] = defaultdict(float)
    for row in view.rows(_numbering(view.agent_id is not None), values):
        missing[row.agent_id] += row.most - row.least + 1 - row.known
    return missing


@cache
def _numbering(one_agent: bool) -> Select[Any]:
    decisions = Eyes(one_agent).of(schema.decisions)
    return (
        select(
            decisions.c.agent_id,
            func.min(decisions.c.seq).label("least"),
            func.max(decisions.c.seq).label("most"),
            func.count(decisions.c.seq.distinct()).label("known"),
        )
        .where(
            decisions.c.time_unix_nano.between(value("first"), value("last")),
            decisions.c.dialect == "",
            decisions.c.seq > 0,
        )
        .group_by(decisions.c.agent_id, decisions.c.instance_id)
    )


#: What each rule is evaluated by.
SIGNALS: Final[Mapping[str, Signal]] = {
    "heartbeat-lost": Signal(_missed),
    "critical-violation": Signal(_critical),
    "trust-low": Signal(_trust, NEW.score),
    "denial-ratio": Signal(_denied),
    "policy-latency": Signal(_latency),
    "ungoverned-operations": Signal(_ungoverned),
    "ingest-stale": Signal(_silence),
    "token-budget": Signal(_tokens),
    "evidence-gap": Signal(_gaps),
}
