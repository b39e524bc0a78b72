"""Counts of decisions, cheap where they happen and read only when metrics are collected.

A counter of the SDK costs several microseconds a call. These are plain integers behind observable
instruments; only the latency goes through a histogram, with boundaries that fit it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from promethios.governance import semconv
from promethios.governance.decision import Decision

# From 1 µs to 1 s: with the SDK's default boundaries every evaluation falls into the first bucket.
_SECONDS = [f * 10.0**e for e in range(-6, 0) for f in (1, 2.5, 5)] + [1.0]

Labels = tuple[tuple[str, str], ...]
Reader = Callable[[CallbackOptions], Iterable[Observation]]


class DecisionMetrics:
    """The metrics of one governor. Label sets are bounded: points, verdicts, policies and severities.

    Args:
        provider: Where the instruments are made; the global one without it.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self._lock = threading.Lock()
        self._decisions: Counter[Labels] = Counter()
        self._matches: Counter[Labels] = Counter()
        self._errors: Counter[Labels] = Counter()
        self._unrecorded: Counter[Labels] = Counter()
        meter = get_meter("promethios.governance", meter_provider=provider)
        for name, counter, text in (
            (semconv.METRIC_DECISIONS, self._decisions, "Decisions, by point, verdict and what was enforced"),
            (semconv.METRIC_MATCHES, self._matches, "Policies that matched, by severity"),
            (semconv.METRIC_ERRORS, self._errors, "Policies that could not be evaluated"),
            (semconv.METRIC_UNRECORDED, self._unrecorded, "Decisions whose span was sampled away"),
        ):
            meter.create_observable_counter(name, [self._reader(counter)], unit="1", description=text)
        self._duration = meter.create_histogram(
            semconv.METRIC_DURATION,
            unit="s",
            description="Time to evaluate the policies of one operation",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    def record(self, decision: Decision, recorded: bool) -> None:
        """Count one decision; `recorded` is false where its span was sampled away."""
        point, verdict = decision.point, decision.verdict.value
        enforced = decision.enforced.value
        with self._lock:
            self._decisions[(("point", point), ("verdict", verdict), ("enforced", enforced))] += 1
            for match in decision.matches:
                labels = (("policy", match.policy_id), ("severity", match.severity))
                self._matches[labels] += 1
                self._errors[(("policy", match.policy_id),)] += match.failed
            if not recorded:
                self._unrecorded[()] += 1
        self._duration.record(decision.duration_ns / 1e9, {"point": point})

    def renew(self) -> None:
        """Start anew in a forked child: what its parent counted, its parent tells."""
        self._lock = threading.Lock()
        for counter in (self._decisions, self._matches, self._errors, self._unrecorded):
            counter.clear()

    def _reader(self, counter: Counter[Labels]) -> Reader:
        def read(_: CallbackOptions) -> Iterable[Observation]:
            with self._lock:
                counts = list(counter.items())
            return [Observation(count, dict(labels)) for labels, count in counts]

        return read
