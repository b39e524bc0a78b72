"""One pass over a text for all patterns at once; only the patterns that occur are located and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from promethios.governance.detectors.detector import Detector, Hit, word
from promethios.governance.detectors.folding import folded
from promethios.governance.detectors.patterns import Encoded, Pattern, PatternSet, encode
from promethios.governance.detectors.plugins import Asking, PluginError
from promethios.governance.detectors.triggers import Trigger, triggers

# Memory for the program and the automaton of one pattern, in bytes; with too little RE2 gets slow, not wrong.
_MAX_PATTERN_MEMORY: Final = 8 << 20
#: Memory for the automaton of all patterns together, in bytes. It is a bound: a bundle uses a few hundred
# KiB.
_MAX_MEMORY: Final = 64 << 20
#: Texts shorter than this cannot hold a hit of any built-in detector ("a@b.co" is the shortest).
MIN_LENGTH: Final = 6
#: Within so many characters every built-in detector knows a hit that has begun (of private keys the marker at
#: their beginning). For those who see a text piece by piece.
HOLD_BACK: Final = 512
#: What stands between texts that are joined to be looked at together: no word goes on behind it, a line ends
#: and begins at it, and no list of blanks goes across.
SEPARATOR: Final = "\n\0\n"
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Nearly all keys come again and again. Long ones are remembered no more than content is.
_MAX_LABELS: Final = 4096
_MAX_LABEL: Final = 32
# What a pattern can say of the beginning or end of the whole text, which a text among others has not.
_ENDS_OF_TEXT: Final = re.compile(r"\\[AzZ]|\(\?[a-zA-Z]*-")


class Scanner:
    """Finds the hits of a set of detectors. It keeps no state between texts: threads may share it.

    Args:
        detectors: What to look for. Asynchronous ones are left out.
    """

    def __init__(self, detectors: Iterable[Detector]) -> None:
        detectors = [detector for detector in detectors if not detector.asynchronous]
        #: Those that look by themselves, text by text.
        self.plugins = tuple(detector for detector in detectors if detector.find is not None)
        #: Whether hits may be anywhere: in short texts, short keys and small numbers too.
        self.thorough = any(detector.is_foreign for detector in detectors)
        found = triggers(detectors)
        self._patterns = [
            (each.detector, Pattern(each.source, _MAX_PATTERN_MEMORY, trusted=True)) for each in found
        ]
        self._sets = [
            _Group(found, [index for index, each in enumerate(found) if each.group == group])
            for group in sorted({each.group for each in found})
        ]
        words = {detector.words for detector, _ in self._patterns if detector.words}
        self._words = (
            Pattern("|".join(map(word, sorted(words))), _MAX_MEMORY, trusted=True) if words else None
        )
        self._labels: dict[str, str] = {}
        #: Whether no pattern can tell texts that are joined with `SEPARATOR` from the same ones apart.
        self.joinable = not self.plugins and not any(_ENDS_OF_TEXT.search(each.source) for each in found)

    def scan(self, text: str, asking: Asking | None = None) -> list[Hit]:
        """Every hit in the text, by position; those of different detectors may overlap.

        Args:
            text: What to look through.
            asking: Asks the plug-ins, and keeps why one failed.

        Raises:
            PluginError: A plug-in failed and there is no `asking` to keep it.
        """
        if len(text) < MIN_LENGTH and not self.thorough:
            return []
        hits = self._matched(text)
        if (plain := folded(text)) is not None:
            hits |= self._matched(plain)
        if self.plugins:
            hits.update(self._ask(text, asking))
        return sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.detector)) if hits else []

    def _matched(self, text: str) -> set[Hit]:
        data = encode(text)
        found = [index for group in self._sets for index in group.found(data)]
        return {hit for index in found for hit in self._locate(index, text, data)}

    def _ask(self, text: str, asking: Asking | None) -> list[Hit]:
        if asking is not None or not self.plugins:
            return asking.hits(text) if asking else []
        alone = Asking(self.plugins)
        hits = alone.hits(text)
        if alone.failed:
            raise PluginError("; ".join(alone.failed.values()))
        return hits

    def label(self, key: str) -> str:
        """What to put in front of the values of a key: the key itself, where it has a word, else nothing."""
        label = self._labels.get(key)
        if label is None:
            label = _CAMEL.sub("_", key) if self._words else ""
            label = label + SEPARATOR if self._words and self._words.occurs(label + SEPARATOR) else ""
            if len(self._labels) < _MAX_LABELS and len(key) <= _MAX_LABEL:
                self._labels[key] = label
        return label

    def is_clear(self, text: str) -> bool:
        """Whether no pattern occurs in the text; joined texts are allowed where the scanner is `joinable`."""
        plain = folded(text)
        return not self._occurs(text) and (plain is None or not self._occurs(plain))

    def _occurs(self, text: str) -> bool:
        data = encode(text)
        return any(group.found(data) for group in self._sets)

    def _locate(self, index: int, text: str, data: Encoded) -> Iterator[Hit]:
        detector, pattern = self._patterns[index]
        offsets = _Offsets(text, data)
        position = 0
        while candidate := pattern.find(data, position):
            first, last = candidate
            hit = detector.check(text, offsets.character(first), offsets.character(last))
            if hit is not None and hit[0] < hit[1]:
                yield Hit(detector.id, *hit)
            position = first + 1 if hit is None and detector.bounded else max(last, first + 1)


class _Group:
    """Patterns whose triggers are looked for in one pass."""

    def __init__(self, triggers: list[Trigger], indices: list[int]) -> None:
        self._indices = indices
        # With (?m), "^" and "$" hold at more places and never at fewer: also at those of joined texts.
        self._set = PatternSet((f"(?m:{triggers[index].loose})" for index in indices), _MAX_MEMORY)

    def found(self, data: Encoded) -> list[int]:
        """Which patterns may occur in the text."""
        return [self._indices[position] for position in self._set.found(data)]


class _Offsets:
    """Turns offsets in bytes into offsets in characters, for offsets that mostly grow."""

    def __init__(self, text: str, data: Encoded) -> None:
        self._data = None if len(text) == len(data) else data
        self._byte = self._character = 0

    def character(self, byte: int) -> int:
        if self._data is None:
            return byte
        if byte < self._byte:
            self._byte = self._character = 0
        self._character += len(self._data[self._byte : byte].decode("utf-8"))
        self._byte = byte
        return self._character
