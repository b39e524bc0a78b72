"""What a run of cases came to: lines for people, one object for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from promethios.governance.policies.cases.model import Outcome


def lines(outcomes: Iterable[Outcome], *, verbose: bool = False) -> Iterator[str]:
    """A line for each case below its file, more for one that failed, and a line that counts them."""
    outcomes = list(outcomes)
    source = ""
    for outcome in outcomes:
        if outcome.case.source != source:
            source = outcome.case.source
            yield source
        yield f"  {'FAILED' if outcome.failures else 'passed'}  {outcome.case.name}"
        for failure in outcome.failures:
            yield f"          line {failure.line}, step {failure.step}"
            yield f"            expected  {failure.expected}"
            yield f"            got       {failure.got}"
            for reason in failure.reasons or ("no policy matched",):
                yield f"            because   {reason}"
    if verbose:
        yield from _unmatched(outcomes)
    failed = sum(1 for outcome in outcomes if outcome.failures)
    yield f"{len(outcomes)} {'case' if len(outcomes) == 1 else 'cases'}, {failed} failed"


def _unmatched(outcomes: list[Outcome]) -> Iterator[str]:
    """The policies that no case matches: nothing shows that they do what they should."""
    for name, ids in unmatched(outcomes).items():
        yield f"no case matches {', '.join(ids)} of {name}"


def unmatched(outcomes: Iterable[Outcome]) -> dict[str, list[str]]:
    """For each bundle with such policies, the ids of those that matched in no case."""
    outcomes = list(outcomes)
    left: dict[str, list[str]] = {}
    for bundle in {outcome.case.bundle.id.hash: outcome.case.bundle for outcome in outcomes}.values():
        seen = {
            name
            for outcome in outcomes
            if outcome.case.bundle.id.hash == bundle.id.hash
            for name in outcome.matched
        }
        if missing := [policy.id for policy in bundle.policies if policy.id not in seen]:
            left[bundle.sources[0]] = missing
    return left


def as_json(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """The same for programs."""
    outcomes = list(outcomes)
    return {
        "data": [
            {
                "file": outcome.case.source,
                "name": outcome.case.name,
                "ok": not outcome.failures,
                "failures": [
                    {
                        "line": failure.line,
                        "step": failure.step,
                        "expected": failure.expected,
                        "got": failure.got,
                        "reasons": list(failure.reasons),
                    }
                    for failure in outcome.failures
                ],
            }
            for outcome in outcomes
        ],
        "cases": len(outcomes),
        "failed": sum(1 for outcome in outcomes if outcome.failures),
        "unmatched": unmatched(outcomes),
    }
