"""``/alerts``: how alerts stand; ``/alerts/silences``: what is not told, until when, by whom and why."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import orjson
from flask import Blueprint, Response, g, request
from sqlalchemy import Connection, delete, func, insert, select

from promethios.governance.alerting import AlertingError, rule_named
from promethios.receiver.access.gate import Principal
from promethios.receiver.alerts.configuration import Alerting
from promethios.receiver.alerts.evaluation import FAILED
from promethios.receiver.alerts.messages import Silence
from promethios.receiver.alerts.standing import State
from promethios.receiver.alerts.store import MOST_SILENCES
from promethios.receiver.api.bodies import read_object
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store.alert_tables import alert_silences, alerts

#: The longest silence, seconds, and how long one is that does not say it.
LONGEST: Final = 90 * 86_400
_TWO_HOURS: Final = 7_200
#: The longest text of a silence, characters.
LONGEST_TEXT: Final = 500
_MILLISECOND: Final = 1_000_000
_KEYS: Final = ("rule", "agent", "seconds", "reason", "author")


def standing(services: Services, view: View, question: Question) -> dict[str, Any]:
    """Every alert that is pending or firing, and those that were resolved in the range."""
    return {"data": alert_rows(services.alerting, view, question)}


def alert_rows(alerting: Alerting, view: View, question: Question) -> list[dict[str, Any]]:
    """Alerts that may be seen, with the titles of these rules."""
    table, now = view.of(alerts), time.time_ns()
    found = view.rows(
        select(table).where(
            (table.c.state != State.RESOLVED) | question.within(table.c.changed_unix_nano),
            question.matches("agent", table.c.agent_id),
            *(question.matches(name, table.c[name]) for name in ("rule", "state", "severity")),
        )
    )
    quiet = [Silence(row.rule, row.agent_id, row.until_unix_nano) for row in _lasting(view, now)]
    return [_row(alerting, row, quiet, now) for row in found]


def _row(alerting: Alerting, row: Any, silences: list[Silence], now: int) -> dict[str, Any]:
    rule = FAILED if row.rule == FAILED.id else alerting.rule(row.rule)
    return {
        "rule": row.rule,
        "title": rule.title if rule else row.rule,
        "severity": row.severity,
        "state": row.state,
        "agent_id": row.agent_id,
        "labels": row.labels,
        "value": row.value,
        "threshold": row.threshold,
        "since": row.since_unix_nano // _MILLISECOND,
        "last_change": row.changed_unix_nano // _MILLISECOND,
        "silenced": any(each.covers(row.rule, row.agent_id, now) for each in silences),
        "summary": row.summary,
    }


def silences(_: Services, view: View, __: Question) -> dict[str, Any]:
    """Every silence that is not over."""
    return {"data": silence_rows(view)}


def silence_rows(view: View) -> list[dict[str, Any]]:
    """Silences that may be seen and are not over."""
    return [_silence(row) for row in _lasting(view, time.time_ns())]


def _lasting(view: View, now: int) -> list[Any]:
    """Silences that are not over; a key that is bound to an agent sees also those of every agent."""
    table = view.eyes.of_everyone(alert_silences)
    rows = view.rows(select(table).where(table.c.until_unix_nano > now))
    return [row for row in rows if view.agent_id is None or row.agent_id in ("", view.agent_id)]


def _silence(row: Any) -> dict[str, Any]:
    return {
        "silence_id": row.id,
        "rule": row.rule,
        "agent_id": row.agent_id,
        "reason": row.reason,
        "author": row.author,
        "created": row.created_unix_nano // _MILLISECOND,
        "until": row.until_unix_nano // _MILLISECOND,
    }


def alerts_blueprint(services: Services) -> Blueprint:
    """``POST /api/v1/alerts/silences`` and ``DELETE /api/v1/alerts/silences/{silence_id}``."""
    blueprint = Blueprint("alerts", __name__, url_prefix="/api/v1/alerts/silences")

    @blueprint.post("", provide_automatic_options=False)
    def silence() -> Response:
        principal: Principal = g.principal
        row = wanted(read_object(request), f"key {principal.key_id}")
        made = services.writer.do(
            lambda connection: make_silence(connection, principal.tenant_id, row), always=True
        )
        return Response(orjson.dumps({"data": [made]}), 201, content_type="application/json")

    @blueprint.delete("/<silence_id>", provide_automatic_options=False)
    def unsilence(silence_id: str) -> Response:
        principal: Principal = g.principal
        services.writer.do(
            lambda connection: end_silence(connection, silence_id, principal.tenant_id), always=True
        )
        return Response(status=204)

    return blueprint


def wanted(body: dict[str, Any], key: str) -> dict[str, Any]:
    """What a silence is to be, as a row without its tenant.

    Args:
        body: ``rule``, ``agent``, ``seconds``, ``reason``, ``author``.
        key: Who asks, where ``author`` does not say more.

    Raises:
        Refusal: It cannot be so.
    """
    if unknown := sorted(set(body) - set(_KEYS)):
        raise _bad(f"unknown field {unknown[0][:60]!r}: a silence has {', '.join(_KEYS)}")
    rule, agent, reason, author = (_text(body, name) for name in ("rule", "agent", "reason", "author"))
    if not reason.strip():
        raise _bad("a silence needs a 'reason'")
    if not (rule or agent):
        raise _bad("a silence needs a 'rule' or an 'agent': to silence everything, silence each rule")
    if rule and rule != FAILED.id:
        try:
            rule_named(rule)
        except AlertingError as error:
            raise _bad(str(error)) from None
    seconds = body.get("seconds", _TWO_HOURS)
    if type(seconds) is not int or not 0 < seconds <= LONGEST:
        raise _bad(f"'seconds' must be a whole number from 1 to {LONGEST}")
    now = time.time_ns()
    return {
        "rule": rule,
        "agent_id": agent,
        "reason": reason,
        "author": f"{author} ({key})" if author else key,
        "created_unix_nano": now,
        "until_unix_nano": now + seconds * 10**9,
    }


def _text(body: dict[str, Any], name: str) -> str:
    text = body.get(name, "")
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise _bad(f"'{name}' must be text of at most {LONGEST_TEXT} characters")
    return text


def make_silence(connection: Connection, tenant_id: int, row: dict[str, Any]) -> dict[str, Any]:
    """Store a silence; it as the API shows it.

    Raises:
        Refusal: There are too many.
    """
    table = alert_silences
    number = select(func.count()).where(
        table.c.tenant_id == tenant_id, table.c.until_unix_nano > row["created_unix_nano"]
    )
    if (connection.execute(number).scalar() or 0) >= MOST_SILENCES:
        raise Refusal(Kind.CONFLICT, f"there are {MOST_SILENCES} silences: end some of them")
    made = connection.execute(insert(table).values(tenant_id=tenant_id, **row).returning(table))
    return _silence(made.one())


def end_silence(connection: Connection, silence_id: str, tenant_id: int | None = None) -> None:
    """End a silence, by deleting it: what it kept back is told.

    Raises:
        Refusal: There is none.
    """
    table = alert_silences
    number = int(silence_id) if re.fullmatch("[0-9]{1,18}", silence_id) else 0
    statement = delete(table).where(table.c.id == number)
    if tenant_id is not None:
        statement = statement.where(table.c.tenant_id == tenant_id)
    if not connection.execute(statement).rowcount:
        raise Refusal(Kind.NOT_FOUND, "there is no such silence: /api/v1/alerts/silences lists them")


def _bad(message: str) -> Refusal:
    return Refusal(Kind.UNDECODABLE, message)
