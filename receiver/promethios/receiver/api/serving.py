"""Whose spans a service's are: what the database can look for, as it has no index of services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, Subquery, bindparam, func, select

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import Rolled
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import SPANS
from promethios.receiver.store import schema


def agents_of(view: View, question: Question, services: Sequence[str]) -> dict[str, int]:
    """How many spans the agents have in the range of which at least one is of these services."""
    rolled = Rolled(view, replace(question, filters={"agent": question.filters.get("agent", ())}), SPANS)
    statement = _by_agent(rolled.count("agent_id", "resource_id"), view.eyes.of_everyone(schema.resources))
    rows = view.rows(statement, {**rolled.parameters, "services": list(services)})
    return {row.agent_id: row.spans for row in rows if row.ours}


@cache
def _by_agent(counted: Subquery, resources: Subquery) -> Select[Any]:
    ours = counted.c.resource_id.in_(_named(resources))
    return select(
        counted.c.agent_id,
        func.sum(counted.c.spans).label("spans"),
        func.max(ours).label("ours"),
    ).group_by(counted.c.agent_id)


def _named(resources: Subquery) -> Select[Any]:
    names: BindParameter[Any] = bindparam("services", expanding=True)
    return select(resources.c.id).where(resources.c.service_name.in_(names))


def of_services(view: View, services: Sequence[str], resource_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that a span is one of these services'."""
    known = view.eyes.of_everyone(schema.resources)
    return resource_id.in_(select(known.c.id).where(known.c.service_name.in_(services)))
