"""The table of the receiver's own metrics: `/metrics`, its OTLP and the reference page are made from it.

Labels have fixed sets of values: no tenant, agent, key, path or anything else that a client can choose is in
them, so nothing that agents say leaves by this way, and the number of series is bounded.
"""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import version
from typing import Final

from promethios.receiver.ingest.figures import COMMIT_BOUNDS
from promethios.receiver.telemetry.counts import OTHER, SIGNALS, Reason
from promethios.receiver.telemetry.figures import Figures


class Kind(StrEnum):
    """How a number behaves: a counter only grows until the receiver ends."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram's value.

    Args:
        bounds: Upper bounds, inclusive.
        counts: How many values each bound has for its own, and those beyond the last.
        total: The sum of all values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


Value = int | float | Distribution
#: The values of an instrument's labels, in their order, and what was measured.
Point = tuple[tuple[str, ...], Value]


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric.

    Args:
        name: Its name in OTLP.
        kind: How it behaves.
        unit: Its unit, as UCUM writes it; words in braces count things.
        about: What it says, for people.
        read: Its points, from figures.
        labels: The names of its labels.
    """

    name: str
    kind: Kind
    unit: str
    about: str
    read: Callable[[Figures], Iterable[Point]]
    labels: tuple[str, ...] = ()

    @property
    def prometheus(self) -> str:
        """Its name for Prometheus, by OpenTelemetry's rule: the unit, and `_total` for a counter.

        https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
        """
        ending = {"By": "_bytes", "s": "_seconds"}.get(self.unit, "")
        return self.name.replace(".", "_") + ending + ("_total" if self.kind is Kind.COUNTER else "")


def _one(read: Callable[[Figures], Value | None]) -> Callable[[Figures], Iterable[Point]]:
    """A metric without labels; no point where the figure is not known."""

    def points(figures: Figures) -> Iterable[Point]:
        value = read(figures)
        return () if value is None else (((), value),)

    return points


def _by_signal(read: Callable[[Figures], dict[str, int]]) -> Callable[[Figures], Iterable[Point]]:
    """A point for each signal, also where nothing came: a rate needs the zero before the first."""
    return lambda figures: [((signal,), read(figures).get(signal, 0)) for signal in SIGNALS]


def _by_reason(
    read: Callable[[Figures], dict[tuple[str, str], int]], signals: tuple[str, ...], reasons: Iterable[Reason]
) -> Callable[[Figures], Iterable[Point]]:
    names = [(signal, str(reason)) for signal in signals for reason in reasons]
    return lambda figures: [(name, read(figures).get(name, 0)) for name in names]


def _commits(figures: Figures) -> Distribution:
    writer = figures.writer
    return Distribution(COMMIT_BOUNDS, writer.commit_buckets, writer.commit_seconds_sum)


@cache
def _build() -> tuple[str, ...]:
    return version("promethios"), platform.python_version(), sqlite3.sqlite_version


_C, _G = Kind.COUNTER, Kind.GAUGE
_SIGNAL: Final = ("signal",)
_REASON: Final = ("signal", "reason")
_WHOLE: Final = tuple(reason for reason in Reason if reason is not Reason.INVALID_ITEM)

