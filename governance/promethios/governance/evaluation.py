"""One operation against the policies of its point."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from promethios.governance.conditions import EvaluationError
from promethios.governance.conditions.facts import Facts
from promethios.governance.decision import Evidence, Match, Verdict
from promethios.governance.detectors import (
    Found,
    Scanner,
    Suffix,
    Survey,
    placeholder,
    redact,
    render,
    stable,
    surely_clean,
    survey,
)
from promethios.governance.limits import Counter, Keys, Room, State, Unseen
from promethios.governance.operation import Operation
from promethios.governance.planning import Asked, Plan, PointPlanner, Prepared
from promethios.governance.policies.model import Policy
from promethios.governance.reasons import reason_of
from promethios.governance.sequences import Happening
from promethios.governance.trust import weight_of

#: How many pieces of evidence a match names; what is redacted is not limited by it.
MAX_EVIDENCE: Final = 32


class Rules(NamedTuple):
    """What a bundle says of detecting and redacting, for all its policies.

    Args:
        scanner: Finds what the policies' detectors detect; None where none has any.
        stable_placeholders: Whether equal values of one conversation have equal placeholders.
    """

    scanner: Scanner | None = None
    stable_placeholders: bool = False


_Used = tuple[Counter, int]


class Evaluation:
    """What the policies say of one operation. It reads the operation and the state and changes nothing.

    Args:
        operation: What is evaluated.
        state: What was before.
        rules: What the bundle says of detecting and redacting.
        again: The operation was counted already, and must not count for itself.
    """

    __slots__ = (
        "_again",
        "_facts",
        "_operation",
        "_pending",
        "_plan",
        "_redactions",
        "_room",
        "_rules",
        "_state",
        "_surveys",
        "_used",
        "keys",
        "matches",
        "unseen",
    )

    def __init__(
        self,
        operation: Operation,
        state: State,
        rules: Rules,
        *,
        again: bool = False,
    ) -> None:
        self._operation = operation
        self._state = state
        self._facts = Facts(operation, state)
        self._rules = rules
        self._again = again
        self._plan: Plan | None = None
        self._surveys: dict[str, Survey] = {}
        self._redactions: dict[str, set[str]] = {}
        self._used: dict[Asked, _Used] = {}
        self._room: dict[Asked, Room] = {}
        self._pending: list[tuple[Prepared, Exception | None]] = []
        self.keys = Keys(operation.attributes)
        self.matches: list[Match] = []
        #: The steps that were looked for and had not come.
        self.unseen: list[Unseen] = []

    def run(self, planner: PointPlanner) -> None:
        """Evaluate the policies that the operation concerns; all of them fail where that cannot be told."""
        failure = self.plan(planner)
        if self._plan is None:
            for each in planner.policies:
                self._fail(each.policy, failure)
            return
        for least, limited in self._plan.limits:
            self._limited(least, limited)
        for following in self._plan.afters:
            self._following(following)
        if self._plan.groups:
            self._ask(self._plan)
        if self._pending:
            self._look()

    def plan(self, planner: PointPlanner) -> Exception | None:
        """Find out what the operation concerns; why that cannot be told, where it cannot."""
        try:
            self._plan = planner.plan(self._operation)
        except Exception as error:
            return error
        return None

    def _ask(self, plan: Plan) -> None:
        facts = self._facts
        for condition, members in plan.groups:
            failure: Exception | None = None
            try:
                # Nearly every policy that is left ends here, for nearly every operation.
                if condition is not None and not condition.holds(facts):
                    continue
            except Exception as error:
                failure = error
            for each in members:
                self._consider(each, failure)

    def _limited(self, least: int, group: tuple[Prepared, ...]) -> None:
        """Policies with nothing but a limit, all of one count: mostly the smallest of them has room."""
        try:
            if not self._exhausted(group[0], least):
                return
        except Exception as error:
            for each in group:
                self._fail(each.policy, error)
            return
        for each in group:
            self._consider(each, None)

    def _following(self, group: tuple[Prepared, ...]) -> None:
        """Policies with nothing but the same ``after``."""
        try:
            if not self._came_before(group[0]):
                return
        except Exception as error:
            for each in group:
                self._fail(each.policy, error)
            return
        for each in group:
            self._consider(each, None)

    def _consider(self, each: Prepared, failure: Exception | None) -> None:
        """Look at what a policy asks beside its condition, which holds or has no answer (`failure`).

        All must hold. As in CEL's ``&&``, one that does not decides, whatever the others are.
        """
        try:
            if not self._holds(each):
                return
            if each.policy.detect is not None:
                self._pending.append((each, failure))
            elif failure is not None:
                raise failure
            else:
                self._match(each.policy, [])
        except Exception as error:
            self._fail(each.policy, error)

    def _holds(self, each: Prepared) -> bool:
        """Whether everything holds that is neither the condition nor what detectors find."""
        if each.attributes is not None and not each.attributes.attributes_hold(self._operation.attributes):
            return False
        if each.limit is not None and not self._exhausted(each, each.max):
            return False
        return self._came_before(each)

    # What was before.

    def _exhausted(self, each: Prepared, maximum: int) -> bool:
        looked = self._used.get(each.asked)
        if looked is None:
            looked = self._used[each.asked] = self._count(each.asked)
        counter, used = looked
        if used >= maximum:
            return True
        room = self._room.get(each.asked)
        if room is None or maximum < room[2]:
            self._room[each.asked] = counter, each.asked[2], maximum
        return False

    def _count(self, asked: Asked) -> _Used:
        of, per, window = asked
        kind = self._operation.point.partition(".")[0] if of == "calls" else ""
        counter = Counter(of, kind, per, self.keys.of(per))
        used = self._state.used(counter, window)
        return counter, max(0, used - 1) if kind and self._again else used

    def _came_before(self, each: Prepared) -> bool:
        after = each.after
        if after is None:
            return True
        happening = each.step, self.keys.of(after.per)
        if self._state.happened(happening, after.within, again=self._again):
            return True
        self.unseen.append((happening, after.within))
        return False

    def room(self) -> Iterable[Room]:
        """The limits that were looked at and had room, each with the smallest maximum."""
        return self._room.values()

    def happenings(self) -> tuple[Happening, ...]:
        """The steps of sequences that the operation is."""
        if self._plan is None or not self._plan.steps:
            return ()
        attributes = self._operation.attributes
        try:
            return tuple(
                (step.name, self.keys.of(step.per))
                for step in self._plan.steps
                if step.match is None or step.match.attributes_hold(attributes)
            )
        except Exception:
            return ()  # who did it, and whether it is such a step, cannot be told

    # What detectors find.

    def _look(self) -> None:
        """Match the policies that wait for what detectors find."""
        fields = dict.fromkeys(
            name for each, _ in self._pending if each.policy.detect for name in each.policy.detect.fields
        )
        values = [value for name in fields if (value := getattr(self._operation, name)) is not None]
        scanner = self._rules.scanner
        if scanner is None or not values or surely_clean(values, scanner):
            return
        for each, failure in self._pending:
            try:
                self._detect(each.policy, failure)
            except Exception as error:
                self._fail(each.policy, error)

    def _detect(self, policy: Policy, failure: Exception | None) -> None:
        """Match what is found, and fail for what could not be looked at; one may come with the other."""
        found, gap = self._found(policy)
        if failure is not None and (found or gap):
            raise failure
        if found:
            self._match(policy, found)
        if gap:
            self._fail(policy, EvaluationError(gap))

    def _found(self, policy: Policy) -> tuple[list[tuple[str, Found]], str]:
        """What the policy's detectors found, and why something could not be looked at; empty if all was."""
        found: list[tuple[str, Found]] = []
        gap = ""
        if policy.detect is not None:
            for name in policy.detect.fields:
                looked = self._survey(name)
                gap = gap or looked.gap_of(policy.detect.detectors)
                found += [
                    (name, each) for each in looked.found if each.hit.detector in policy.detect.detectors
                ]
        return found, gap

    def _survey(self, name: str) -> Survey:
        looked = self._surveys.get(name)
        if looked is None:
            value = getattr(self._operation, name)
            scanner = self._rules.scanner
            looked = Survey() if value is None or scanner is None else survey(value, scanner)
            self._surveys[name] = looked
        return looked

    # The answer.

    def _match(self, policy: Policy, found: list[tuple[str, Found]]) -> None:
        message = policy.message
        evidence = tuple(
            Evidence(each.hit.detector, render(name, each.path), each.hit.start, each.hit.end, each.digest)
            for name, each in found[:MAX_EVIDENCE]
        )
        attributes = self._operation.attributes
        weight = weight_of(
            policy.severity,
            mode=policy.mode,
            found=((each.hit.detector, name) for name, each in found),
            policy_weight=policy.weight,
        )
        self.matches.append(
            Match(
                policy_id=policy.id,
                severity=policy.severity,
                action=policy.action,
                reason=message.render(attributes, self._state) if message else reason_of(policy, found),
                mode=policy.mode,
                controls=policy.controls,
                evidence=evidence,
                rule=policy.rule,
                weight=weight,
            )
        )
        if redacts(policy) and policy.detect is not None:
            for name in policy.detect.fields:
                self._redactions.setdefault(name, set()).update(policy.detect.detectors)

    def _fail(self, policy: Policy, error: Exception | None) -> None:
        why = str(error) if isinstance(error, EvaluationError) else type(error).__name__
        self.matches.append(
            Match(
                policy_id=policy.id,
                severity=policy.severity,
                action=policy.on_error,
                reason=f"policy '{policy.id}' could not be evaluated: {why}",
                mode=policy.mode,
                controls=policy.controls,
                failed=True,
                rule=policy.rule,
            )
        )

    def payload(self) -> dict[str, Any]:
        """The operation's payload without what enforced policies that matched detect."""
        payload = self._operation.payload
        if not self._redactions:
            return payload
        suffix = self._suffix()
        for name, detectors in self._redactions.items():
            found = [each for each in self._survey(name).found if each.hit.detector in detectors]
            if found:
                payload[name] = _redacted(payload[name], found, suffix)
        return payload

    def _suffix(self) -> Suffix | None:
        """What makes equal values of one conversation have equal placeholders, where the bundle wants it."""
        if not self._rules.stable_placeholders:
            return None
        try:
            return stable(self.keys.of("conversation"))
        except Exception:
            return None


def redacts(policy: Policy) -> bool:
    """Whether the policy takes out what it detects."""
    return policy.detect is not None and policy.action is Verdict.REDACT and policy.mode == "enforce"


def _redacted(value: Any, found: list[Found], suffix: Suffix | None) -> Any:
    """The value without what was found. One that cannot be taken apart again goes as a whole."""
    try:
        return redact(value, found, suffix)
    except Exception:
        return placeholder("unreadable")
