"""How a system tells what it decided: which attributes, and what their values mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from promethios.governance.decision import Verdict

#: Names beside the attributes' own under which a span's name and status are read.
SPAN_NAME: Final = "(span name)"
SPAN_STATUS: Final = "(span status)"
SPAN_STATUS_MESSAGE: Final = "(span status message)"

#: A value, in lower case, and the verdict that it is.
Words = Mapping[str, Verdict]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one system. Of several attributes the first that is there holds.

    Args:
        name: What `decisions.dialect` has.
        source: The distribution and version that they were read in.
        verdict: Attributes with the verdict, each with its words.
        failed: An attribute that only a failure has; without it all is well. Empty where there is none such.
        unsaid: The verdict where none of these is there; None where nothing was decided then.
        strict: Whether an unknown word is worth a warning; not where anybody may write what they like.
        policy: What decided; the dialect's name where it is not told.
        version: The policy's version.
        detector: Which part of it, or what was found.
        reason: Why.
        severities: The severity by the verdict's value; ``medium`` where it has none: few systems tell one.
        stage: Where in the operation.
        points: The intervention point of each stage, in lower case.
        point: That of a stage that is not told or not known; empty where nothing is decided there.
        tool: The tool that was decided about, where the operation's span does not say.
        milliseconds: How long it took.
        several: Whether a policy may tell several results of one run, one for each detector.
    """

    name: str
    source: str
    verdict: tuple[tuple[str, Words], ...]
    failed: str = ""
    unsaid: Verdict | None = None
    strict: bool = True
    policy: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    detector: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    severities: Mapping[str, str] = field(default_factory=dict)
    stage: tuple[str, ...] = ()
    points: Mapping[str, str] = field(default_factory=dict)
    point: str = ""
    tool: tuple[str, ...] = ()
    milliseconds: tuple[str, ...] = ()
    several: bool = False


class Finding(NamedTuple):
    """One thing that a system told, in our words."""

    point: str
    verdict: Verdict
    policy_id: str
    policy_version: str
    detector: str
    severity: str
    reason: str
    tool: str
    duration_us: float
