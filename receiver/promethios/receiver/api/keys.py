"""``/keys``: an administrator makes, lists and revokes the keys of their tenant."""

from __future__ import annotations

import time
from typing import Any, Final

import orjson
from flask import Blueprint, Response, g, request
from sqlalchemy import Connection, select

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import (
    FIRST_TENANT,
    KeyRecord,
    KeyRequest,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from promethios.receiver.access.keys import ApiKey
from promethios.receiver.access.roles import parse_scopes
from promethios.receiver.api.bodies import read_object
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store.schema import tenants

_LONGEST: Final = 10_000
#: For how long a key goes on after it was rotated, seconds: a day, and at most 30.
DEFAULT_OVERLAP: Final = 86_400
LONGEST_OVERLAP: Final = 30 * 86_400
_OWN: Final = "; another tenant's are managed with an admin key of that tenant"
_FIELDS: Final = frozenset({"tenant", "scope", "agent", "environment", "days"})


def keys_blueprint(services: Services) -> Blueprint:
    """``POST`` and ``GET /api/v1/keys``, ``POST .../{key_id}/rotate``, ``DELETE .../{key_id}``."""
    blueprint = Blueprint("keys", __name__, url_prefix="/api/v1")

    @blueprint.post("/keys")
    def create() -> Response:
        principal: Principal = g.principal
        with services.readers.connect() as connection:
            wanted = _wanted(connection, principal)
        key = services.writer.do(lambda connection: _create(connection, principal, wanted), always=True)
        services.keyring.forget()
        return _json({"key": key.reveal(), "key_id": key.key_id}, 201)

    @blueprint.get("/keys")
    def show() -> Response:
        with services.readers.connect() as connection:
            records = list_keys(connection, g.principal.tenant_id)
        return _json({"data": [describe(record) for record in records]})

    @blueprint.post("/keys/<key_id>/rotate")
    def rotate(key_id: str) -> Response:
        overlap, tenant_id = _overlap(read_object(request)), g.principal.tenant_id
        key = services.writer.do(lambda each: rotate_key(each, key_id, overlap, tenant_id), always=True)
        if key is None:
            raise Refusal(
                Kind.NOT_FOUND, f"this tenant has no valid key {key_id[:60]!r} that could be rotated{_OWN}"
            )
        services.keyring.forget()
        return _json({"key": key.reveal(), "key_id": key.key_id, "replaces": key_id}, 201)

    @blueprint.delete("/keys/<key_id>")
    def revoke(key_id: str) -> Response:
        tenant_id = g.principal.tenant_id
        if not services.writer.do(lambda each: revoke_key(each, key_id, tenant_id), always=True):
            raise Refusal(
                Kind.NOT_FOUND, f"this tenant has no key {key_id[:60]!r} that could be revoked{_OWN}"
            )
        services.keyring.forget()
        return Response(status=204)

    return blueprint


def describe(record: KeyRecord) -> dict[str, Any]:
    """A key without its secret; times in Unix milliseconds."""
    return {
        "key_id": record.key_id,
        "tenant": record.tenant,
        "environment": record.environment,
        "scopes": ",".join(sorted(record.scopes)),
        "agent": record.agent_id,
        "created": _millis(record.created),
        "expires": _millis(record.expires),
        "revoked": _millis(record.revoked),
        "last_used": _millis(record.last_used),
        "replaces": record.replaces,
    }


def _overlap(document: dict[str, Any]) -> int:
    """For how long the old key goes on, nanoseconds."""
    seconds = document.get("overlap_seconds", DEFAULT_OVERLAP)
    if unknown := sorted(set(document) - {"overlap_seconds"}):
        raise Refusal(Kind.UNDECODABLE, f"unknown field {unknown[0][:60]!r}; it may have overlap_seconds")
    if type(seconds) is not int or not 0 <= seconds <= LONGEST_OVERLAP:
        raise Refusal(
            Kind.UNDECODABLE, f"'overlap_seconds' must be a whole number from 0 to {LONGEST_OVERLAP}"
        )
    return seconds * 10**9


def _millis(nanos: int | None) -> int | None:
    return None if nanos is None else nanos // 1_000_000


def _wanted(connection: Connection, principal: Principal) -> KeyRequest:
    """Read the request's object; the tenant is the administrator's own where it does not say."""
    try:
        document = orjson.loads(request.stream.read(_LONGEST))
        if not isinstance(document, dict) or (unknown := sorted(set(document) - _FIELDS)):
            wrong = f"unknown field {unknown[0][:60]!r}" if isinstance(document, dict) else "not an object"
            raise ValueError(f"{wrong}; it may have {', '.join(sorted(_FIELDS))}")
        return _request_of(document, _tenant_name(connection, principal))
    except (ValueError, TypeError, AttributeError) as error:
        raise Refusal(Kind.UNDECODABLE, f"cannot make a key from this JSON: {error}") from error


def _request_of(document: dict[str, Any], own: str) -> KeyRequest:
    days = document.get("days")
    if days is not None and (type(days) is not int or not 0 < days <= 36_500):
        raise ValueError("'days' must be a whole number from 1 to 36500")
    return KeyRequest(
        tenant=document.get("tenant", own),
        scopes=parse_scopes(document.get("scope") or ""),
        agent_id=document.get("agent"),
        environment=document.get("environment") or "live",
        expires=None if days is None else time.time_ns() + days * 86_400 * 10**9,
    )


def _create(connection: Connection, principal: Principal, wanted: KeyRequest) -> ApiKey:
    """Make the key: for the administrator's own tenant, or as the receiver's operator for any."""
    if _tenant_name(connection, principal) not in (wanted.tenant, FIRST_TENANT):
        raise Refusal(
            Kind.FORBIDDEN,
            f"this API key does not administer the tenant {wanted.tenant!r}: use an admin key of "
            f"that one, or of the tenant {FIRST_TENANT!r}, which is the operator's",
        )
    return create_key(connection, wanted)


def _tenant_name(connection: Connection, principal: Principal) -> str:
    name = connection.scalar(select(tenants.c.name).where(tenants.c.id == principal.tenant_id))
    return str(name)


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, content_type="application/json")
