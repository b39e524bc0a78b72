"""Evaluates the policies of a bundle for one operation. Pure: it reads the operation and the state and
changes nothing.

What cannot go wrong: `Engine.evaluate` never raises. A policy that cannot be evaluated is a match with
``failed`` set and the policy's ``onError`` as its action, and the other policies are evaluated all the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.conditions import EvaluationError
from promethios.governance.conditions.facts import Facts
from promethios.governance.decision import Decision, Evidence, Match, Verdict
from promethios.governance.detectors import (
    DETECTORS,
    Found,
    Scanner,
    Survey,
    placeholder,
    redact,
    redact_text,
    render,
    survey,
)
from promethios.governance.limits import Counter, State, key_of
from promethios.governance.operation import POINTS, Operation
from promethios.governance.policies.index import PointIndex
from promethios.governance.policies.model import Bundle, Limit, Policy

#: How many pieces of evidence a match names; what is redacted is not limited by it.
MAX_EVIDENCE: Final = 32

_Claim = tuple[Counter, float | None, int | float]


class Engine:
    """The policies of one bundle, indexed by intervention point. Threads may share it.

    Args:
        bundle: What to evaluate. It does not change; for other policies make another engine.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._index = {
            point: PointIndex(tuple(policy for policy in bundle.policies if point in policy.on))
            for point in POINTS
        }
        self._scanner = _scanner(bundle.policies)
        self._redactor = _scanner(tuple(filter(_redacts, bundle.policies)))

    def evaluate(self, operation: Operation, state: State) -> Decision:
        """Decide the operation by the policies for its point and by what the state says was used.

        The decision's payload is redacted as enforced policies ask; its reasons hold no content.
        """
        return self._evaluate(operation, state)[0]

    def admit(self, operation: Operation, state: State) -> Decision:
        """Decide the operation and account for it, as one step where limits are concerned.

        Between `evaluate` and `State.record` other threads may take the last place that a limit has; here
        exactly as many operations pass as the limit allows.
        """
        while True:
            decision, claims = self._evaluate(operation, state)
            if state.record_if(operation, decision, () if decision.enforced.stops else claims):
                return decision

    @property
    def redactor(self) -> Scanner | None:
        """Finds what enforced redacting policies take out of telemetry; None where no policy redacts."""
        return self._redactor

    def redact_text(self, text: str) -> str:
        """The text without what enforced redacting policies detect; the same object if that is nothing."""
        return redact_text(text, self._redactor) if self._redactor is not None else text

    def _evaluate(self, operation: Operation, state: State) -> tuple[Decision, tuple[_Claim, ...]]:
        started = time.perf_counter_ns()
        run = _Evaluation(operation, state, self._scanner)
        run.consider(self._index[operation.point])
        matches = tuple(sorted(run.matches, key=lambda match: -match.action.rank))
        decision = Decision(
            point=operation.point,
            verdict=_severest(matches, enforced=False),
            enforced=_severest(matches, enforced=True),
            matches=matches,
            payload=run.payload(),
            bundle=self.bundle.id,
            duration_ns=time.perf_counter_ns() - started,
        )
        return decision, tuple(run.claims)


def _redacts(policy: Policy) -> bool:
    return policy.detect is not None and policy.action is Verdict.REDACT and policy.mode == "enforce"


def _scanner(policies: tuple[Policy, ...]) -> Scanner | None:
    names = {name for policy in policies if policy.detect for name in policy.detect.detectors}
    return Scanner(DETECTORS[name] for name in sorted(names)) if names else None


def _severest(matches: tuple[Match, ...], *, enforced: bool) -> Verdict:
    actions = (match.action for match in matches if not enforced or match.mode == "enforce")
    return max(actions, key=lambda action: action.rank, default=Verdict.ALLOW)


