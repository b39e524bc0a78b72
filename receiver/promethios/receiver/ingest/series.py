"""The row of a metric series, made once and remembered: a series has a point in every request."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from promethios.receiver.ingest.batch import Origin, Row
from promethios.receiver.ingest.values import content_id, json_text

#: So many rows are remembered, of so many characters at most: 64 MB if somebody tries to fill them.
_REMEMBERED: Final = 8_192
_LONGEST: Final = 1_024


class Told(NamedTuple):
    """What a metric says that all of its series have in common."""

    name: str
    description: str
    unit: str
    kind: str
    temporality: int
    monotonic: int


def series_row(origin: Origin, agent_id: str, told: Told, attributes: str) -> Row:
    """The row of `metric_series`, its id first.

    Args:
        origin: The tenant, resource and scope.
        agent_id: Whose series it is.
        told: What its metric says.
        attributes: Those of the point as JSON, in any order.

    Raises:
        ItemError: The attributes take too much.
    """
    size = len(attributes) + len(agent_id) + len(told.name) + len(told.description) + len(told.unit)
    make = _remembered if size <= _LONGEST else _row
    return make(origin.tenant_id, origin.resource_id, origin.scope_id, agent_id, told, attributes)


def _row(tenant_id: int, resource_id: int, scope_id: int, agent_id: str, told: Told, attributes: str) -> Row:
    by_name = json_text(dict(sorted(orjson.loads(attributes).items())))
    row = (tenant_id, resource_id, scope_id, agent_id, *told, by_name)
    return (content_id("series", row), *row)


_remembered: Final = lru_cache(_REMEMBERED)(_row)
