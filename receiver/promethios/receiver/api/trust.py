"""``/trust``: how agents stand, how they stood, and why; an administrator acknowledges an alarm."""

from __future__ import annotations

import time
from bisect import bisect_right
from dataclasses import replace
from heapq import nsmallest
from typing import Any, Final

import orjson
from flask import Blueprint, Response, g, request
from sqlalchemy import ColumnElement, and_, func, or_, select

from promethios.governance.trust import METHOD, NEW, Standing, fade
from promethios.receiver.access.gate import Principal
from promethios.receiver.api.columns import hexadecimal, millis
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.series import steps
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store import schema
from promethios.receiver.trust.explanation import LOOKED_BACK, advice, movers
from promethios.receiver.trust.replay import acknowledge_alarm

_LONGEST: Final = 10_000
_LONGEST_NOTE: Final = 200
_NO_AGENT: Final = "there is no such agent: /api/v1/agents lists them"


def trust(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for every known agent, as it stands now; one that decided nothing yet is new."""
    accounts, now = standings(view), time.time_ns()
    known = view.agents(question)
    return {"data": [_row(agent_id, *accounts.get(agent_id, (NEW, 0)), now) for agent_id in known]}


def explain(_: Services, view: View, __: Question, agent_id: str) -> dict[str, Any]:
    """One agent's row, the decisions that weigh most on it, and what would raise its score."""
    return explanation(view, agent_id)


def explanation(view: View, agent_id: str) -> dict[str, Any]:
    """Why an agent has the score that it has.

    Raises:
        Refusal: There is no such agent.
    """
    table = view.of(schema.agents)
    if not view.rows(select(table.c.agent_id).where(table.c.agent_id == agent_id)):
        raise Refusal(Kind.NOT_FOUND, _NO_AGENT)
    now = time.time_ns()
    latest, decisions = standings(view).get(agent_id, (NEW, 0))
    standing = fade(latest, now)
    return {
        "data": [_row(agent_id, latest, decisions, now)],
        "decisions": [
            {
                "time": mover.decision["time_unix_nano"] // 1_000_000,
                "points": mover.points,
                "weight": mover.decision["weight"],
                "left": round(mover.left, 3),
                **{name: mover.decision[name] for name in _SHOWN},
            }
            for mover in movers(standing, _latest(view, agent_id))
        ],
        "advice": [{"text": text} for text in advice(standing)],
    }


_SHOWN: Final = (
    "decision_id",
    "verdict",
    "enforced",
    "policies",
    "reason",
    "point",
    "model",
    "tool",
    "trace_id",
)


def series(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Each agent's score at the end of each step; null before its first decision.

    With `top` of the agents whose score is the lowest now; of those that never decided anything last.
    """
    known = _lowest(view, view.agents(question), question.top)
    if not known:
        return {"data": []}
    told = _told(
        view, question if question.top is None else replace(question, filters={"agent": tuple(known)})
    )
    rows = []
    for agent_id in known:
        moments, states = told.get(agent_id, ([], []))
        for at in steps(question):
            end = min(at + question.step, question.end) * 1_000_000
            place = bisect_right(moments, end)
            rows.append(
                {
                    "time": at,
                    "agent_id": agent_id,
                    "value": fade(states[place - 1], end).score if place else None,
                }
            )
    return {"data": sorted(rows, key=lambda row: row["time"])}


def _lowest(view: View, agents: list[str], top: int | None) -> list[str]:
    """So many agents of the lowest score, by name; all without a number, or where there are no more."""
    if top is None or len(agents) <= top:
        return agents
    now = time.time_ns()
    scores = {agent_id: fade(standing, now).score for agent_id, (standing, _) in standings(view).items()}
    return sorted(nsmallest(top, agents, key=lambda each: (each not in scores, scores.get(each), each)))


def changes(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each time that a score moved by much, changed its tier, or an alarm began or ended."""
    table, decided = view.of(schema.trust_scores), view.of(schema.decisions)
    before = table.alias("before")
    score_before = (
        select(before.c.score)
        .where(before.c.agent_id == table.c.agent_id, _is_before(before, table))
        .order_by(before.c.time_unix_nano.desc(), before.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(
            millis(table.c.time_unix_nano).label("time"),
            table.c.agent_id,
            table.c.score,
            (table.c.score - func.coalesce(score_before, NEW.score)).label("change"),
            table.c.cause,
            table.c.reason,
            table.c.decision_id,
            func.coalesce(hexadecimal(decided.c.trace_id), "").label("trace_id"),
        )
        .outerjoin(decided, decided.c.decision_id == table.c.decision_id)
        .where(question.matches("agent", table.c.agent_id), question.matches("cause", table.c.cause))
    )
    return page(view, question, statement, table.c.time_unix_nano, table.c.id)


def _is_before(one: Any, other: Any) -> ColumnElement[bool]:
    same = and_(one.c.time_unix_nano == other.c.time_unix_nano, one.c.id < other.c.id)
    return or_(one.c.time_unix_nano < other.c.time_unix_nano, same)


def trust_blueprint(services: Services) -> Blueprint:
    """``POST /api/v1/trust/{agent_id}/acknowledge``."""
    blueprint = Blueprint("trust", __name__, url_prefix="/api/v1/trust")

    @blueprint.post("/<path:agent_id>/acknowledge", provide_automatic_options=False)
    def acknowledge(agent_id: str) -> Response:
        principal: Principal = g.principal
        reason = f"acknowledged with the key {principal.key_id}{_note()}"
        account = services.writer.do(
            lambda connection: acknowledge_alarm(
                connection, principal.tenant_id, agent_id, time.time_ns(), reason
            )
        )
        if account is None:
            with services.readers.connect() as connection:
                _check_known(View(connection, principal), agent_id)
            raise Refusal(Kind.CONFLICT, f"agent {agent_id[:60]!r} has no alarm to acknowledge")
        row = _row(agent_id, account.standing, account.decisions, time.time_ns())
        return Response(orjson.dumps({"data": [row]}), content_type="application/json")

    return blueprint


def _check_known(view: View, agent_id: str) -> None:
    table = view.of(schema.agents)
    if view.value(select(table.c.agent_id).where(table.c.agent_id == agent_id)) is None:
        raise Refusal(Kind.NOT_FOUND, _NO_AGENT)


def standings(view: View) -> dict[str, tuple[Standing, int]]:
    """How each agent stood after its latest decision, and how many it has made."""
    table = view.of(schema.trust_standings)
    return {row.agent_id: (_standing(row), row.decisions) for row in view.rows(select(table))}


def _standing(row: Any) -> Standing:
    return Standing(row.r, row.s, row.g, row.last_unix_nano, bool(row.alarmed))


def _row(agent_id: str, standing: Standing, decisions: int, now: int) -> dict[str, Any]:
    current = fade(standing, now)
    return {
        "agent_id": agent_id,
        "score": current.score,
        "tier": current.tier,
        "bound": round(current.bound, 6),
        "evidence": round(current.evidence, 3),
        "alarmed": current.alarmed,
        "method": METHOD,
        "updated": standing.last // 1_000_000 if decisions else None,
        "decisions": decisions,
        "good": round(current.r, 3),
        "bad": round(current.s, 3),
        "change": round(current.g, 3),
    }


def _latest(view: View, agent_id: str) -> list[dict[str, Any]]:
    """The agent's latest decisions, newest first, in the order in which trust took them."""
    table = view.of(schema.decisions)
    columns = [
        hexadecimal(table.c[name]).label(name) if name == "trace_id" else table.c[name] for name in _SHOWN
    ]
    statement = (
        select(table.c.time_unix_nano, table.c.weight, *columns)
        .where(table.c.agent_id == agent_id, table.c.dialect == "")
        .order_by(table.c.id.desc())
        .limit(LOOKED_BACK)
    )
    return [dict(row._mapping) for row in view.rows(statement)]


def _told(view: View, question: Question) -> dict[str, tuple[list[int], list[Standing]]]:
    """For each agent when its score was told, in the range and last before it, and how it stood."""
    table = view.of(schema.trust_scores)
    start, end = question.start * 1_000_000, question.end * 1_000_000 + 999_999
    before = select(func.max(table.c.id)).where(table.c.time_unix_nano < start).group_by(table.c.agent_id)
    statement = (
        select(table)
        .where(
            question.matches("agent", table.c.agent_id),
            table.c.time_unix_nano.between(start, end) | table.c.id.in_(before),
        )
        .order_by(table.c.time_unix_nano, table.c.id)
    )
    told: dict[str, tuple[list[int], list[Standing]]] = {}
    for row in view.rows(statement):
        moments, states = told.setdefault(row.agent_id, ([], []))
        moments.append(row.time_unix_nano)
        states.append(_standing(row))
    return told


def _note() -> str:
    """What the administrator says about it, after a colon; empty where nothing is said."""
    body = request.stream.read(_LONGEST)
    try:
        document = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Refusal(Kind.UNDECODABLE, f"the body is not JSON: {error}") from error
    if not isinstance(document, dict) or set(document) - {"note"}:
        raise Refusal(Kind.UNDECODABLE, "the body may be an object with 'note', and nothing else")
    note = document.get("note", "")
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE:
        raise Refusal(Kind.UNDECODABLE, f"'note' must be text of at most {_LONGEST_NOTE} characters")
    return f": {note}" if note else ""
