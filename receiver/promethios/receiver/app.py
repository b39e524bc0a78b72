"""The Flask application: parts, the gate in front of all of them, and errors in the client's language."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, g, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from promethios.receiver.access.sessions import COOKIE, session_in
from promethios.receiver.answers import HEADERS, answer
from promethios.receiver.api import api_blueprint
from promethios.receiver.api.alerts import alerts_blueprint
from promethios.receiver.api.keys import keys_blueprint
from promethios.receiver.api.live import live_blueprint
from promethios.receiver.api.session import session_blueprint, signed_in_blueprint
from promethios.receiver.api.tenants import tenants_blueprint
from promethios.receiver.api.trust import trust_blueprint
from promethios.receiver.console import blueprint as console
from promethios.receiver.health import health_blueprint
from promethios.receiver.jaeger.http import jaeger_blueprint
from promethios.receiver.live.hub import Hub
from promethios.receiver.openapi.document import openapi_blueprint
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.http import otlp_blueprint
from promethios.receiver.packing import packed
from promethios.receiver.plain.http import plain_blueprint
from promethios.receiver.refusal import Kind, Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.telemetry.counts import signal_at
from promethios.receiver.telemetry.figures import Observer
from promethios.receiver.telemetry.prometheus import metrics_blueprint

_log = logging.getLogger(__name__)

_KINDS: Final = {kind.http: kind for kind in Kind}

#: How much of an unknown address an answer repeats.
_LONGEST_PATH: Final = 100


def create_app(
    services: Services, budget: Budget, observer: Observer | None = None, hub: Hub | None = None
) -> Flask:
    """Put the application together over a receiver's services.

    Args:
        services: The receiver's parts.
        budget: How much of requests may be in memory.
        observer: Knows the receiver's figures.
        hub: Tells those who listen.
    """
    observer = observer or Observer(services, budget)
    app = Flask(__name__, static_folder=None)
    # "//v1/traces" is another address than "/v1/traces", and not one of ours.
    app.url_map.merge_slashes = False
    app.register_blueprint(otlp_blueprint(services.pipeline, budget, services.settings))
    app.register_blueprint(plain_blueprint(services.pipeline, budget, services.settings, services.writer))
    app.register_blueprint(api_blueprint(services))
    app.register_blueprint(live_blueprint(Hub(services) if hub is None else hub))
    app.register_blueprint(jaeger_blueprint(services))
    app.register_blueprint(openapi_blueprint())
    app.register_blueprint(keys_blueprint(services))
    app.register_blueprint(tenants_blueprint(services))
    app.register_blueprint(trust_blueprint(services))
    app.register_blueprint(alerts_blueprint(services))
    app.register_blueprint(metrics_blueprint(observer, services.readers))
    app.register_blueprint(health_blueprint(services.writer))
    app.register_blueprint(session_blueprint(services))
    app.register_blueprint(signed_in_blueprint(services.gate))
    app.register_blueprint(console)

    @app.before_request
    def enter() -> None:
        """Every request comes by here; one to an address that does not exist ends as 404 by itself."""
        if request.routing_exception is None:
            site = request.headers.get("Sec-Fetch-Site")
            session = session_in(request.method, request.path, request.cookies.get(COOKIE), site)
            g.principal = services.gate.enter(
                request.blueprint, request.headers, request.remote_addr or "", session
            )

    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        refusal = _as_refusal(error)
        services.counts.refused_request(signal_at(request.path), refusal)
        return answer(request.path, request.headers.get("Content-Type", ""), refusal)

    @app.after_request
    def protect(response: WerkzeugResponse) -> WerkzeugResponse:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return packed(request, response)

    return app


def _as_refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        kind = _KINDS.get(error.code, Kind.UNDECODABLE)
        return Refusal(kind, _words(error, headers), headers=headers)
    if isinstance(error, OperationalError) and str(error.orig) == "interrupted":
        return unavailable(
            "the question took too long: ask for a shorter range", retry_after=3, code="question-too-long"
        )
    # Quoted, and cut: who sends an address with a line break in it would write lines of the log.
    _log.error("%r failed", f"{request.method} {request.path}"[:_LONGEST_PATH], exc_info=error)
    return unavailable("the receiver failed to answer; its log says why", retry_after=3)


def _words(error: HTTPException, headers: Mapping[str, str]) -> str:
    where = repr(request.path[:_LONGEST_PATH])
    if error.code == Kind.NOT_FOUND.http:
        return (
            f"there is nothing at {where}: OTLP goes to /v1/traces, /v1/metrics and /v1/logs, "
            "questions to /api/v1/"
        )
    if error.code == Kind.WRONG_METHOD.http:
        return f"{request.method} is not possible at {where}: use {headers['Allow']}"
    return error.description or error.name
