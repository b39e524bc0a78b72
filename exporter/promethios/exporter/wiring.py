"""What stands between OpenTelemetry's providers and a receiver, put there in one way for every set-up.

    handle = wire(Providers.make(resource), settings, governor)

`configure()` wires providers that it makes (`Providers.make`); the hook of ``opentelemetry-instrument`` and
``promethios run`` wire those that are in force (`Providers.in_force`). `wire` is where these meet:

- delivery and exporters; where the SDK exports a signal through us already (`present`), only the others;
- governor, decision lane, the span and log processors that govern, the exporters that redact;
- the metric reader, and what the agent tells about itself (`health.observe`, `heartbeat.Heartbeat`);
- the process' end (`ends.at_end`, in `wire`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from promethios.exporter.batch import Signal
from promethios.exporter.batching import LogBatches, SpanBatches
from promethios.exporter.coverage import Coverage
from promethios.exporter.decisions import DecisionBatches
from promethios.exporter.delivery import Delivery
from promethios.exporter.ends import at_end
from promethios.exporter.exporters import (
    PromethiosLogExporter,
    PromethiosMetricExporter,
    PromethiosSpanExporter,
)
from promethios.exporter.handle import Collector, Promethios
from promethios.exporter.health import observe
from promethios.exporter.heartbeat import Heartbeat
from promethios.exporter.reader import SteadyMetricReader
from promethios.exporter.settings import Settings
from promethios.exporter.sharing import deliveries
from promethios.exporter.system import SystemMetrics, check_installed, is_left_to_opentelemetry
from promethios.exporter.termination import flush_on_sigterm
from promethios.governance import (
    GovernanceLogProcessor,
    GovernanceSpanProcessor,
    Governor,
    RedactingLogExporter,
    RedactingSpanExporter,
)
from promethios.governance.telemetry.lane import DecisionLane

_Provider = TypeVar("_Provider")

_logger = logging.getLogger("promethios.exporter")


@dataclass(frozen=True, slots=True)
class Providers:
    """The SDK's providers of the three signals."""

    tracers: TracerProvider
    meters: MeterProvider
    loggers: LoggerProvider
    #: Those that end with the handle.
    owned: tuple[Collector, ...] = ()

    @classmethod
    def make(cls, resource: Resource) -> Providers:
        """New ones, with nothing in them, that leave the process' end to their owner."""
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        meters = MeterProvider(resource=resource, shutdown_on_exit=False)
        loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        return cls(tracers, meters, loggers, (tracers, loggers, meters))

    @classmethod
    def in_force(cls, resource: Resource) -> Providers:
        """The global ones. Where there is none of a signal yet, one with `resource` becomes the global one.

        One that is not the SDK's is left alone, and another stands in for it: what the process records goes
        past it, but decisions and heartbeats do not.
        """
        new = cls.make(resource)
        new.make_global()
        tracers = _sdks(trace.get_tracer_provider(), new.tracers)
        meters = _sdks(metrics.get_meter_provider(), new.meters)
        loggers = _sdks(_logs.get_logger_provider(), new.loggers)
        return cls(
            tracers, meters, loggers, tuple(each for each in new.owned if each in (tracers, meters, loggers))
        )

    def make_global(self) -> None:
        """Make them OpenTelemetry's global providers, of each signal that has none."""
        if is_unset(trace.get_tracer_provider()):
            trace.set_tracer_provider(self.tracers)
        if is_unset(metrics.get_meter_provider()):
            metrics.set_meter_provider(self.meters)
        if is_unset(_logs.get_logger_provider()):
            _logs.set_logger_provider(self.loggers)


def is_unset(provider: object) -> bool:
    """Whether a global provider only stands for one that is to come. Two of the three types are private."""
    kind = type(provider)
    return "Proxy" in kind.__name__ and kind.__module__.startswith("opentelemetry.")


