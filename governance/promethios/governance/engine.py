"""Evaluates the policies of a bundle for one operation. Pure: it reads the operation and the state and
changes nothing, except where it is asked to count what it admits.

What cannot go wrong: `Engine.evaluate` never raises. A policy that cannot be evaluated is a match with
``failed`` set and the policy's ``onError`` as its action, and the other policies are evaluated all the same.
The order of the policies changes nothing. `ENGINE.md` says what each step costs and why it is as it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from promethios.governance.decision import Decision, Match, Verdict
from promethios.governance.detectors import Detector, Scanner, redact_text, select
from promethios.governance.evaluation import MAX_EVIDENCE as MAX_EVIDENCE
from promethios.governance.evaluation import Evaluation, Rules, redacts
from promethios.governance.limits import Entry, State, entry_of, used_up
from promethios.governance.operation import POINTS, Operation
from promethios.governance.planning import PointPlanner
from promethios.governance.policies.model import SEVERITIES, Bundle, Policy
from promethios.governance.pricing import Prices

_SEVERITY: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}


class Engine:
    """The policies of one bundle, indexed by intervention point. Threads may share it.

    Args:
        bundle: What to evaluate. It does not change; for other policies make another engine.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        afters = [policy.after for policy in bundle.policies if policy.after]
        self._planners = {
            point: PointPlanner(
                [policy for policy in bundle.policies if point in policy.on],
                [after for after in afters if point in after.on],
            )
            for point in POINTS
        }
        detectors = _detectors(bundle, bundle.policies)
        self._rules = Rules(Scanner(detectors) if detectors else None, bundle.stable_placeholders)
        redacted = _detectors(bundle, filter(redacts, bundle.policies))
        self._redactor = Scanner(redacted) if redacted else None
        #: What tokens cost here. Models without a price are counted in it.
        self.prices = Prices(bundle.prices, warn=_counts_cost(bundle))
        #: The points at which any policy decides.
        self.points = frozenset(point for policy in bundle.policies for point in policy.on)

    def evaluate(self, operation: Operation, state: State, *, again: bool = False) -> Decision:
        """Decide the operation by the policies for its point and by what the state says was used.

        The decision's payload is redacted as enforced policies ask; its reasons hold no content.

        Args:
            operation: What is decided.
            state: What was before.
            again: The operation was admitted already, with less known of it: it does not count for itself.
        """
        return self._evaluate(operation, state, again=again)[0]

    def admit(self, operation: Operation, state: State, *, happened: bool = False) -> Decision:
        """Decide the operation and account for it, as one step where limits and sequences are concerned.

        Between `evaluate` and `State.record` other threads may take the last place that a limit has; here
        exactly as many operations pass as the limit allows. It ends: it is done again only where another
        operation has used a limit up or was the first of a sequence in between.

        Args:
            operation: What is decided.
            state: What was before, and what is counted.
            happened: It has happened already: it counts whatever is decided.
        """
        used = self._used_up(operation)
        while True:
            decision, evaluation = self._evaluate(operation, state)
            stops = decision.enforced.stops
            entry = _entry(operation, evaluation, used, passed=happened or not stops)
            # What is stopped uses nothing up, and comes before nothing.
            if state.record_if(entry, *(() if stops else (evaluation.room(), evaluation.unseen))):
                return decision

    def account(self, operation: Operation, decision: Decision, state: State) -> None:
        """Count an operation that was decided by `evaluate`, such as a stream by its parts."""
        evaluation = Evaluation(operation, state, self._rules)
        evaluation.plan(self._planners[operation.point])
        passed = not decision.enforced.stops
        state.record_if(_entry(operation, evaluation, self._used_up(operation), passed=passed))

    def count(self, operation: Operation, state: State) -> None:
        """Count an operation that has happened, at a point where no policy decides."""
        planner = self._planners[operation.point]
        used = self._used_up(operation)
        if used or planner.steps or operation.point.endswith(".before"):
            evaluation = Evaluation(operation, state, self._rules)
            evaluation.plan(planner)
            state.record_if(_entry(operation, evaluation, used, passed=True))

    def _used_up(self, operation: Operation) -> tuple[tuple[str, int], ...]:
        return used_up(operation.attributes, self.prices) if operation.point == "model.after" else ()

    @property
    def redactor(self) -> Scanner | None:
        """Finds what enforced redacting policies take out of telemetry; None where no policy redacts."""
        return self._redactor

    def redact_text(self, text: str) -> str:
        """The text without what enforced redacting policies detect; the same object if that is nothing."""
        return redact_text(text, self._redactor) if self._redactor is not None else text

    def _without_content(self, matches: list[Match]) -> list[Match]:
        """The matches with reasons that hold nothing of what is redacted: a message may name an attribute."""
        if self._redactor is None:
            return matches
        return [self._told(match) for match in matches]

    def _told(self, match: Match) -> Match:
        if match.failed:
            return match  # the reason is ours, holds no content, and is needed where a plug-in fails
        try:
            reason = self.redact_text(match.reason)
        except Exception:  # a plug-in's
            reason = f"policy '{match.policy_id}' matched"
        return match if reason is match.reason else replace(match, reason=reason)

    def _evaluate(
        self, operation: Operation, state: State, *, again: bool = False
    ) -> tuple[Decision, Evaluation]:
        started = time.perf_counter_ns()
        evaluation = Evaluation(operation, state, self._rules, again=again)
        evaluation.run(self._planners[operation.point])
        matches, verdict, enforced = _weighed(self._without_content(evaluation.matches))
        decision = Decision(
            point=operation.point,
            verdict=verdict,
            enforced=enforced,
            matches=matches,
            payload=evaluation.payload(),
            bundle=self.bundle.id,
            duration_ns=time.perf_counter_ns() - started,
        )
        return decision, evaluation


def _entry(
    operation: Operation, evaluation: Evaluation, used: tuple[tuple[str, int], ...], *, passed: bool
) -> Entry:
    happenings = evaluation.happenings() if passed else ()
    return entry_of(operation.point, evaluation.keys, passed=passed, used=used, happenings=happenings)


def _weighed(found: list[Match]) -> tuple[tuple[Match, ...], Verdict, Verdict]:
    """The matches, the most severe first, the most severe action, and the most severe one in force."""
    if not found:
        return (), Verdict.ALLOW, Verdict.ALLOW
    matches = tuple(sorted(found, key=_by_severity))
    enforced = next((match.action for match in matches if match.mode == "enforce"), Verdict.ALLOW)
    return matches, matches[0].action, enforced


def _by_severity(match: Match) -> tuple[int, int, str, bool]:
    """The most severe action first; among equals nothing depends on the order of the file."""
    return -match.action.rank, -_SEVERITY.get(match.severity, 0), match.policy_id, match.failed


def _detectors(bundle: Bundle, policies: Iterable[Policy]) -> list[Detector]:
    names = {name for policy in policies if policy.detect for name in policy.detect.detectors}
    return select(names, bundle.detectors)


def _counts_cost(bundle: Bundle) -> bool:
    """Whether any policy asks what something cost."""
    return any(
        (policy.limit is not None and policy.limit.of == "cost")
        or (policy.when is not None and ".cost_usd" in policy.when.source)
        for policy in bundle.policies
    )
