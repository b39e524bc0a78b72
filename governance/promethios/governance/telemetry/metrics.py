"""Counts of decisions, cheap where they happen and read only when metrics are collected.

A counter of the SDK costs several microseconds a call, a histogram ten. These are plain integers behind
observable instruments; durations wait in a bounded queue, and go into their histogram when it is collected.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from promethios.governance import semconv
from promethios.governance.decision import Decision
from promethios.governance.trust import TrustBook

# From 1 µs to 1 s: with the SDK's default boundaries every evaluation falls into the first bucket.
_SECONDS: Final = [f * 10.0**e for e in range(-6, 0) for f in (1, 2.5, 5)] + [1.0]
#: How many durations wait for the next collection; of more decisions than that, the latest ones.
KEPT_DURATIONS: Final = 1024
#: How many agents the gauge of trust names: those that decided last.
MOST_AGENTS: Final = 100

Labels = tuple[str, ...]
Reader = Callable[[CallbackOptions], Iterable[Observation]]


class DecisionMetrics:
    """The metrics of one governor. Label sets are bounded: points, verdicts, policies, severities, agents.

    Args:
        provider: Where the instruments are made; the global one without it.
        trust: The standings that the gauge of trust shows.
    """

    def __init__(self, provider: MeterProvider | None, trust: TrustBook) -> None:
        self._lock = threading.RLock()
        self._trust = trust
        self._decisions: Counter[Labels] = Counter()
        self._matches: Counter[Labels] = Counter()
        self._errors: Counter[Labels] = Counter()
        self._unrecorded: Counter[Labels] = Counter()
        self._reloads: Counter[Labels] = Counter()
        self._durations: deque[tuple[str, int]] = deque(maxlen=KEPT_DURATIONS)
        meter = get_meter("promethios.governance", meter_provider=provider)
        self._duration = meter.create_histogram(
            semconv.METRIC_DURATION,
            unit="s",
            description="Time to evaluate the policies of one operation",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        for name, counter, labels, text in (
            (semconv.METRIC_DECISIONS, self._decisions, ("point", "verdict", "enforced"), "Decisions"),
            (semconv.METRIC_MATCHES, self._matches, ("policy", "severity"), "Policies that matched"),
            (semconv.METRIC_ERRORS, self._errors, ("policy",), "Policies that could not be evaluated"),
            (semconv.METRIC_UNRECORDED, self._unrecorded, (), "Decisions whose span was sampled away"),
            (semconv.METRIC_RELOADS, self._reloads, ("outcome",), "Bundles that were put in force, or not"),
        ):
            meter.create_observable_counter(name, [self._reader(counter, labels)], unit="1", description=text)
        meter.create_observable_gauge(
            semconv.METRIC_TRUST, [self._standings], unit="1", description="Trust in an agent, 0 to 1000"
        )

    def record(self, decision: Decision, recorded: bool) -> None:
        """Count one decision; `recorded` is false where its span was sampled away."""
        counted = decision.point, decision.verdict._value_, decision.enforced._value_
        with self._lock:
            self._decisions[counted] += 1
            for match in decision.matches:
                self._matches[match.policy_id, match.severity] += 1
                self._errors[(match.policy_id,)] += match.failed
            if not recorded:
                self._unrecorded[()] += 1
            self._durations.append((decision.point, decision.duration_ns))

    def record_reload(self, outcome: str) -> None:
        """Count a bundle that was ``loaded``, or that ``failed`` to load."""
        with self._lock:
            self._reloads[(outcome,)] += 1

    def renew(self) -> None:
        """Start anew in a forked child: what its parent counted, its parent tells."""
        self._lock = threading.RLock()
        for counter in (self._decisions, self._matches, self._errors, self._unrecorded, self._reloads):
            counter.clear()
        self._durations.clear()

    def _reader(self, counter: Counter[Labels], names: Labels) -> Reader:
        def read(_: CallbackOptions) -> Iterable[Observation]:
            self._record_durations()
            with self._lock:
                counts = list(counter.items())
            return [Observation(count, dict(zip(names, labels, strict=True))) for labels, count in counts]

        return read

    def _record_durations(self) -> None:
        """The SDK has no observable histogram, and reads the others after the observable instruments."""
        with self._lock:
            durations = list(self._durations)
            self._durations.clear()
        for point, nanoseconds in durations:
            self._duration.record(nanoseconds / 1e9, {"point": point})

    def _standings(self, _: CallbackOptions) -> Iterable[Observation]:
        latest = sorted(self._trust.standings().items(), key=lambda item: -item[1].last)[:MOST_AGENTS]
        return [Observation(standing.score, {"agent": agent}) for agent, standing in latest]
