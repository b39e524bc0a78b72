"""OTLP over HTTP: ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs``."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from promethios.receiver.ingest.pipeline import Pipeline, Signal
from promethios.receiver.otlp import json
from promethios.receiver.otlp.body import read_body
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.encoding import JSON, PROTOBUF, content_type_of, success
from promethios.receiver.otlp.messages import decode
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.settings import Settings


def otlp_blueprint(pipeline: Pipeline, budget: Budget, settings: Settings) -> Blueprint:
    """The three routes, storing through `pipeline`."""
    blueprint = Blueprint("otlp", __name__)

    def export(signal: Signal) -> Response:
        content_type = content_type_of(request.headers.get("Content-Type", ""))
        if content_type not in (PROTOBUF, JSON):
            raise Refusal(
                Kind.UNSUPPORTED, f"the content type must be {PROTOBUF} or {JSON}, not {content_type[:60]!r}"
            )
        with budget.share() as share:
            body = read_body(request, settings.max_body_bytes, share)
            if content_type == JSON:
                message, warning = json.decode(signal, body, settings.max_items, share)
            else:
                message, warning = decode(signal, body, settings.max_items), ""
            stored = pipeline.ingest(g.principal, signal, message, body, warning)
        return success(content_type, signal, stored, settings.max_response_bytes)

    for path, signal in (("traces", Signal.SPANS), ("metrics", Signal.METRICS), ("logs", Signal.LOGS)):
        blueprint.add_url_rule(f"/v1/{path}", path, export, methods=["POST"], defaults={"signal": signal})
    return blueprint
