"""The console: one page at ``/`` and its assets below ``/console/``, for a Flask application.

The page is static and needs no key. It asks ``/api/v1`` with the key that a person types in, so it can show
what that key may read and nothing else.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, abort, request

from promethios.receiver.console.assets import PAGE, Asset, load_assets

__all__ = ["CONTENT_SECURITY_POLICY", "blueprint"]

#: Nothing but the page's own files and its own origin's answers. Trusted Types without a policy make every
#: sink that turns text into markup or code throw: a hostile attribute value stays text even after a mistake.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_ASSETS: Final = load_assets()

blueprint = Blueprint("console", __name__)


@blueprint.get("/")
def page() -> Response:
    """Send the page, never from a cache: after an upgrade it must name the new assets."""
    response = _respond(_ASSETS[PAGE])
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/console/<path:name>")
def asset(name: str) -> Response:
    """Send one asset, or 304 when the browser has it already; 404 for every name that is not one."""
    found = _ASSETS.get(name)
    if found is None or name == PAGE:
        abort(404)
    response = _respond(found)
    response.set_etag(found.etag)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@blueprint.after_request
def secure(response: Response) -> Response:
    """Put the security headers on every answer of the console, errors too."""
    response.headers.update(_HEADERS)
    return response


def _respond(found: Asset) -> Response:
    return Response(found.body, content_type=found.content_type)
