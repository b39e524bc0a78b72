"""``/api/v1``: questions and answers, one file for each resource; flat rows under ``data``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from flask import Blueprint, Response, g, request

from promethios.receiver.api import (
    decisions,
    logs,
    series,
    stats,
    status,
    timeline,
    traces,
    trust,
    violations,
)
from promethios.receiver.api.agents import agent, agents
from promethios.receiver.api.question import parse_question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services

#: Every route: its path, what answers it, and the filters that it knows besides the common parameters.
ROUTES: Final[tuple[tuple[str, Callable[..., dict[str, Any]], frozenset[str]], ...]] = (
    ("status", status.status, frozenset()),
    ("agents", agents, frozenset()),
    ("agents/<path:agent_id>", agent, frozenset()),
    ("decisions", decisions.decisions, frozenset({"verdict", "point"})),
    ("violations", violations.violations, frozenset({"severity", "policy"})),
    ("violations/by_policy", violations.by_policy, frozenset({"severity", "policy"})),
    ("stats", stats.stats, frozenset()),
    ("series/decisions", series.decisions, frozenset()),
    ("series/violations", series.violations, frozenset()),
    ("series/latency", series.latency, frozenset()),
    ("series/tokens", series.tokens, frozenset()),
    ("series/ingest", series.ingest, frozenset()),
    ("series/liveness", timeline.liveness, frozenset()),
    ("series/trust", trust.series, frozenset()),
    ("trust", trust.trust, frozenset()),
    ("trust/<path:agent_id>", trust.explain, frozenset()),
    ("traces/<trace_id>", traces.trace, frozenset()),
    ("logs", logs.logs, frozenset({"severity"})),
)


def api_blueprint(services: Services) -> Blueprint:
    """Every route of `ROUTES`, answered from read-only connections."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    for path, answer, filters in ROUTES:
        blueprint.add_url_rule(f"/{path}", path.replace("/", "_"), _view(services, answer, filters))
    return blueprint


def _view(
    services: Services, answer: Callable[..., dict[str, Any]], filters: frozenset[str]
) -> Callable[..., Response]:
    def respond(**path: str) -> Response:
        question = parse_question(request.args, filters)
        with services.readers.connect() as connection:
            # All of an answer is read from the database as it is now, however many statements that takes.
            connection.exec_driver_sql("BEGIN")
            document = answer(services, View(connection, g.principal), question, **path)
        # SQLAlchemy names columns with a subclass of str, which orjson takes as a key only when told to.
        body = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
        return Response(body, content_type="application/json")

    return respond
