"""Running a case: the engine that an agent uses, a state of its own, and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promethios.governance.decision import Decision
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.policies.cases.model import Case, Expectation, Failure, Outcome, Step


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class _State(State):
    """A state whose agents have the trust that the case says, where it says one."""

    def __init__(self, clock: _Clock, trust: int | None) -> None:
        super().__init__(clock=clock)
        self._trust_score = trust

    def trust_score(self, attributes: Mapping[str, Any]) -> int:
        return super().trust_score(attributes) if self._trust_score is None else self._trust_score


def run_case(case: Case) -> Outcome:
    """Run the steps of a case, to its end also where one is not as expected."""
    engine, clock = Engine(case.bundle), _Clock()
    state = _State(clock, case.trust)
    failures: list[Failure] = []
    matched: set[str] = set()
    for number, step in enumerate(case.steps, 1):
        clock.now += step.wait
        for _ in range(step.repeat if step.operation else 0):
            decision = _decide(engine, step, state)
            matched.update(match.policy_id for match in decision.matches)
            found = [*_failures(step, number, decision)]
            failures += found
            if found:
                break  # a repeated step says the same each time
    return Outcome(case, tuple(failures), frozenset(matched))


def _decide(engine: Engine, step: Step, state: State) -> Decision:
    if step.operation is None:
        raise ValueError("a step that only waits has nothing to decide")
    return engine.admit(step.operation, state)


def _failures(step: Step, number: int, decision: Decision) -> Iterator[Failure]:
    reasons = tuple(f"{match.policy_id}: {match.reason}" for match in decision.matches)
    for expected, got in _differences(step.expect, decision):
        yield Failure(step.line, number, expected, got, reasons)


def _differences(expect: Expectation, decision: Decision) -> Iterator[tuple[str, str]]:
    for name, wanted in (("verdict", expect.verdict), ("enforced", expect.enforced)):
        got = getattr(decision, name)
        if wanted is not None and got is not wanted:
            yield f"{name} {wanted}", f"{name} {got}"
    for name, ids, failed in (("policies", expect.policies, False), ("failed", expect.failed, True)):
        found = {match.policy_id for match in decision.matches if match.failed is failed}
        if ids is not None and set(ids) != found:
            yield f"{name} {_listed(ids)}", f"{name} {_listed(found)}"
    for text in expect.reasons:
        if not any(text in match.reason for match in decision.matches):
            yield f"a reason with '{text}'", "no such reason"
    yield from _in_payload(expect, "\n".join(_texts(decision.payload)))


def _in_payload(expect: Expectation, payload: str) -> Iterator[tuple[str, str]]:
    for text in expect.contains:
        if text not in payload:
            yield f"a payload with '{text}'", "it is not there"
    for text in expect.excludes:
        if text in payload:
            yield f"a payload without '{text}'", "it is there"


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)) or "none"


def _texts(value: Any) -> Iterator[str]:
    """Every text and key of the payload. A case's payload is plain YAML: it is a tree and not deep."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)
