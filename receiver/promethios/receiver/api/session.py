"""``/console/session``: a page of the console hands in a key and gets a cookie that reads in its place."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, g, request

from promethios.receiver.access.gate import Gate
from promethios.receiver.access.sessions import COOKIE, LASTS, PATHS
from promethios.receiver.services import Services


def session_blueprint(services: Services) -> Blueprint:
    """``POST`` and ``DELETE /console/session``."""
    blueprint = Blueprint("session", __name__)
    secure = services.settings.tls or services.settings.behind_tls_proxy

    @blueprint.post("/console/session", provide_automatic_options=False)
    def begin() -> Response:
        """Begin a session with the key in `Authorization`, which must be one that reads."""
        _end(services)
        return _with_cookie(services.gate.sessions.begin(g.principal.key_id), LASTS, secure)

    @blueprint.delete("/console/session", provide_automatic_options=False)
    def end() -> Response:
        """End it, here and in the browser."""
        _end(services)
        return _with_cookie("", 0, secure)

    return blueprint


def signed_in_blueprint(gate: Gate) -> Blueprint:
    """``GET /console/session``, open to everyone: a page asks before it shows its login, without an error."""
    blueprint = Blueprint("signed_in", __name__)

    @blueprint.get("/console/session")
    def signed_in() -> dict[str, Any]:
        token = request.cookies.get(COOKIE)
        record = gate.behind(token) if token else None
        if record is None:
            return {"signed_in": False}
        who = {"tenant": record.tenant, "agent": record.agent_id}
        return {"signed_in": True, **who, "version": version("promethios")}

    return blueprint


def _end(services: Services) -> None:
    if token := request.cookies.get(COOKIE):
        services.gate.sessions.end(token)


def _with_cookie(token: str, seconds: int, secure: bool) -> Response:
    response = Response(status=204)
    for path in PATHS:
        response.set_cookie(
            COOKIE, token, max_age=seconds, path=path, secure=secure, httponly=True, samesite="Strict"
        )
    return response
