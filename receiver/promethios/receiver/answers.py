"""How a refusal is worded for whom: OTLP's clients read `google.rpc.Status`, most others RFC 9457."""

from __future__ import annotations

from typing import Final

from flask import Response

from promethios.receiver.api.problem import problem
from promethios.receiver.jaeger.http import PREFIX, refused
from promethios.receiver.otlp.encoding import failure
from promethios.receiver.refusal import Refusal

#: What every answer says to browsers. The console's page allows itself a little more.
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def answer(path: str, content_type: str, refusal: Refusal) -> Response:
    """The response to a refused request.

    Args:
        path: What was asked for. Whatever looks like an OTLP endpoint is answered like one.
        content_type: The request's, which the answer to OTLP follows.
        refusal: Why.
    """
    if path.replace("//", "/").startswith("/v1/"):
        response = failure(content_type, refusal)
    else:
        response = refused(refusal) if path.startswith(f"{PREFIX}/") else problem(refusal)
    response.headers.update({**HEADERS, **refusal.headers})
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
