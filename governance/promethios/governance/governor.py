"""The one object that an application holds: it decides, accounts, and tells each decision once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from promethios.governance.decision import Decision, Verdict
from promethios.governance.enforcement import ambient
from promethios.governance.enforcement.again import CountedOnce, says_more
from promethios.governance.enforcement.guard import Guard
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import Bundle, load_bundle, parse_bundle
from promethios.governance.telemetry.forks import renew_in_child
from promethios.governance.telemetry.ledger import Ledger, resource_attributes
from promethios.governance.telemetry.metrics import DecisionMetrics
from promethios.governance.telemetry.spans import SCOPE, emit

_log = logging.getLogger(__name__)


class Governor:
    """Decides an agent's operations by the policies of one bundle. Thread-safe.

    Args:
        bundle: The policies.
        tracer_provider: Where decisions are told; the global provider without it.
        meter_provider: Where they are counted; the global provider without it.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self.bundle = bundle
        self.state = State()
        self._engine = Engine(bundle)
        self._points = frozenset(point for policy in bundle.policies for point in policy.on)
        self._ledger = Ledger()
        self._provider = tracer_provider
        self._lane: trace.TracerProvider | None = None
        self._tracers: WeakKeyDictionary[trace.TracerProvider, trace.Tracer] = WeakKeyDictionary()
        self._meter_provider = meter_provider
        self._metrics: DecisionMetrics | None = None
        self._lock = threading.Lock()
        renew_in_child(self)
        self.guarded_scopes: set[str] = set()

    @classmethod
    def from_file(cls, path: str | Path, **providers: Any) -> Governor:
        """A governor for the policy file at `path`, or for a ready-made set such as ``promethios:baseline``.

        Raises:
            PolicyError: The file has mistakes; the message has the place of each and a hint.
            OSError: The file cannot be read.
        """
        return cls(load_bundle(path), **providers)

    @classmethod
    def from_text(cls, text: str, **providers: Any) -> Governor:
        """A governor for policies in YAML.

        Raises:
            PolicyError: The text has mistakes; the message has the place of each and a hint.
        """
        return cls(parse_bundle(text), **providers)

    def evaluate(self, operation: Operation, context: Context | None = None) -> Decision:
        """Decide `operation` and account for it in budgets and rates; emit nothing, enforce nothing."""
        return self._evaluate(self._complete(operation, context))

    def peek(self, operation: Operation, context: Context | None = None) -> Decision:
        """What the decision would be: count nothing, emit nothing, enforce nothing."""
        return self._engine.evaluate(self._complete(operation, context), self.state)

    def decide(self, operation: Operation, context: Context | None = None) -> Decision:
        """Decide `operation`, and tell the decision as a span below the one in `context`, and in metrics."""
        operation = self._complete(operation, context)
        return self._tell(self._evaluate(operation), operation, context)

    def observe(self, operation: Operation, context: Context | None = None) -> Decision:
        """Decide what has already happened: like `decide`, but what it tells as enforced is a flag at most.

        A verdict that came too late to act on must never be told as a block. What comes after an operation
        is only accounted for where no policy decides there.
        """
        if not (operation.point.endswith(".before") or self.listens(operation.point)):
            return self.evaluate(operation, context)
        operation = self._complete(operation, context)
        decision = self._evaluate(operation)
        if decision.enforced.rank > Verdict.FLAG.rank:
            decision = replace(decision, enforced=Verdict.FLAG)
        return self._tell(decision, operation, context)

    def decide_again(
        self, operation: Operation, first: Decision | None, context: Context | None = None
    ) -> Decision:
        """Decide with more knowledge what was decided, counted and told as `first`.

        Nothing is counted. It is told, and has an id, where it says what `first` did not.
        """
        operation = self._complete(operation, context)
        kind = operation.point.partition(".")[0]
        decision = self._engine.evaluate(operation, cast(State, CountedOnce(self.state, kind)))
        return self._tell(decision, operation, context) if says_more(decision, first) else decision

    def listens(self, point: str) -> bool:
        """Whether any policy decides at `point`."""
        return point in self._points

    def guard(
        self,
        kind: str = "tool",
        name: str | None = None,
        *,
        input: Any = None,
        arguments: Any = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Guard:
        """A guard around one operation: a context manager, or a decorator for functions and coroutines.

        Args:
            kind: ``tool``, ``model``, ``agent`` or ``response``.
            name: The tool's, model's or agent's name; a decorated function's own name without it.
            input: What goes to the model or agent.
            arguments: What the tool is called with. A decorator takes the function's arguments instead.
            attributes: Further attributes of the operation, by OpenTelemetry's names.

        Raises:
            ValueError: `kind` is none of the four.
        """
        return Guard(self, kind, name, input=input, arguments=arguments, attributes=attributes)

    def conversation(self, conversation_id: str, agent: str | None = None) -> AbstractContextManager[None]:
        """Say which conversation, and which agent, the operations inside belong to."""
        return ambient.conversation(conversation_id, agent)

    def redact_text(self, text: str) -> str:
        """`text` without what the enforced redactions take out; the same object where there is none."""
        return self._engine.redact_text(text)

    def set_tracer_provider(self, provider: trace.TracerProvider) -> None:
        """Tell decisions through the application's `provider`, where none was given and there is no lane."""
        self._provider = self._provider or provider

    def set_decision_lane(self, provider: trace.TracerProvider) -> None:
        """Tell decisions through `provider` alone, whatever the application samples or exports elsewhere."""
        self._lane = provider

    def set_meter_provider(self, provider: metrics.MeterProvider) -> None:
        """Count decisions in `provider`; call it before the first decision."""
        self._meter_provider = provider

    @property
    def tracer(self) -> trace.Tracer:
        """The tracer of the operations that guards open spans for."""
        return self._tracer_of(self._provider or trace.get_tracer_provider())

    def _tracer_of(self, provider: trace.TracerProvider) -> trace.Tracer:
        """Our tracer of `provider`, made once: making one costs as much as a decision."""
        tracer = self._tracers.get(provider)
        if tracer is None:
            tracer = self._tracers[provider] = trace.get_tracer(SCOPE, tracer_provider=provider)
        return tracer

    def _evaluate(self, operation: Operation) -> Decision:
        return self._engine.admit(operation, self.state)

    def _complete(self, operation: Operation, context: Context | None) -> Operation:
        """Add what the resource and the surroundings say, below what the operation says itself."""
        resource = resource_attributes(self._provider)
        around = ambient.ambient_attributes(context)
        if not resource and not around:
            return operation
        return replace(operation, attributes={**resource, **around, **operation.attributes})

    def _tell(self, decision: Decision, operation: Operation, context: Context | None) -> Decision:
        """Number and emit `decision`. Telemetry fails open: what goes wrong here reaches nobody's call."""
        seq, decision_id = self._ledger.next()
        decision = replace(decision, id=decision_id, seq=seq)
        try:
            self._emit(decision, operation, context)
        except Exception:
            _log.exception("cannot tell decision %s; it was made and enforced all the same", decision_id)
        return decision

    def _emit(self, decision: Decision, operation: Operation, context: Context | None) -> None:
        provider = self._telling
        instance = self._ledger.instance_id(provider)
        span = emit(self._tracer_of(provider), decision, operation.attributes, instance, context)
        self._counts().record(decision, _is_sampled(span.get_span_context()))

    def _counts(self) -> DecisionMetrics:
        """The metrics, made with the first decision: the provider may come after the governor."""
        if self._metrics is None:
            with self._lock:
                self._metrics = self._metrics or DecisionMetrics(self._meter_provider)
        return self._metrics

    @property
    def _telling(self) -> trace.TracerProvider:
        return self._lane or self._provider or trace.get_tracer_provider()

    def renew(self) -> None:
        """Start the numbers, the counts and the locks anew; called in a forked child. Budgets go on."""
        self._lock = threading.Lock()
        self.state.after_fork()
        self._ledger.renew(self._telling)
        if self._metrics is not None:
            self._metrics.renew()


def _is_sampled(context: SpanContext) -> bool:
    return context.trace_flags.sampled
