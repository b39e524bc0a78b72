"""One pass over a text for all patterns at once; only the patterns that occur are located and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from promethios.governance.detectors.detector import Detector, Hit
from promethios.governance.detectors.patterns import Pattern, PatternSet, encode

# Memory for the program and the automaton of one pattern, in bytes; with too little RE2 gets slow, not wrong.
_MAX_PATTERN_MEMORY: Final = 8 << 20
#: Memory for the automaton of all patterns together, in bytes. It is a bound: a bundle uses a few hundred
# KiB.
_MAX_MEMORY: Final = 64 << 20
#: Texts shorter than this cannot hold a hit of any built-in detector ("a@b.co" is the shortest).
MIN_LENGTH: Final = 6


class Scanner:
    """Finds the hits of a set of detectors. It keeps no state between texts: threads may share it."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        pairs = [(detector, source) for detector in detectors for source in detector.patterns]
        self._patterns = [(detector, Pattern(source, _MAX_PATTERN_MEMORY)) for detector, source in pairs]
        self._set = PatternSet((source for _, source in pairs), _MAX_MEMORY)

    def scan(self, text: str) -> list[Hit]:
        """Every hit in the text, by position; those of different detectors may overlap."""
        if len(text) < MIN_LENGTH:
            return []
        data = encode(text)
        found = self._set.found(data)
        if not found:
            return []
        hits = {hit for index in found for hit in self._locate(index, text, data)}
        return sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.detector))

    def _locate(self, index: int, text: str, data: bytes) -> Iterator[Hit]:
        detector, pattern = self._patterns[index]
        offsets = _Offsets(text, data)
        position = 0
        while candidate := pattern.find(data, position):
            first, last = candidate
            hit = detector.check(text, offsets.character(first), offsets.character(last))
            if hit is not None:
                yield Hit(detector.id, *hit)
            position = first + 1 if hit is None and detector.bounded else max(last, first + 1)


class _Offsets:
    """Turns offsets in bytes into offsets in characters, for offsets that mostly grow."""

    def __init__(self, text: str, data: bytes) -> None:
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
