"""One line that sets an agent up: traces, metrics and logs to a receiver, governed by its policies."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource

from promethios.exporter.handle import Promethios
from promethios.exporter.logs import LogHandler
from promethios.exporter.settings import Settings
from promethios.exporter.values import SettingsError
from promethios.exporter.wiring import Providers, is_unset, wire
from promethios.governance import Governor, semconv


class AlreadyConfiguredError(RuntimeError):
    """OpenTelemetry's global providers are set once for a process, and they are set."""


def configure(
    endpoint: str | None = None,
    api_key: str | None = None,
    policies: str | None = None,
    service_name: str | None = None,
    *,
    resource_attributes: Mapping[str, Any] | None = None,
    log_level: int | str | None = None,
    adapters: bool = True,
    set_global: bool = True,
    **settings: Any,
) -> Promethios:
    """Send this process' traces, metrics and logs to a receiver, and govern it.

    Call it once, early; before libraries are instrumented. Where it raises it has set nothing up.

    Args:
        endpoint: Base URL of the receiver or Collector.
        api_key: A key with the scope ``ingest``.
        policies: The policy bundle to govern by; nothing is governed without one.
        service_name: The agent's ``service.name``; ``OTEL_SERVICE_NAME`` without it.
        resource_attributes: More of the resource, such as ``deployment.environment.name``.
        log_level: Also send records of Python's `logging` from this level on. None leaves `logging` alone.
        adapters: Whether to put guards around the libraries that have an adapter.
        set_global: Whether to make the providers OpenTelemetry's global ones. Without it they are to be
            handed on from the handle.
        settings: Further settings by name; see `Settings`, also for the environment variables.

    Returns:
        The handle: the governor, the providers, `flush` and `shutdown`. At the process' normal end it is shut
        down by itself.

    Raises:
        SettingsError: A setting is missing or cannot work; the message says which, and what to do.
        PolicyError: The policies cannot be read, or have mistakes.
        AlreadyConfiguredError: The global providers are set already, by this function or by others.
    """
    loaded = Settings.load(endpoint=endpoint, api_key=api_key, policies=policies, **settings)
    _check_level(log_level)
    with _lock:
        if set_global:
            _check_unset()
        governor = _load_governor(loaded.policies)
        guard = _guards() if governor and adapters else None
        providers = Providers.make(agent_resource(service_name, resource_attributes))
        handle = wire(providers, loaded, governor)
        if set_global:
            providers.make_global()
    if governor and guard:
        guard(governor)
    if log_level is not None:
        handle.capture_logging(LogHandler(handle.logger_provider, log_level))
    return handle


_lock = threading.Lock()


def _check_level(level: int | str | None) -> None:
    names = logging.getLevelNamesMapping()
    if isinstance(level, str) and level not in names:
        raise SettingsError("log_level", f"is {level!r}", f"give a number, or one of {', '.join(names)}")


def _load_governor(policies: str | None) -> Governor | None:
    if policies is None:
        return None
    return Governor.from_file(policies)


def _guards() -> Callable[[Governor], object]:
    """What guards libraries: imported where it is wanted, and whole before a thread asks what is guarded."""
    from promethios.governance.adapters import instrument_all

    return instrument_all


def agent_resource(service_name: str | None, attributes: Mapping[str, Any] | None) -> Resource:
    """The resource of this process: what is given, over what the environment says."""
    given = dict(attributes or {})
    if service_name:
        given[semconv.SERVICE_NAME] = service_name
    instance = Resource({semconv.SERVICE_INSTANCE_ID: str(uuid.uuid4())})
    return instance.merge(Resource.create(given))


def _check_unset() -> None:
    if not is_unset(trace.get_tracer_provider()):
        raise AlreadyConfiguredError(
            "configure() found a global TracerProvider: it was called before, or another set-up (such as"
            " opentelemetry-instrument or promethios run) came first. Keep the handle of the first call; or"
            " leave configure() out, and give these the settings"
        )