INSTRUMENTS: Final = (
    Instrument(
        "promethios.receiver.items.received", _C, "{item}",
        "Spans, metric points and log records in requests that were decoded.",
        _by_signal(lambda figures: figures.counted.received), _SIGNAL,
    ),
    Instrument(
        "promethios.receiver.received", _C, "By", "Bytes of requests that were decoded, unpacked.",
        _by_signal(lambda figures: figures.counted.received_bytes), _SIGNAL,
    ),
    Instrument(
        "promethios.receiver.items.stored", _C, "{item}", "Items that are new in the database, committed.",
        _by_signal(lambda figures: figures.counted.stored), _SIGNAL,
    ),
    Instrument(
        "promethios.receiver.items.duplicate", _C, "{item}", "Items that were there already: sent again.",
        _by_signal(lambda figures: figures.counted.duplicate), _SIGNAL,
    ),
    Instrument(
        "promethios.receiver.items.refused", _C, "{item}",
        "Items that were refused: alone (`invalid_item`, told in `partial_success`) or with their request.",
        _by_reason(lambda figures: figures.counted.refused, SIGNALS, Reason), _REASON,
    ),
    Instrument(
        "promethios.receiver.requests.refused", _C, "{request}",
        "Requests that were answered with no. Clients send again what was `queue_full`, "
        "`quota` or `unavailable`, and nothing else. `other` are questions.",
        _by_reason(lambda figures: figures.counted.refused_requests, (*SIGNALS, OTHER), _WHOLE), _REASON,
    ),
    Instrument(
        "promethios.receiver.keys.wrong", _C, "{attempt}", "Requests with a wrong API key.",
        _one(lambda figures: figures.attempts.failed),
    ),
    Instrument(
        "promethios.receiver.keys.limited", _C, "{attempt}",
        "Requests with a wrong API key that were one too many, of one address or with one key id.",
        _one(lambda figures: figures.attempts.limited),
    ),
    Instrument(
        "promethios.receiver.keys.alarms", _C, "{alarm}",
        "Alarms about too many wrong API keys, each a warning in the log.",
        _one(lambda figures: figures.attempts.alarms),
    ),
    Instrument(
        "promethios.receiver.alerts.evaluations", _C, "{evaluation}",
        "How often all alert rules of a tenant were evaluated.",
        _one(lambda figures: figures.alerts.evaluations),
    ),
    Instrument(
        "promethios.receiver.alerts.evaluations.failed", _C, "{evaluation}",
        "Alert rules, or tenants, that could not be evaluated: the log says why.",
        _one(lambda figures: figures.alerts.failed_evaluations),
    ),
    Instrument(
        "promethios.receiver.alerts.firing", _G, "{alert}", "Alerts that fire, of all tenants.",
        _one(lambda figures: figures.alerts.firing),
    ),
    Instrument(
        "promethios.receiver.alerts.messages.sent", _C, "{message}", "Messages about alerts that arrived.",
        _one(lambda figures: figures.alerts.sent),
    ),
    Instrument(
        "promethios.receiver.alerts.messages.failed", _C, "{attempt}",
        "Attempts to send a message about alerts that failed; it is sent again.",
        _one(lambda figures: figures.alerts.failed),
    ),
    Instrument(
        "promethios.receiver.alerts.messages.dropped", _C, "{message}",
        "Messages about alerts that were given up after a day, or found no room in the outbox.",
        _one(lambda figures: figures.alerts.dropped),
    ),
    Instrument(
        "promethios.receiver.queue", _G, "By", "Bytes of requests that wait for the writer.",
        _one(lambda figures: figures.writer.queued_bytes),
    ),
    Instrument(
        "promethios.receiver.queue.requests", _G, "{request}", "Requests that wait for the writer.",
        _one(lambda figures: figures.writer.queued_requests),
    ),
    Instrument(
        "promethios.receiver.queue.oldest", _G, "s",
        "How long the oldest request has been waiting that is not committed; 0 when none is.",
        _one(lambda figures: figures.writer.oldest_seconds),
    ),
    Instrument(
        "promethios.receiver.commit.duration", Kind.HISTOGRAM, "s",
        "How long commits took that reached the disk, from their beginning.", _one(_commits),
    ),
    Instrument(
        "promethios.receiver.commits.failed", _C, "{commit}",
        "Commits that did not reach the disk; nobody in them was told that anything is stored.",
        _one(lambda figures: figures.writer.failed_commits),
    ),
    Instrument(
        "promethios.receiver.rows", _C, "{row}", "Rows that commits inserted, changed or deleted.",
        _one(lambda figures: figures.writer.rows),
    ),
    Instrument(
        "promethios.receiver.held", _G, "1",
        "1 while nothing is taken, as when the disk is nearly full or the database is being checked; else 0.",
        _one(lambda figures: int(figures.writer.held is not None)),
    ),
    Instrument(
        "promethios.receiver.database", _G, "By", "The size of the database file.",
        _one(lambda figures: figures.database_bytes),
    ),
    Instrument(
        "promethios.receiver.wal", _G, "By", "The size of the write-ahead log.",
        _one(lambda figures: figures.wal_bytes),
    ),
    Instrument(
        "promethios.receiver.free", _G, "By", "What may still be written where the database is.",
        _one(lambda figures: figures.free_bytes),
    ),
    Instrument(
        "promethios.receiver.memory.requests", _G, "By", "Request bodies in memory, packed and unpacked.",
        _one(lambda figures: figures.memory_bytes),
    ),
    Instrument(
        "promethios.receiver.memory.resident", _G, "By", "The memory of the process (Linux only).",
        _one(lambda figures: figures.resident_bytes),
    ),
    Instrument(
        "promethios.receiver.cpu", _C, "s", "Processor time that the process has used.",
        _one(lambda figures: figures.cpu_seconds),
    ),
    Instrument(
        "promethios.receiver.connections", _G, "{connection}", "HTTP connections that are open.",
        _one(lambda figures: figures.connections),
    ),
    Instrument(
        "promethios.receiver.uptime", _G, "s", "For how long the receiver has been running.",
        _one(lambda figures: figures.uptime_seconds),
    ),
    Instrument(
        "promethios.receiver.build.info", _G, "1", "Always 1; its labels say what is running.",
        lambda figures: [((*_build(), figures.schema), 1)], ("version", "python", "sqlite", "schema"),
    ),
)  # fmt: skip
