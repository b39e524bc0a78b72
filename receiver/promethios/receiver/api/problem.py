"""Refusals of the API: RFC 9457 problem documents."""

from __future__ import annotations

import orjson
from flask import Response

from promethios.receiver.problems import problem_of
from promethios.receiver.refusal import Refusal


def problem(refusal: Refusal) -> Response:
    """The refusal as ``application/problem+json``."""
    found, status = problem_of(refusal), refusal.kind.http
    document = {"type": found.type, "title": found.title, "status": status, "detail": refusal.message}
    return Response(orjson.dumps(document), status, content_type="application/problem+json")
