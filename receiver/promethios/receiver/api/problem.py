"""Refusals of the API: RFC 9457 problem documents."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from flask import Response

from promethios.receiver.refusal import Refusal


def problem(refusal: Refusal) -> Response:
    """The refusal as ``application/problem+json``."""
    status = refusal.kind.http
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": refusal.message,
    }
    return Response(orjson.dumps(document), status, content_type="application/problem+json")
