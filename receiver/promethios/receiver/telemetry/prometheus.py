"""``GET /metrics``: the receiver's own figures as Prometheus reads them, for the receiver's operator.

The text format has few rules (https://prometheus.io/docs/instrumenting/exposition_formats/), and the client
library brings its own counters, a global registry and an HTTP server; tests read with its parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from flask import Blueprint, Response, g
from sqlalchemy import Engine, select

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import FIRST_TENANT
from promethios.receiver.refusal import Kind as RefusalKind
from promethios.receiver.refusal import Refusal
from promethios.receiver.store.schema import tenants
from promethios.receiver.telemetry.figures import Figures, Observer
from promethios.receiver.telemetry.instruments import INSTRUMENTS, Distribution, Instrument

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def metrics_blueprint(observer: Observer, readers: Engine) -> Blueprint:
    """The one route."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        _check_operator(g.principal, readers)
        return Response(exposition(observer.look()), content_type=CONTENT_TYPE)

    return blueprint


def _check_operator(principal: Principal, readers: Engine) -> None:
    """The figures are of all tenants together, so they are not for each of them."""
    with readers.connect() as connection:
        tenant = connection.scalar(select(tenants.c.name).where(tenants.c.id == principal.tenant_id))
    if tenant != FIRST_TENANT or principal.agent_id is not None:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            f"/metrics is about all tenants: use a key of the tenant {FIRST_TENANT!r}, which is the "
            "operator's, that is not made for one agent",
        )


def exposition(figures: Figures) -> str:
    """All instruments in Prometheus' text format."""
    return "".join(line for instrument in INSTRUMENTS for line in _lines(instrument, figures))


def _lines(instrument: Instrument, figures: Figures) -> Iterator[str]:
    name = instrument.prometheus
    yield f"# HELP {name} {_escape(instrument.about)}\n"
    yield f"# TYPE {name} {instrument.kind}\n"
    for values, value in instrument.read(figures):
        labels = list(zip(instrument.labels, values, strict=True))
        if isinstance(value, Distribution):
            yield from _buckets(name, labels, value)
        else:
            yield f"{name}{_labels(labels)} {value}\n"


def _buckets(name: str, labels: list[tuple[str, str]], value: Distribution) -> Iterator[str]:
    """Buckets are cumulative here: each counts all that is not above its bound."""
    below = 0
    for bound, count in zip((*map(str, value.bounds), "+Inf"), value.counts, strict=True):
        below += count
        yield f"{name}_bucket{_labels([*labels, ('le', bound)])} {below}\n"
    yield f"{name}_sum{_labels(labels)} {value.total}\n"
    yield f"{name}_count{_labels(labels)} {below}\n"


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    pairs = [f'{name}="{_escape(value, quotes=True)}"' for name, value in labels]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escape(text: str, quotes: bool = False) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quotes else escaped
