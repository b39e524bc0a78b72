"""``/tenants``: an administrator sees their tenant; the operator's sees all, and gives them quotas."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, g, request
from sqlalchemy import Connection

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import FIRST_TENANT
from promethios.receiver.access.tenants import TenantRecord, list_tenants, set_quota
from promethios.receiver.api.bodies import read_object
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services


def tenants_blueprint(services: Services) -> Blueprint:
    """``GET /api/v1/tenants`` and ``PUT /api/v1/tenants/{tenant}``."""
    blueprint = Blueprint("tenants", __name__, url_prefix="/api/v1")

    @blueprint.get("/tenants")
    def show() -> Response:
        with services.readers.connect() as connection:
            records = _seen(connection, g.principal)
        return _json([describe_tenant(record) for record in records])

    @blueprint.put("/tenants/<path:tenant>")
    def change(tenant: str) -> Response:
        principal: Principal = g.principal
        changes = read_object(request)
        records = services.writer.do(
            lambda connection: _change(connection, principal, tenant, changes), always=True
        )
        services.keyring.forget()
        return _json([describe_tenant(record) for record in records if record.name == tenant])

    return blueprint


def describe_tenant(record: TenantRecord) -> dict[str, Any]:
    """A tenant; times in Unix milliseconds."""
    return {
        "tenant": record.name,
        "created": record.created // 1_000_000,
        "last_ingest": None if record.last_ingest is None else record.last_ingest // 1_000_000,
        "quota_bytes_per_minute": record.quota_bytes_per_minute,
        "quota_items_per_minute": record.quota_items_per_minute,
    }


def _seen(connection: Connection, principal: Principal) -> list[TenantRecord]:
    """Every tenant for the operator, for anybody else their own."""
    (own,) = list_tenants(connection, principal.tenant_id)
    return list_tenants(connection) if own.name == FIRST_TENANT else [own]


def _change(
    connection: Connection, principal: Principal, tenant: str, changes: dict[str, Any]
) -> list[TenantRecord]:
    """Set quotas, as the operator: who may send how much is not for those to say who send."""
    seen = {record.name for record in _seen(connection, principal)}
    if tenant not in seen:
        raise Refusal(Kind.NOT_FOUND, f"no tenant {tenant[:60]!r}: its first key makes it")
    if FIRST_TENANT not in seen:
        raise Refusal(
            Kind.FORBIDDEN, f"quotas are the operator's: use an admin key of the tenant {FIRST_TENANT!r}"
        )
    try:
        set_quota(connection, tenant, changes)
    except ValueError as error:
        raise Refusal(Kind.UNDECODABLE, f"cannot set these quotas: {error}") from error
    return list_tenants(connection)


def _json(rows: list[dict[str, Any]]) -> Response:
    return Response(orjson.dumps({"data": rows}), content_type="application/json")