def wire(
    providers: Providers,
    settings: Settings,
    governor: Governor | None,
    *,
    present: Collection[Signal] = (),
    shared: bool = False,
) -> Promethios:
    """Put governance into `providers`, and what delivers behind them. Nothing is made global here.

    Args:
        providers: Where the process records.
        settings: Where to deliver, and how.
        governor: Who decides; without one everything is delivered and nothing governed.
        present: Signals that something else exports, or that nobody wants: they get no exporter here.
            Decisions have a lane of their own all the same.
        shared: Whether to use the delivery that exporters with these settings share in this process.

    Returns:
        The handle. At the process' normal end it is shut down by itself.
    """
    if settings.system_metrics:
        check_installed()
    delivery = deliveries.acquire(settings) if shared else Delivery(settings)
    lane = None
    if governor:
        govern(governor, providers)
        lane = _lay_lane(governor, providers, delivery)
    observe(providers.meters, delivery, governor)
    collectors = _export(providers, _Exporters(delivery, governor), present)
    if lane:
        collectors.insert(0, lane)
    if settings.system_metrics and not (shared and is_left_to_opentelemetry(os.environ)):
        collectors.append(SystemMetrics(providers.meters))
    if settings.heartbeat_interval:
        collectors.append(_beat(providers, delivery, governor))
    handle = Promethios(delivery, governor, providers, lane, collectors, shared=shared)
    at_end(handle.shutdown)
    if settings.flush_on_sigterm:
        flush_on_sigterm(settings.exit_budget)
    return handle


def _export(providers: Providers, exporters: _Exporters, present: Collection[Signal]) -> list[Collector]:
    """Have every signal exported that is not `present`.

    Returns:
        What is to be flushed and ended, in this order: metrics last, so that they count the rest. Our own
        providers are ended whole, those of others only as far as we are in them.
    """
    collectors: list[Collector] = []
    if Signal.TRACES not in present:
        providers.tracers.add_span_processor(spans := exporters.spans())
        collectors.append(spans)
    if Signal.LOGS not in present:
        providers.loggers.add_log_record_processor(logs := exporters.logs())
        collectors.append(logs)
    if Signal.METRICS not in present:
        providers.meters.add_metric_reader(reader := exporters.metrics())
        collectors.append(reader)
    return [*collectors, *providers.owned]


def govern(governor: Governor, providers: Providers) -> None:
    """Put governance in front of what exports from `providers`."""
    providers.tracers.add_span_processor(GovernanceSpanProcessor(governor))
    _put_first(providers.loggers, GovernanceLogProcessor(governor))
    governor.set_tracer_provider(providers.tracers)
    governor.set_meter_provider(providers.meters)


def _put_first(loggers: LoggerProvider, processor: LogRecordProcessor) -> None:
    """Redact before anything exports: the SDK's batches copy a record's body when they take it.

    There is no public way to the front. Where the SDK keeps its processors elsewhere, ours is the last.
    """
    loggers.add_log_record_processor(processor)
    chain: Any = getattr(loggers, "_multi_log_record_processor", None)
    added = getattr(chain, "_log_record_processors", ())
    others = [each for each in added if each is not processor]
    if len(others) < len(added):
        chain._log_record_processors = (processor, *others)


def _lay_lane(governor: Governor, providers: Providers, delivery: Delivery) -> DecisionLane:
    """Give decisions a way of their own, which no sampler thins out."""
    lane = DecisionLane(providers.tracers)
    lane.add_span_processor(DecisionBatches(delivery))
    governor.set_decision_lane(lane)
    return lane


def _beat(providers: Providers, delivery: Delivery, governor: Governor | None) -> Heartbeat:
    """Have heartbeats sent. It ends last, so that its goodbye tells what became of the rest."""
    providers.tracers.add_span_processor(coverage := Coverage(governor))
    return Heartbeat(delivery, lambda: providers.loggers.resource, governor, coverage)


@dataclass(frozen=True, slots=True)
class _Exporters:
    """The exporters of one delivery, each with what collects for it, and what redacts before it."""

    delivery: Delivery
    governor: Governor | None

    def spans(self) -> SpanBatches:
        exporter: SpanExporter = PromethiosSpanExporter(delivery=self.delivery)
        if self.governor:
            exporter = RedactingSpanExporter(exporter, self.governor)
        return SpanBatches(exporter.export, self.delivery.drop)

    def logs(self) -> LogBatches:
        exporter: LogRecordExporter = PromethiosLogExporter(delivery=self.delivery)
        if self.governor:
            exporter = RedactingLogExporter(exporter, self.governor)
        return LogBatches(exporter.export, self.delivery.drop)

    def metrics(self) -> SteadyMetricReader:
        exporter = PromethiosMetricExporter(delivery=self.delivery)
        return SteadyMetricReader(exporter, self.delivery.settings.metric_interval)


def _sdks(found: object, stand_in: _Provider) -> _Provider:
    """`found`, where it is the SDK's provider of the signal."""
    if isinstance(found, type(stand_in)):
        return found
    _logger.warning(
        "the global %s is not the SDK's but a %s.%s: what is recorded through it is neither governed nor"
        " delivered by Promethios; guards around libraries still decide",
        type(stand_in).__name__,
        type(found).__module__,
        type(found).__name__,
    )
    return stand_in
