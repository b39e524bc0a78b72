"""What an agent tells about itself: that it lives, under which policies, and how its delivery fares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from promethios.exporter.counts import Totals
from promethios.exporter.delivery import Delivery
from promethios.governance import Governor, semconv

ATTRIBUTE_REASON: Final = "reason"


def observe(provider: MeterProvider, delivery: Delivery, governor: Governor | None) -> None:
    """Register the heartbeat and the delivery's counts.

    They are plain integers read when metrics are collected: counting costs an agent nothing.

    Args:
        provider: Where the instruments are made.
        delivery: What is counted.
        governor: Whose policies are in force; they are told with each heartbeat.
    """
    meter = provider.get_meter("promethios.exporter")
    meter.create_observable_gauge(
        semconv.METRIC_HEARTBEAT,
        [lambda _: [Observation(1, _describe(governor))]],
        unit="1",
        description="1 while the agent's process lives",
    )
    for name, description, value in (
        (semconv.METRIC_QUEUED, "Items that wait in memory", lambda totals: totals.queued),
        (semconv.METRIC_SPOOLED, "Items that wait in the spool", lambda totals: totals.spooled),
    ):
        meter.create_observable_gauge(
            name, [_reading(delivery, value)], unit="{item}", description=description
        )
    meter.create_observable_counter(
        semconv.METRIC_SENT,
        [_reading(delivery, lambda totals: totals.delivered)],
        unit="{item}",
        description="Items that the receiver acknowledged",
    )
    meter.create_observable_counter(
        semconv.METRIC_DROPPED,
        [lambda _: _drops(delivery.totals())],
        unit="{item}",
        description="Items that were lost, by reason",
    )


def _describe(governor: Governor | None) -> Mapping[str, str]:
    """The policies in force at this moment: they may be changed while the process runs."""
    if governor is None:
        return {}
    bundle = governor.bundle.id
    return {semconv.BUNDLE_VERSION: bundle.version, semconv.BUNDLE_HASH: bundle.hash}


def _reading(
    delivery: Delivery, value: Callable[[Totals], int]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(value(delivery.totals()))]


def _drops(totals: Totals) -> list[Observation]:
    return [Observation(items, {ATTRIBUTE_REASON: reason.value}) for reason, items in totals.dropped.items()]
