"""The one object that an application holds: it decides, accounts, and tells each decision once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

from opentelemetry import metrics, trace
from opentelemetry.context import Context, get_current

from promethios.governance.decision import Decision, Verdict
from promethios.governance.detectors import Scanner
from promethios.governance.enforcement import ambient
from promethios.governance.enforcement.again import says_more
from promethios.governance.enforcement.guard import Guard
from promethios.governance.enforcement.operations import Decided, Operations, places_of
from promethios.governance.enforcement.recent import Recent
from promethios.governance.engine import Engine
from promethios.governance.inspection import Inspector
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import Bundle, load_bundle, parse_bundle
from promethios.governance.telemetry.forks import renew_in_child
from promethios.governance.telemetry.lane import DecisionLane
from promethios.governance.telemetry.ledger import resource_attributes, resource_of
from promethios.governance.telemetry.spans import SCOPE
from promethios.governance.telemetry.telling import Teller
from promethios.governance.undecided import uncounted, undecided
from promethios.governance.watching import INTERVAL, Watch

_log = logging.getLogger(__name__)


class _Rules(NamedTuple):
    """What one bundle makes: a decision reads it once, so that a swap changes all of it or nothing."""

    engine: Engine
    points: frozenset[str]
    inspector: Inspector | None


def _rules(bundle: Bundle) -> _Rules:
    points = frozenset(point for policy in bundle.policies for point in policy.on)
    return _Rules(Engine(bundle), points, Inspector.of(bundle))


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
        self.state = State()
        self._rules = _rules(bundle)
        self._listeners: list[Callable[[], object]] = []
        self._teller = Teller(self.state.trust, self.redact_text, tracer_provider, meter_provider)
        self._resource: tuple[Any, Mapping[str, Any]] = (None, {})
        renew_in_child(self)
        self.guarded_scopes: set[str] = set()
        self.guarded_kinds: dict[str, frozenset[str]] = {}
        self.recent = Recent()
        #: What was decided lately, so that another span of the same operation is not decided again.
        self.operations = Operations()

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

    @property
    def bundle(self) -> Bundle:
        """The policies in force."""
        return self._rules.engine.bundle

    def use(self, bundle: Bundle) -> None:
        """Decide by the policies of `bundle` from now on.

        A decision that is being made is made by the old ones, whole, and names them. Budgets, sequences and
        trust go on. For any thread, at any time.
        """
        self._rules = _rules(bundle)
        self._teller.metrics().record_reload("loaded")
        for listener in list(self._listeners):
            listener()

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call `listener` each time that other policies have come into force.

        Args:
            listener: Is called in the thread that changed them, and must neither wait nor raise.
        """
        self._listeners.append(listener)

    def watch(self, path: str | Path, interval: float = INTERVAL) -> Watch:
        """Use the policies of the file at `path` now, and again whenever it, or one that it extends, changes.

        While the file cannot be loaded the last good policies stay in force; what is wrong is logged once for
        each change, and counted. Keep the answer, and `close` it to stop.

        Args:
            path: The bundle's file.
            interval: Seconds between two looks at it.

        Raises:
            PolicyError: It cannot be read, or has mistakes, now.
            ValueError: `interval` is not above 0.
        """
        if not interval > 0:
            raise ValueError(f"interval is {interval}: give the seconds between two looks, above 0")
        bundle = load_bundle(path)
        if bundle.id != self.bundle.id:
            self.use(bundle)
        return Watch(self, path, interval, bundle)

    def count_reload(self, outcome: str) -> None:
        """Count a bundle that was ``loaded``, or that ``failed`` to load, while running."""
        self._teller.metrics().record_reload(outcome)

    def is_guarded(self, scope: str, kind: str) -> bool:
        """Whether an adapter decides every operation of `kind` that spans of `scope` stand for."""
        return scope in self.guarded_scopes and kind in self.guarded_kinds.get(scope, (kind,))

    def evaluate(self, operation: Operation, context: Context | None = None) -> Decision:
        """Decide `operation` and account for it in budgets and rates; emit nothing, enforce nothing."""
        return self._evaluate(self._complete(operation, context))

    def peek(self, operation: Operation, context: Context | None = None) -> Decision:
        """What the decision would be: count nothing, emit nothing, enforce nothing."""
        return self._rules.engine.evaluate(self._complete(operation, context), self.state)

    def decide(self, operation: Operation, context: Context | None = None) -> Decision:
        """Decide `operation`, and tell the decision as a span below the one in `context`, and in metrics."""
        decision = self.decide_span(operation, context)
        kind, _, stage = operation.point.partition(".")
        if stage == "before":
            subject = ambient.subject_of(kind, operation.attributes)
            span = trace.get_current_span(context)
            around = span.get_span_context()
            decided = Decided(decision, SCOPE, time_ns(), around.span_id)
            self.operations.add(places_of(span, kind, subject), decided)
            self.recent.note(around.trace_id, kind, subject, decided.decision)
        return decision

    def decide_span(self, operation: Operation, context: Context | None = None) -> Decision:
        """Like `decide`, for who remembers the operation's span itself."""
        operation = self._complete(operation, context)
        self._inspect(operation, context)
        return self._teller.tell(self._evaluate(operation), operation, context)

    def observe(self, operation: Operation, context: Context | None = None) -> Decision:
        """Decide what has already happened: like `decide`, but what it tells as enforced is a flag at most.

        A verdict that came too late to act on must never be told as a block. What comes after an operation
        is only accounted for where no policy decides there.
        """
        if not (operation.point.endswith(".before") or self.listens(operation.point)):
            return self.evaluate(operation, context)
        operation = self._complete(operation, context)
        decision = _too_late(self._evaluate(operation, happened=True))
        self._inspect(operation, context)
        return self._teller.tell(decision, operation, context)

    def account(self, operation: Operation, context: Context | None = None) -> None:
        """Count what has happened, where no policy decides (`listens`): it costs less than deciding."""
        try:
            self._rules.engine.count(self._complete(operation, context), self.state)
        except Exception:
            _log.exception("cannot count what happened at %s", operation.point)

    def decide_again(
        self, operation: Operation, first: Decision | None, context: Context | None = None
    ) -> Decision:
        """Decide with more knowledge what was decided, counted and told as `first`.

        Nothing is counted. It is told, and has an id, where it says what `first` did not.
        """
        operation = self._complete(operation, context)
        decision = self._rules.engine.evaluate(operation, self.state, again=True)
        return self._teller.tell(decision, operation, context) if says_more(decision, first) else decision

    def observe_again(
        self, operation: Operation, first: Decision | None, context: Context | None = None
    ) -> Decision:
        """`decide_again` for what has already happened: what it tells as enforced is a flag at most."""
        operation = self._complete(operation, context)
        decision = _too_late(self._rules.engine.evaluate(operation, self.state, again=True))
        self._inspect(operation, context)
        return self._teller.tell(decision, operation, context) if says_more(decision, first) else decision

    def conclude(self, operation: Operation, decision: Decision, context: Context | None = None) -> Decision:
        """Account for `operation` and tell `decision`, which looks at its parts (`peek`) came to."""
        operation = self._complete(operation, context)
        try:
            self._rules.engine.account(operation, decision, self.state)
        except Exception:
            _log.exception("cannot count what was decided at %s", operation.point)
        self._inspect(operation, context)
        return self._teller.tell(decision, operation, context)

    def listens(self, point: str) -> bool:
        """Whether any policy decides at `point`."""
        return point in self._rules.points

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
        return self._rules.engine.redact_text(text)

    @property
    def redactor(self) -> Scanner | None:
        """Finds what the enforced redactions take out of telemetry; None where no policy redacts."""
        return self._rules.engine.redactor

    def set_tracer_provider(self, provider: trace.TracerProvider) -> None:
        """Tell decisions through the application's `provider`, where none was given and there is no lane."""
        self._teller.provider = self._teller.provider or provider

    def set_decision_lane(self, lane: DecisionLane | trace.TracerProvider) -> None:
        """Tell decisions through `lane` alone, whatever the application samples or exports elsewhere."""
        self._teller.lane = lane

    def set_meter_provider(self, provider: metrics.MeterProvider) -> None:
        """Count decisions in `provider`; call it before the first decision."""
        self._teller.meter_provider = provider

    @property
    def tracer(self) -> trace.Tracer:
        """The tracer of the operations that guards open spans for."""
        return self._teller.tracer()

    def renew(self) -> None:
        """Start the numbers, the counts and the locks anew; called in a forked child. Budgets go on."""
        self.state.after_fork()
        self._teller.renew()
        self.operations = Operations()

    def flush_inspections(self, timeout: float = 5.0) -> bool:
        """Wait until asynchronous detectors have looked at all that was decided; whether they have in time.

        Args:
            timeout: Seconds.
        """
        inspector = self._rules.inspector
        return inspector is None or inspector.flush(timeout)

    def _inspect(self, operation: Operation, context: Context | None) -> None:
        """Have asynchronous detectors look, where a policy names some; what they find is told as a flag."""
        inspector = self._rules.inspector
        if inspector is not None:
            around = get_current() if context is None else context
            inspector.submit(operation, self.state, lambda late: self._teller.tell(late, operation, around))

    def _evaluate(self, operation: Operation, *, happened: bool = False) -> Decision:
        """Decide and count. What goes wrong in it is for each policy a case of its ``onError``."""
        engine = self._rules.engine
        try:
            return engine.admit(operation, self.state, happened=happened)
        except Exception as error:
            _log.exception("cannot decide or count at %s; the policies' onError answers", operation.point)
            try:
                return uncounted(engine.bundle, engine.evaluate(operation, self.state), error)
            except Exception:
                return undecided(engine.bundle, operation, error)

    def _complete(self, operation: Operation, context: Context | None) -> Operation:
        """Add what the resource and the surroundings say, below what the operation says itself."""
        resource = self._resource_attributes()
        around = ambient.ambient_attributes(context)
        if not resource and not around:
            return operation
        try:
            attributes = {**resource, **around, **operation.attributes}
        except Exception:
            return operation  # whose attributes cannot be listed: that is for the policies' onError
        return Operation(
            operation.point,
            attributes,
            operation.input,
            operation.output,
            operation.arguments,
            operation.result,
        )

    def _resource_attributes(self) -> Mapping[str, Any]:
        """Those of the provider's resource, read once for each resource: a forked child's is another."""
        provider = self._teller.provider
        resource = resource_of(provider)
        read, attributes = self._resource
        if read is not resource:
            attributes = resource_attributes(provider)
            self._resource = resource, attributes
        return attributes


def _too_late(decision: Decision) -> Decision:
    """`decision`, which nobody else holds yet, on what has already happened."""
    if decision.enforced.rank > Verdict.FLAG.rank:
        object.__setattr__(decision, "enforced", Verdict.FLAG)
    return decision
