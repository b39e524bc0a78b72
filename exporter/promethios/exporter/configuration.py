"""One line that sets an agent up: traces, metrics and logs to a receiver, governed by its policies."""

from __future__ import annotations

import atexit
import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from promethios.exporter.batching import LogBatches, SpanBatches
from promethios.exporter.delivery import Delivery
from promethios.exporter.exporters import (
    PromethiosLogExporter,
    PromethiosMetricExporter,
    PromethiosSpanExporter,
)
from promethios.exporter.handle import Promethios
from promethios.exporter.health import observe
from promethios.exporter.logs import LogHandler
from promethios.exporter.reader import SteadyMetricReader
from promethios.exporter.settings import Settings, SettingsError
from promethios.governance import (
    GovernanceLogProcessor,
    GovernanceSpanProcessor,
    Governor,
    RedactingLogExporter,
    RedactingSpanExporter,
    semconv,
)
from promethios.governance.telemetry.lane import DecisionLane


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
        handle = _build(loaded, _resource(service_name, resource_attributes), governor)
        if set_global:
            _set_global(handle)
    if governor and adapters:
        from promethios.governance.adapters import instrument_all

        instrument_all(governor)
    if log_level is not None:
        handle.capture_logging(LogHandler(handle.logger_provider, log_level))
    atexit.register(handle.shutdown)
    return handle


@dataclass(frozen=True, slots=True)
class _Exporters:
    """The exporters of one delivery, each with what collects for it, and what redacts before it."""

    delivery: Delivery
    governor: Governor | None

    def decisions(self) -> SpanBatches:
        return SpanBatches(PromethiosSpanExporter(delivery=self.delivery).export, self.delivery.drop)

    def spans(self) -> SpanBatches:
        if self.governor is None:
            return self.decisions()
        exporter = RedactingSpanExporter(PromethiosSpanExporter(delivery=self.delivery), self.governor)
        return SpanBatches(exporter.export, self.delivery.drop)

    def logs(self) -> LogBatches:
        exporter = PromethiosLogExporter(delivery=self.delivery)
        if self.governor is None:
            return LogBatches(exporter.export, self.delivery.drop)
        return LogBatches(RedactingLogExporter(exporter, self.governor).export, self.delivery.drop)

    def metrics(self) -> SteadyMetricReader:
        exporter = PromethiosMetricExporter(delivery=self.delivery)
        return SteadyMetricReader(exporter, self.delivery.settings.metric_interval)


_lock = threading.Lock()


def _build(settings: Settings, resource: Resource, governor: Governor | None) -> Promethios:
    delivery = Delivery(settings)
    exporters = _Exporters(delivery, governor)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    meters = MeterProvider([exporters.metrics()], resource, shutdown_on_exit=False)
    lane = _govern(governor, tracers, loggers, meters, exporters) if governor else None
    tracers.add_span_processor(exporters.spans())
    loggers.add_log_record_processor(exporters.logs())
    observe(meters, delivery, governor.bundle.id if governor else None)
    return Promethios(delivery, governor, tracers, meters, loggers, lane)


def _govern(
    governor: Governor,
    tracers: TracerProvider,
    loggers: LoggerProvider,
    meters: MeterProvider,
    exporters: _Exporters,
) -> DecisionLane:
    """Put governance in front of what exports, and give decisions a lane that no sampler thins out."""
    lane = DecisionLane(tracers)
    lane.add_span_processor(exporters.decisions())
    tracers.add_span_processor(GovernanceSpanProcessor(governor))
    loggers.add_log_record_processor(GovernanceLogProcessor(governor))
    governor.set_tracer_provider(tracers)
    governor.set_decision_lane(lane)
    governor.set_meter_provider(meters)
    return lane


def _check_level(level: int | str | None) -> None:
    names = logging.getLevelNamesMapping()
    if isinstance(level, str) and level not in names:
        raise SettingsError("log_level", f"is {level!r}", f"give a number, or one of {', '.join(names)}")


def _load_governor(policies: str | None) -> Governor | None:
    if policies is None:
        return None
    return Governor.from_file(policies)


def _resource(service_name: str | None, attributes: Mapping[str, Any] | None) -> Resource:
    given = dict(attributes or {})
    if service_name:
        given[semconv.SERVICE_NAME] = service_name
    instance = Resource({semconv.SERVICE_INSTANCE_ID: str(uuid.uuid4())})
    return instance.merge(Resource.create(given))


def _check_unset() -> None:
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        raise AlreadyConfiguredError(
            "configure() found a global TracerProvider: it was called before, or another set-up (such as"
            " opentelemetry-instrument) came first. Keep the handle of the first call; or set"
            " OTEL_TRACES_EXPORTER=promethios there, and leave configure() out"
        )


def _set_global(handle: Promethios) -> None:
    trace.set_tracer_provider(handle.tracer_provider)
    metrics.set_meter_provider(handle.meter_provider)
    _logs.set_logger_provider(handle.logger_provider)
