"""What is looked for first, for all patterns at once: looser forms that leave an automaton few states.

A pattern's trigger occurs wherever the pattern does, and elsewhere too; the pattern itself then says. Many
patterns are divided into three groups, because states of one multiply those of another: words and letters,
words before numbers, and numbers. One pass for each group costs less than what one automaton for all would
build on every text that it has not seen.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from promethios.governance.detectors.detector import WORD, Detector, word
from promethios.governance.detectors.patterns.relaxation import relax

#: Up to so many patterns one pass is cheaper.
MAX_TOGETHER: Final = 40
# What comes before the first three characters that say what it is, in "[A-Za-z0-9]{52}JQQJ9".
_LEAD: Final = re.compile(
    re.escape(relax(WORD)) + r"\((?:\[[^\]]*\](?:\{\d+,?\d*\}|\+|\*)?)+(?=(?:\\?[^\[\](){}*+?|\\]){3})"
)


class Trigger(NamedTuple):
    """A pattern with what is looked for before it."""

    detector: Detector
    source: str
    loose: str
    group: str


def triggers(detectors: list[Detector]) -> list[Trigger]:
    """All patterns of the detectors; in one group where they are few."""
    found = [trigger for detector in detectors for trigger in _of(detector)]
    if len(found) > MAX_TOGETHER:
        return found
    return [trigger._replace(group="") for trigger in found]


def _of(detector: Detector) -> list[Trigger]:
    if detector.is_foreign:
        return [Trigger(detector, source, source, "letters") for source in detector.sources]
    own = [Trigger(detector, source, _loosen(source), _group(detector)) for source in detector.patterns]
    behind = detector.sources[len(detector.patterns) :]
    # There is a digit in everything that is looked for behind a word, and none between the two.
    loose = relax(word(detector.words)) + r"\D*\d"
    return own + [Trigger(detector, source, loose, "words") for source in behind]


def _group(detector: Detector) -> str:
    if detector.id.startswith("injection."):
        return "words"
    return "numbers" if detector.id.startswith("pii.") and detector.id != "pii.email" else "letters"


def _loosen(source: str) -> str:
    return _LEAD.sub("(", relax(source))
