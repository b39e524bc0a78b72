"""Who answers for an agent: what the resource of its processes says."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from promethios.receiver.api.view import View
from promethios.receiver.store import schema

#: The resource attributes that name an owner, the best first; OpenTelemetry has no word for it yet.
OWNERS: Final = ("service.owner", "owner", "service.team", "team")


def owners(view: View) -> dict[str, str]:
    """The owner by the service's name, as its latest process tells it; those that tell none are left out."""
    return {row.service_name: str(row.owner) for row in view.rows(_told(view.eyes.of(schema.resources)))}


@cache
def _told(resources: Any) -> Select[Any]:
    """Oldest first, by the latest span or record that names the resource: what is new overwrites the rest."""
    uses = schema.resource_uses
    owner: ColumnElement[Any] = func.coalesce(
        *(func.json_extract(resources.c.attributes, f'$."{name}"') for name in OWNERS), ""
    )
    return (
        select(resources.c.service_name, owner.label("owner"))
        .select_from(resources.outerjoin(uses, uses.c.id == resources.c.id))
        .where(func.json_valid(resources.c.attributes), owner != "", func.typeof(owner) == "text")
        .order_by(func.coalesce(uses.c.spans, 0), func.coalesce(uses.c.logs, 0), resources.c.id)
    )