class _Evaluation:
    """One operation against the policies of its point."""

    def __init__(self, operation: Operation, state: State, scanner: Scanner | None) -> None:
        self._operation = operation
        self._state = state
        self._scanner = scanner
        self._facts = Facts(operation)
        self._surveys: dict[str, Survey] = {}
        self._redactions: dict[str, set[str]] = {}
        self._used: dict[tuple[str, str, float | None], tuple[Counter, int]] = {}
        self.matches: list[Match] = []
        #: The limits that were looked at and still had room.
        self.claims: list[_Claim] = []

    def consider(self, index: PointIndex) -> None:
        """Evaluate the policies that the operation concerns; all of them fail where that cannot be told."""
        try:
            policies = index.concerned(self._operation.attributes)
        except Exception as error:
            for policy in index.policies:
                self._fail(policy, type(error).__name__)
            return
        for policy in policies:
            failure: Exception | None = None
            try:
                # Nearly every policy ends here, for nearly every operation.
                if policy.when is not None and not policy.when.holds(self._facts):
                    continue
            except Exception as error:
                failure = error
            try:
                self._consider(policy, failure)
            except EvaluationError as error:
                self._fail(policy, str(error))
            except Exception as error:
                self._fail(policy, type(error).__name__)

    def _consider(self, policy: Policy, failure: Exception | None) -> None:
        """Look at the parts beside the condition, which holds or has no answer (`failure`).

        All must hold. As in CEL's ``&&``, one that does not decides, whatever the others are.
        """
        match = policy.match
        if match is not None and match.attributes and not match.attributes_hold(self._operation.attributes):
            return
        if policy.limit is not None and not self._exhausted(policy.limit):
            return
        if policy.detect is not None:
            self._detect(policy, failure)
        elif failure is not None:
            raise failure
        else:
            self._match(policy, [])

    def _exhausted(self, limit: Limit) -> bool:
        asked = (limit.of, limit.per, limit.window)
        looked = self._used.get(asked)
        if looked is None:
            kind = self._operation.point.partition(".")[0] if limit.of == "calls" else ""
            counter = Counter(limit.of, kind, limit.per, key_of(limit.per, self._operation.attributes))
            looked = self._used[asked] = counter, self._state.used(counter, limit.window)
        counter, used = looked
        if used >= limit.max:
            return True
        self.claims.append((counter, limit.window, limit.max))
        return False

    def _detect(self, policy: Policy, failure: Exception | None) -> None:
        """Match what is found, and fail for what could not be looked at; one may come with the other."""
        found, gap = self._found(policy)
        if failure is not None and (found or gap):
            raise failure
        if found:
            self._match(policy, found)
        if gap:
            self._fail(policy, gap)

    def _found(self, policy: Policy) -> tuple[list[tuple[str, Found]], str]:
        """What the policy's detectors found, and why something could not be looked at; empty if all was."""
        found: list[tuple[str, Found]] = []
        gap = ""
        if policy.detect is not None:
            for name in policy.detect.fields:
                looked = self._survey(name)
                gap = gap or looked.gap
                found += [
                    (name, each) for each in looked.found if each.hit.detector in policy.detect.detectors
                ]
        return found, gap

    def _survey(self, name: str) -> Survey:
        looked = self._surveys.get(name)
        if looked is None:
            value = getattr(self._operation, name)
            scanner = self._scanner
            looked = Survey() if value is None or scanner is None else survey(value, scanner)
            self._surveys[name] = looked
        return looked

    def _match(self, policy: Policy, found: list[tuple[str, Found]]) -> None:
        reason = (
            policy.message.render(self._operation.attributes) if policy.message else _reason(policy, found)
        )
        evidence = tuple(
            Evidence(each.hit.detector, render(name, each.path), each.hit.start, each.hit.end, each.digest)
            for name, each in found[:MAX_EVIDENCE]
        )
        self._add(policy, policy.action, reason, evidence=evidence)
        if _redacts(policy) and policy.detect is not None:
            for name in policy.detect.fields:
                self._redactions.setdefault(name, set()).update(policy.detect.detectors)

    def _fail(self, policy: Policy, why: str) -> None:
        reason = f"policy '{policy.id}' could not be evaluated: {why}"
        self._add(policy, policy.on_error, reason, failed=True)

    def _add(
        self,
        policy: Policy,
        action: Verdict,
        reason: str,
        *,
        evidence: tuple[Evidence, ...] = (),
        failed: bool = False,
    ) -> None:
        self.matches.append(
            Match(
                policy_id=policy.id,
                severity=policy.severity,
                action=action,
                reason=reason,
                mode=policy.mode,
                controls=policy.controls,
                evidence=evidence,
                failed=failed,
                rule=policy.rule,
            )
        )

    def payload(self) -> Mapping[str, Any]:
        """The payload, with what enforced redacting policies found replaced."""
        payload = self._operation.payload
        for name, detectors in self._redactions.items():
            found = [each for each in self._surveys[name].found if each.hit.detector in detectors]
            if found:
                payload[name] = _redacted(payload[name], found)
        return payload


def _redacted(value: Any, found: list[Found]) -> Any:
    """The value without what was found. One that cannot be taken apart again goes as a whole."""
    try:
        return redact(value, found)
    except Exception:
        return placeholder("unreadable")


def _reason(policy: Policy, found: list[tuple[str, Found]]) -> str:
    """What to say where the policy has no message."""
    if found:
        places: dict[str, list[str]] = {}
        for name, each in found:
            places.setdefault(name, []).append(each.hit.detector)
        said = (f"{', '.join(sorted(set(detectors)))} in {name}" for name, detectors in places.items())
        return f"policy '{policy.id}' found {' and '.join(said)}"
    if policy.limit is not None:
        window = f" in {policy.limit.window:g} s" if policy.limit.window else ""
        return f"the limit of {policy.limit.max} {policy.limit.of} per {policy.limit.per}{window} is reached"
    if policy.when is not None:
        return f"the condition of policy '{policy.id}' holds"
    return f"policy '{policy.id}' is about this operation"
