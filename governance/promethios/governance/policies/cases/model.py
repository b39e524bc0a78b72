"""Cases as data, and what running one gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promethios.governance.decision import Verdict
from promethios.governance.operation import Operation
from promethios.governance.policies.model import Bundle

KIND: Final = "PolicyCases"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a decision; what is None is not looked at.

    Args:
        verdict: The most severe action of all matches.
        enforced: What really happens.
        policies: The ids of exactly the policies that match, in any order, those in shadow included.
        failed: The ids of exactly those that cannot be evaluated.
        reasons: Texts, each of which is in one of the reasons.
        contains: Texts that the payload still has after redaction.
        excludes: Texts that it no longer has.
    """

    verdict: Verdict | None = None
    enforced: Verdict | None = None
    policies: tuple[str, ...] | None = None
    failed: tuple[str, ...] | None = None
    reasons: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case: first time passes, then the operation is decided.

    Args:
        line: Where it stands in its file.
        operation: What is decided, or None where time passes only.
        expect: What is expected of each of its decisions.
        repeat: How often it is decided.
        wait: Seconds that pass before.
    """

    line: int
    operation: Operation | None
    expect: Expectation
    repeat: int = 1
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Args:
        source: The name of its file.
        name: What it shows.
        bundle: The policies that it is about.
        steps: What happens, in order, beginning with nothing counted.
        trust: The trust in every agent, or None for what it would be.
    """

    source: str
    name: str
    bundle: Bundle
    steps: tuple[Step, ...]
    trust: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was otherwise than expected.

    Args:
        line: The line of the step.
        step: Its number in the case, from 1.
        expected: What was expected.
        got: What came.
        reasons: The reasons that the decision gave; they hold no content.
    """

    line: int
    step: int
    expected: str
    got: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case came to.

    Args:
        case: The case.
        failures: What was otherwise than expected; empty where it passed.
        matched: The ids of all policies that matched in it.
    """

    case: Case
    failures: tuple[Failure, ...]
    matched: frozenset[str]
