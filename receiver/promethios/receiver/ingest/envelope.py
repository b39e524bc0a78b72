"""What every signal wraps its items in: a resource, and a scope."""

from __future__ import annotations

from dataclasses import replace

import orjson
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from promethios.governance import semconv
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.values import attributes_of, content_id


def with_resource(batch: Batch, origin: Origin, resource: Resource) -> Origin:
    """`origin` with this resource, whose row is added to the batch.

    Raises:
        ItemError: An attribute of it cannot be stored.
    """
    attributes = attributes_of(resource.attributes)
    claimed = attributes.get(semconv.TENANT_ID, origin.tenant)
    if claimed != origin.tenant:
        batch.warn(
            f"the API key is of tenant {origin.tenant!r}: stored there, whatever {semconv.TENANT_ID} says"
        )
    service = str(attributes.get(semconv.SERVICE_NAME) or "")
    instance = str(attributes.get(semconv.SERVICE_INSTANCE_ID) or "")
    text = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode()
    resource_id = content_id("resource", origin.tenant_id, text)
    batch.add("resources", (resource_id, origin.tenant_id, service, instance, text))
    return replace(
        origin, resource_id=resource_id, service_name=service, instance_id=instance, resource=attributes
    )


def with_scope(batch: Batch, origin: Origin, scope: InstrumentationScope) -> Origin:
    """`origin` with this scope, whose row is added to the batch.

    Raises:
        ItemError: An attribute of it cannot be stored.
    """
    text = orjson.dumps(attributes_of(scope.attributes), option=orjson.OPT_SORT_KEYS).decode()
    scope_id = content_id("scope", origin.tenant_id, scope.name, scope.version, text)
    batch.add("scopes", (scope_id, origin.tenant_id, scope.name, scope.version, text))
    return replace(origin, scope_id=scope_id)
