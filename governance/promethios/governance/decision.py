"""What is answered: a verdict, its reasons, and what was enforced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Verdict(StrEnum):
    """What policies may answer, from the mildest to the most severe.

    `ALLOW` is false in a condition and every other verdict true, so that ``if decision.enforced:``
    reads as it is meant: something was done.
    """

    ALLOW = "allow"
    FLAG = "flag"
    REDACT = "redact"
    APPROVE = "approve"
    BLOCK = "block"

    def __bool__(self) -> bool:
        return self is not Verdict.ALLOW

    @property
    def rank(self) -> int:
        """The severity of the verdict: 0 for `ALLOW` up to 4 for `BLOCK`."""
        return _RANK[self]

    @property
    def stops(self) -> bool:
        """Whether the operation must not go on. Nobody can be asked yet, so `APPROVE` stops it too."""
        return self is Verdict.BLOCK or self is Verdict.APPROVE


_RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a detector hit, without what it hit.

    Args:
        detector: The detector's id, such as ``"pii.card"``.
        path: The place in the payload, such as ``"input[1].content"``.
        start: Offset of the hit's first character in the text at `path`.
        end: Offset behind its last character.
        digest: A keyed hash (BLAKE2b, 64 bits, hex) of what was hit; the key never leaves the process.
    """

    detector: str
    path: str
    start: int
    end: int
    digest: str


@dataclass(frozen=True, slots=True)
class Match:
    """One policy that matched, or that could not be evaluated.

    Args:
        policy_id: The policy's id.
        severity: ``low``, ``medium``, ``high`` or ``critical``.
        action: The verdict that this policy asks for (its ``onError`` where `failed`).
        reason: Why, for people. It never contains content.
        mode: ``enforce`` or ``shadow``; a policy in shadow decides and does nothing.
        controls: The controls of frameworks that the policy serves, such as ``EU-AI-Act/Art.15``.
        evidence: What detectors found.
        failed: The policy could not be evaluated: not a "no", but the lack of an answer.
        rule: Which part of the policy decided: ``detect``, ``limit``, ``after``, ``when`` or ``match``.
        weight: What the match weighs in the agent's trust; 0 where it does not count.
    """

    policy_id: str
    severity: str
    action: Verdict
    reason: str
    mode: str = "enforce"
    controls: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    failed: bool = False
    rule: str = "match"
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class BundleId:
    """Which policies decided: the bundle's name and version as written, and the SHA-256 of its text (hex)."""

    name: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one operation.

    Args:
        point: The intervention point that was decided.
        verdict: The most severe action of all matches, those in shadow included.
        enforced: The most severe action among the matches that are enforced: what really happens.
        matches: Every policy that matched, the most severe action first.
        payload: The operation's payload, by field, after redaction; the very values that came in where
            nothing was redacted.
        bundle: The policies that decided.
        duration_ns: How long the evaluation took, in nanoseconds.
        id: Unique for each decision that was told (32 hexadecimal digits); empty before that.
        seq: Its number within the process, from 1, without gaps; 0 before it was told.
    """

    point: str
    verdict: Verdict
    enforced: Verdict
    matches: tuple[Match, ...]
    payload: Mapping[str, Any] = field(repr=False)
    bundle: BundleId
    duration_ns: int
    id: str = field(default="", compare=False)
    seq: int = field(default=0, compare=False)

    @property
    def mode(self) -> str:
        """``shadow`` where something matched and all that matched is in shadow, else ``enforce``."""
        if not self.matches:
            return "enforce"
        return "shadow" if all(match.mode == "shadow" for match in self.matches) else "enforce"

    @property
    def stopped_by(self) -> Match | None:
        """The enforced match that stops the operation, or None where it may go on."""
        stops = (match for match in self.matches if match.mode == "enforce" and match.action.stops)
        return next(stops, None)
