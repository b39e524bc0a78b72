"""The routes of Jaeger's query API, in its envelope; what is refused is told in its form too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson
from flask import Blueprint, Response, g, request

from promethios.receiver.api.view import View
from promethios.receiver.jaeger import model, search
from promethios.receiver.jaeger.questions import parse_search, service_of, trace_ids, trace_key
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store.connections import snapshot

PREFIX: Final = "/jaeger"
#: Jaeger's own words: some clients look for them.
_NOT_FOUND: Final = "trace not found"
_CUT: Final = (
    f"the search ended after {search.MOST_EXAMINED} spans: ask for a shorter range, or name the operation"
)


class _Answers:
    """What answers each route, from read-only connections.

    Args:
        services: The receiver's parts.
    """

    def __init__(self, services: Services) -> None:
        self._readers = services.readers

    @contextmanager
    def _view(self) -> Iterator[View]:
        with snapshot(self._readers) as connection:
            yield View(connection, g.principal)

    def services(self) -> Response:
        """The names of services."""
        with self._view() as view:
            return _listed(search.services(view))

    def names(self, service: str) -> Response:
        """What a service's spans are called."""
        with self._view() as view:
            return _listed(sorted({name for name, _ in search.operations(view, service)}))

    def operations(self) -> Response:
        """The same, with their kinds."""
        service, kind = service_of(request.args), request.args.get("spanKind", "")
        with self._view() as view:
            found = search.operations(view, service, kind)
        return _listed([{"name": name, "spanKind": of_kind} for name, of_kind in found])

    def traces(self) -> Response:
        """The traces with these ids, or those that are searched for."""
        keys = trace_ids(request.args)
        wanted = None if keys else parse_search(request.args)
        with self._view() as view:
            if wanted is None:
                return _by_id(view, keys)
            found = search.find(view, wanted)
            errors = [] if found.whole else [{"msg": _CUT}]
            return envelope(model.traces(view, found.traces), errors=errors)

    def trace(self, trace_id: str) -> Response:
        """One trace."""
        key = trace_key(trace_id)
        with self._view() as view:
            found = model.traces(view, [key])
        if not found:
            raise Refusal(Kind.NOT_FOUND, _NOT_FOUND)
        return envelope(found)


def jaeger_blueprint(services: Services) -> Blueprint:
    """Every route."""
    blueprint, answers = Blueprint("jaeger", __name__, url_prefix=f"{PREFIX}/api"), _Answers(services)
    for path, answer in (
        ("services", answers.services),
        ("services/<path:service>/operations", answers.names),
        ("operations", answers.operations),
        ("traces", answers.traces),
        ("traces/<trace_id>", answers.trace),
    ):
        blueprint.add_url_rule(f"/{path}", answer.__name__, answer)
    return blueprint


def _listed(rows: Sequence[Any]) -> Response:
    return envelope(rows, total=len(rows))


def _by_id(view: View, keys: list[bytes]) -> Response:
    """Those of these traces that there are, and an error for each other."""
    found = model.traces(view, keys)
    known = {each["traceID"] for each in found}
    missing = [{"msg": _NOT_FOUND, "traceID": key.hex()} for key in keys if key.hex() not in known]
    return envelope(found, errors=missing)


def envelope(
    data: Any, *, total: int = 0, errors: Sequence[dict[str, Any]] = (), status: int = 200
) -> Response:
    """Jaeger's structured response."""
    document = {"data": data, "total": total, "limit": 0, "offset": 0, "errors": list(errors) or None}
    return Response(orjson.dumps(document), status, content_type="application/json")


def refused(refusal: Refusal) -> Response:
    """A refusal in Jaeger's form."""
    status = refusal.kind.http
    return envelope(None, errors=[{"code": status, "msg": refusal.message}], status=status)
