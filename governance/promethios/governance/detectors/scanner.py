"""One pass over a text for all patterns at once; only the patterns that occur are located and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import re2

from promethios.governance.detectors.detector import Detector, Hit

#: Memory for the automaton of all patterns together, in bytes. It is a bound: a bundle uses a few hundred KiB.
_MAX_MEMORY: Final = 64 << 20
#: Texts shorter than this cannot hold a hit of any built-in detector ("a@b.co" is the shortest).
MIN_LENGTH: Final = 6


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return options


class Scanner:
    """Finds the hits of a set of detectors. It keeps no state between texts: threads may share it."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        self._located: list[tuple[Detector, Any]] = []
        self._set: Any = re2.Set.SearchSet(_options())
        for detector in detectors:
            for pattern in detector.patterns:
                self._set.Add(pattern)
                self._located.append((detector, re2.compile(pattern, _options())))
        if self._located:
            self._set.Compile()

    def scan(self, text: str) -> list[Hit]:
        """Every hit in the text, by position; those of different detectors may overlap."""
        if len(text) < MIN_LENGTH or not self._located:
            return []
        # RE2 works on UTF-8. A lone surrogate has none: it becomes one '?', which keeps all offsets.
        data = text.encode("utf-8", "replace")
        found = self._set.Match(data)
        if not found:
            return []
        hits = {hit for index in found for hit in self._locate(index, text, data)}
        return sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.detector))

    def _locate(self, index: int, text: str, data: bytes) -> Iterator[Hit]:
        detector, pattern = self._located[index]
        offsets = _Offsets(text, data)
        position = 0
        while position <= len(data) and (match := pattern.search(data, position)):
            first, last = match.span(1)
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
