"""Telling decisions: numbered, written as spans, counted, and taken into the trust in the agent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace
from opentelemetry.context import Context

from promethios.governance import semconv
from promethios.governance.decision import BundleId, Decision
from promethios.governance.limits import agent_of
from promethios.governance.operation import Operation
from promethios.governance.telemetry.lane import DecisionLane
from promethios.governance.telemetry.ledger import Ledger
from promethios.governance.telemetry.metrics import DecisionMetrics
from promethios.governance.telemetry.spans import SCOPE, constants, describe, emit, written
from promethios.governance.trust import METHOD, TrustBook

_log = logging.getLogger(__name__)

# How many short texts are remembered as clean, and what is short, in characters.
_MOST_CLEAN: Final = 4096
_SHORT: Final = 128


class Teller:
    """Tells the decisions of one governor. Telemetry fails open: what goes wrong here reaches nobody's call.

    Args:
        trust: The standings that told decisions change.
        redact: Gives a text without what policies take out of telemetry; the same object if that is nothing.
        provider: Makes the spans of decisions while there is no lane; the global provider without it.
        meter_provider: Where decisions are counted; the global provider without it.
    """

    def __init__(
        self,
        trust: TrustBook,
        redact: Callable[[str], str],
        provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self.ledger = Ledger()
        self.provider = provider
        self.meter_provider = meter_provider
        self.lane: DecisionLane | trace.TracerProvider | None = None
        self._trust = trust
        self._redact = redact
        # Texts that are clean by the policies of `_constant`: names are the same in decision after decision.
        self._clean: set[str] = set()
        self._tracers: WeakKeyDictionary[trace.TracerProvider, trace.Tracer] = WeakKeyDictionary()
        self._metrics: DecisionMetrics | None = None
        self._constant: tuple[BundleId | None, Mapping[str, Any]] = (None, {})
        self._lock = threading.RLock()

    def tell(self, decision: Decision, operation: Operation, context: Context | None) -> Decision:
        """Number `decision`, and emit it as a span below the one in `context`, and in metrics.

        It has just been made, and nobody else holds it yet: so its number is set in it, without a copy.
        """
        seq, decision_id = self.ledger.next()
        object.__setattr__(decision, "seq", seq)
        object.__setattr__(decision, "id", decision_id)
        try:
            self._emit(decision, operation.attributes, context)
        except Exception:
            _log.exception("cannot tell decision %s; it was made and enforced all the same", decision_id)
        return decision

    def tracer(self) -> trace.Tracer:
        """The tracer of the operations that guards open spans for."""
        return self._tracer_of(self.provider or trace.get_tracer_provider())

    def metrics(self) -> DecisionMetrics:
        """The metrics, made with the first decision: the provider may come after the governor."""
        if self._metrics is None:
            with self._lock:
                self._metrics = self._metrics or DecisionMetrics(self.meter_provider, self._trust)
        return self._metrics

    def renew(self) -> None:
        """Start the numbers, the counts and the locks anew; called in a forked child."""
        self._lock = threading.RLock()
        self._constant = (None, {})
        self.ledger.renew(self._telling)
        if self._metrics is not None:
            self._metrics.renew()

    def _emit(self, decision: Decision, attributes: Mapping[str, Any], context: Context | None) -> None:
        end = time_ns()
        described = describe(decision, attributes, self._constants(decision), self._redacted)
        matches = decision.matches
        weight = max([match.weight for match in matches]) if matches else 0.0
        described[semconv.TRUST_SCORE] = self._trust.record(agent_of(attributes), weight).score
        lane, recorded = self.lane, True
        if isinstance(lane, DecisionLane):
            lane.add(written(decision, described, end, context, lane.resource))
        else:
            span = emit(self._tracer_of(self._telling), decision, described, end, context)
            recorded = span.get_span_context().trace_flags.sampled
        (self._metrics or self.metrics()).record(decision, recorded)

    def _constants(self, decision: Decision) -> Mapping[str, Any]:
        """What decisions by the same bundle have in common. Read and replaced as one: threads may swap it."""
        bundle, constant = self._constant
        if bundle is not decision.bundle:
            instance = self.ledger.instance_id(self._telling)
            constant = {**constants(decision, instance), semconv.TRUST_METHOD: METHOD}
            self._constant, self._clean = (decision.bundle, constant), set()
        return constant

    def _redacted(self, text: str) -> str:
        clean = self._clean
        if text in clean:
            return text
        if (redacted := self._redact(text)) is text and len(text) <= _SHORT:
            if len(clean) >= _MOST_CLEAN:
                clean.clear()
            clean.add(text)
        return redacted

    @property
    def _telling(self) -> Any:
        """Who has the resource that the numbers belong to: the lane, or a provider."""
        return self.lane or self.provider or trace.get_tracer_provider()

    def _tracer_of(self, provider: trace.TracerProvider) -> trace.Tracer:
        """Our tracer of `provider`, made once: making one costs as much as a decision."""
        tracer = self._tracers.get(provider)
        if tracer is None:
            tracer = self._tracers[provider] = trace.get_tracer(SCOPE, tracer_provider=provider)
        return tracer
