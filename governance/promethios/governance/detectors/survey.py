"""A look through everything that an operation carries: every text in it, wherever it is nested, is scanned
once.

Texts that hold JSON (tool arguments, tool results) are scanned as they stand, and taken apart only where
something hit or an escape could hide something; hits are then reported inside, so that the JSON stays JSON
when they are redacted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final

from promethios.governance.detectors.detector import Hit
from promethios.governance.detectors.plugins import Asking
from promethios.governance.detectors.scanner import Scanner

#: How deep lists, maps and JSON in texts may nest.
MAX_DEPTH: Final = 64
#: How many characters of one operation's field are scanned; each value counts for at least `VALUE_COST`.
MAX_CHARACTERS: Final = 1 << 20
VALUE_COST: Final = 16

#: Keys are scanned too, but the short names that nearly all of them are cannot hold a hit.
MAX_PLAIN_KEY: Final = 15
#: Card numbers also come as numbers; what is shorter or longer than one is not even written out.
CARD_NUMBERS: Final = range(10**12, 10**19)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", re.ASCII)
# A key for the digests of evidence: a hash of a card number without one is no secret at all.
_DIGEST_KEY: Final = token_bytes(32)


@dataclass(frozen=True, slots=True)
class Masked:
    """A part of a path whose key must not be shown, because something hit in it.

    Args:
        key: The key.
        itself: The hit is in the key, not in what is below it.
    """

    key: str
    itself: bool = False


Path = tuple[str | int | Masked, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A hit, with the place of its text in the payload and a keyed hash of what was hit."""

    path: Path
    hit: Hit
    digest: str


@dataclass(slots=True)
class Survey:
    """What a look through one field found.

    Args:
        found: The hits, in the order of the values.
        gap: Why not everything could be looked at; empty where it could.
        failed: Why a plug-in did not look at everything, by its id.
    """

    found: list[Found] = field(default_factory=list)
    gap: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)

    def gap_of(self, detectors: Collection[str]) -> str:
        """Why not everything could be looked at by these detectors; empty where it could."""
        return self.gap or next((why for name, why in self.failed.items() if name in detectors), "")


def survey(value: Any, scanner: Scanner, limit: int = MAX_CHARACTERS) -> Survey:
    """Scan every text in `value`. It calls no code of foreign objects, and bounds what it looks at."""
    surveyor = _Surveyor(scanner, limit)
    surveyor.look(value, (), 0, "")
    surveyor.result.failed = surveyor.asking.failed if surveyor.asking else {}
    return surveyor.result


def digest(text: str) -> str:
    """A hash of the text (64 bits, hex): comparable within this process, and nothing outside it."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=8, key=_DIGEST_KEY).hexdigest()


def render(name: str, path: Path) -> str:
    """The path for people, such as ``input[1].content``; keys that are no plain names become ``[*]``."""
    return name + "".join(map(_render_part, path))


def _render_part(part: str | int | Masked) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if isinstance(part, str) and _NAME.fullmatch(part) else "[*]"


def parse_json(text: str) -> Any:
    """The list or map that the text is the JSON of, or None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _Surveyor:
    def __init__(self, scanner: Scanner, limit: int) -> None:
        self._scanner = scanner
        self._left = limit
        self.asking = Asking(scanner.plugins) if scanner.plugins else None
        self.result = Survey()

    def look(self, value: Any, path: Path, depth: int, label: str) -> None:
        """Look through a value below a key whose `label` says what its texts and numbers are."""
        self._left -= VALUE_COST
        if self._left < 0:
            self.result.gap = "the payload is larger than what is scanned"
        elif depth > MAX_DEPTH:
            self.result.gap = f"the payload nests deeper than {MAX_DEPTH} levels"
        elif isinstance(value, str):
            self._text(value, path, depth, label)
        elif isinstance(value, Mapping):
            self._map(value, path, depth)
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                self.look(item, (*path, index), depth + 1, label)
                if self._left < 0:
                    break
        elif type(value) is int:
            self._number(value, path, label)
        elif value is not None and not isinstance(value, (bool, float)):
            self.result.gap = "the payload holds a value that is neither text, number, list nor map"

    def _map(self, value: Mapping[Any, Any], path: Path, depth: int) -> None:
        for key, item in value.items():
            if not isinstance(key, str):
                self.result.gap = "the payload holds a map whose keys are not text"
                continue
            inner: str | Masked = key
            if not self._is_plain(key) and (hits := self._scan(key, "")):
                self._add(key, hits, (*path, Masked(key, itself=True)))
                inner = Masked(key)
            self.look(item, (*path, inner), depth + 1, self._scanner.label(key))
            if self._left < 0:
                break

    def _is_plain(self, key: str) -> bool:
        return len(key) <= MAX_PLAIN_KEY and key.isidentifier() and not self._scanner.thorough

    def _number(self, value: int, path: Path, label: str) -> None:
        if value in CARD_NUMBERS or ((label or self._scanner.thorough) and abs(value) < CARD_NUMBERS.stop):
            self._add(str(value), self._scan(str(value), label), path)

    def _scan(self, text: str, label: str) -> list[Hit]:
        if not label:
            return self._scanner.scan(text, self.asking)
        skip = len(label)
        hits = self._scanner.scan(label + text, self.asking)
        return [Hit(hit.detector, hit.start - skip, hit.end - skip) for hit in hits if hit.start >= skip]

    def _text(self, value: str, path: Path, depth: int, label: str) -> None:
        text = str.__str__(value)
        if len(text) > self._left:
            text = text[: self._left]
            self.result.gap = "the payload is larger than what is scanned"
        self._left -= len(text)
        hits = self._scan(text, label)
        if not hits and "\\u" not in text:
            return
        if not self._inside(text, hits, path, depth):
            self._add(text, hits, path)

    def _inside(self, text: str, hits: list[Hit], path: Path, depth: int) -> bool:
        """Whether the text is JSON whose values hold all that hit in the text, and more perhaps."""
        parsed = parse_json(text)
        if parsed is None:
            return False
        outer, self.result = self.result, Survey()
        self.look(parsed, path, depth + 1, "")
        inner, self.result = self.result, outer
        missed = Counter(hit.detector for hit in hits) - Counter(each.hit.detector for each in inner.found)
        if missed or inner.gap:
            # Something hit across values, in one that a duplicate key hides, or too deep: the text is taken
            # as it stands. What escapes may hide deeper than can be looked at stays unknown.
            outer.gap = inner.gap if "\\u" in text and inner.gap else outer.gap
            return False
        outer.found += inner.found
        return True

    def _add(self, text: str, hits: list[Hit], path: Path) -> None:
        self.result.found += [Found(path, hit, digest(text[hit.start : hit.end])) for hit in hits]
