"""The console: one page at ``/`` and its assets below ``/console/``, for a Flask application.

The page is static and needs no key, and neither do the dashboards, which hold no data. It asks ``/api/v1``
in a session that a person's key has opened, so it can show what that key may read and nothing else.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, abort, request

from promethios.receiver.console.assets import PAGE, Asset, load_assets
from promethios.receiver.console.boards import load_boards
from promethios.receiver.console.page import make_page, version_of

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
_VERSION: Final = version_of(_ASSETS)
_PAGE: Final = make_page(_ASSETS)
_BOARDS: Final = load_boards()
_LISTING: Final = _BOARDS.listing()

_FOR_EVER: Final = "public, max-age=31536000, immutable"

blueprint = Blueprint("console", __name__)


@blueprint.get("/")
def page() -> Response:
    """Send the page, never from a cache: after an upgrade it must name the new assets."""
    response = _respond(_PAGE)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get(f"/console/{_VERSION}/<path:name>")
def asset(name: str) -> Response:
    """Send one asset of this version, to be kept: under this address it never changes."""
    response = _checked(_ASSETS.get(name) if name != PAGE else None)
    response.headers["Cache-Control"] = _FOR_EVER
    return response


@blueprint.get("/console/dashboards.json")
def boards() -> Response:
    """Send the list of dashboards, and of what was left out."""
    return _checked(_LISTING)


@blueprint.get("/console/dashboards/<uid>.json")
def board(uid: str) -> Response:
    """Send one dashboard's JSON."""
    return _checked(_BOARDS.assets.get(uid))


@blueprint.get("/console/<path:name>")
def named(name: str) -> Response:
    """Send one asset by its name alone; 404 for every name that is not one."""
    return _checked(_ASSETS.get(name) if name != PAGE else None)


@blueprint.after_request
def secure(response: Response) -> Response:
    """Put the security headers on every answer of the console, errors too."""
    response.headers.update(_HEADERS)
    return response


def _checked(found: Asset | None) -> Response:
    """The answer with an asset, or 304 when the browser has it already."""
    if found is None:
        abort(404)
    response = _respond(found)
    response.set_etag(found.etag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def _respond(found: Asset) -> Response:
    return Response(found.body, content_type=found.content_type)
