"""From a request to an answer: one page of JSON with a tag, or an export, page by page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import orjson
from flask import Response, g, request

from promethios.receiver.access.gate import Principal
from promethios.receiver.api import formats
from promethios.receiver.api.cursors import read_cursor
from promethios.receiver.api.pages import cut
from promethios.receiver.api.question import MOST_EXPORTED, Question, parse_question
from promethios.receiver.api.routes import Route, Shape
from promethios.receiver.api.view import View
from promethios.receiver.openapi.rows import ROWS
from promethios.receiver.refusal import Kind, Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.store.connections import snapshot

_log = logging.getLogger(__name__)

#: How many rows an export reads at once: what of it is in memory.
PAGE: Final = 5_000
#: Of the threads that answer, so many may write long exports at once, as a share and at least.
_SHARE, _LEAST = 4, 1

_TOO_LONG: Final = (
    f"there are more than {MOST_EXPORTED} rows: ask for a shorter range, or for as many as 'limit' says"
)


class Answering:
    """Answers the questions of all routes, from read-only connections.

    Args:
        services: The receiver's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._exports = threading.Semaphore(max(_LEAST, services.settings.threads // _SHARE))

    def view(self, route: Route) -> Callable[..., Response]:
        """What Flask calls for a route."""

        def respond(**path: str) -> Response:
            form = formats.format_of(request.args.get("format", ""), request.accept_mimetypes)
            question = parse_question(request.args, route, form)
            asked = _Asked(self._services, route, g.principal, path)
            response = _tagged(asked(question)) if form == "json" else self._export(asked, question, form)
            response.vary.add("Accept")
            return response

        return respond

    def _export(self, asked: _Asked, question: Question, form: str) -> Response:
        """The whole answer, or an error before anything of it is sent."""
        first = asked(replace(question, limit=min(PAGE, question.limit)))
        whole = question.limit <= PAGE or "cursor" not in first
        if not whole and "limit" not in request.args:
            _refuse_too_long(asked, question)
        path = asked.route.path
        write = formats.encoder(form, list(ROWS[path]["properties"]))
        headers = formats.headers(form, path, question.end)
        if whole:
            return Response(write(first["data"], True), headers=headers)
        if not self._exports.acquire(blocking=False):
            raise unavailable("too many exports are being written", retry_after=5, crowded=True)
        response = Response(_pages(asked, question, first, write), headers=headers)
        response.call_on_close(self._exports.release)
        return response


@dataclass(frozen=True, slots=True)
class _Asked:
    """A route with whom it answers and what its path holds: called with a question, it gives a page."""

    services: Services
    route: Route
    principal: Principal
    path: dict[str, str]

    def __call__(self, question: Question) -> dict[str, Any]:
        with snapshot(self.services.readers) as connection:
            view = View(connection, self.principal)
            document = self.route.answer(self.services, view, question, **self.path)
        if self.route.shape is Shape.TABLE:
            return {**document, **cut(question, self.route, document["data"])}
        return document


def _tagged(document: dict[str, Any]) -> Response:
    """A document, or 304 for who has it already. The tag is weak: it is the same for what is packed."""
    # SQLAlchemy names columns with a subclass of str, which orjson takes as a key only when told to.
    body = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    response = Response(body, content_type=formats.TYPES["json"])
    response.set_etag(blake2b(body, digest_size=16).hexdigest(), weak=True)
    response.make_conditional(request)
    return response


def _refuse_too_long(asked: _Asked, question: Question) -> None:
    """An export that ends well is whole: what would have to be cut is not begun."""
    if asked.route.shape is Shape.LIST and asked(replace(question, limit=1, skip=MOST_EXPORTED))["data"]:
        raise Refusal(Kind.UNDECODABLE, _TOO_LONG, code="export-too-long")


def _pages(
    asked: _Asked, question: Question, first: dict[str, Any], write: Callable[[formats.Rows, bool], bytes]
) -> Iterator[bytes]:
    """An export, page by page; no snapshot of the database is held while a client reads.

    An error in the middle cuts it: the last chunk that HTTP asks for never comes, so that no client takes
    what came for the whole.
    """
    yield write(first["data"], True)
    page, left = first, question.limit - len(first["data"])
    try:
        while left > 0 and "cursor" in page:
            place = read_cursor(page["cursor"], None)
            page = asked(replace(question, cursor=place, limit=min(PAGE, left)))
            left -= len(page["data"])
            yield write(page["data"], False)
    except Exception as error:
        _log.error("an export of %r was cut: %s", asked.route.path, error)
        raise ConnectionAbortedError("the export was cut") from error
