"""Putting placeholders where something hit. Lists, maps and JSON in texts stay what they were."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final

from promethios.governance.detectors.detector import Hit
from promethios.governance.detectors.scanner import Scanner
from promethios.governance.detectors.survey import Found, Masked, Path, parse_json, survey

#: What a placeholder says about the text it stands for, beside the detector.
Suffix = Callable[[str], str]

_Places = list[tuple[Path, Hit]]
_KEY: Final = token_bytes(32)
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_QUOTE: Final = re.compile(r'\\.|"', re.DOTALL)


def placeholder(detector: str, suffix: str = "") -> str:
    """What stands where a detector hit, such as ``[REDACTED:pii.card]``, or ``[REDACTED:pii.card:k3f9]``."""
    return f"[REDACTED:{detector}:{suffix}]" if suffix else f"[REDACTED:{detector}]"


def stable(conversation: str) -> Suffix:
    """Suffixes that are the same for the same text in one conversation.

    Four characters, 20 bits of a hash with a key of this process: who has the placeholder learns which
    values are equal (by chance one pair in a million is not), and cannot try values out.
    """
    key = blake2b(conversation.encode("utf-8", "replace"), digest_size=32, key=_KEY).digest()

    def suffix(text: str) -> str:
        number = int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=4, key=key).digest())
        return "".join(_LETTERS[number >> shift & 31] for shift in (0, 5, 10, 15))

    return suffix


def redact(value: Any, found: Iterable[Found], suffix: Suffix | None = None) -> Any:
    """The value without what was found in it: a copy where something changes, the same objects elsewhere.

    Args:
        value: What was surveyed.
        found: What the survey found in it.
        suffix: What placeholders say of the text they stand for; nothing without it. See `stable`.
    """
    places = [(each.path, each.hit) for each in found]
    return _Redaction(suffix).redact(value, places) if places else value


def redact_text(text: str, scanner: Scanner, suffix: Suffix | None = None) -> str:
    """The text without what the scanner finds, whatever its length; the same object if that is nothing."""
    if "\\" not in text and not scanner.scan(text):
        return text  # nearly all of telemetry: nothing hits, and no escape could hide something
    found = survey(text, scanner, limit=2 * len(text) + (1 << 20)).found
    redacted = redact(text, found, suffix)
    return redacted if isinstance(redacted, str) else text


class _Redaction:
    """Rebuilds what holds something that was found; everything beside it stays the same object."""

    def __init__(self, suffix: Suffix | None) -> None:
        self._suffix = suffix

    def redact(self, value: Any, places: _Places) -> Any:
        if isinstance(value, str):
            return self._string(str.__str__(value), places)
        if isinstance(value, Mapping):
            return self._map(value, places)
        if isinstance(value, (list, tuple)):
            return self._list(value, places)
        return self._placeholder(places[0][1].detector, str(value))

    def _placeholder(self, detector: str, text: str) -> str:
        return placeholder(detector, self._suffix(text) if self._suffix else "")

    def _string(self, text: str, places: _Places) -> str:
        if any(path for path, _ in places):
            redacted = self.redact(parse_json(text), places)
            return json.dumps(redacted, ensure_ascii=text.isascii())
        hits = [hit for _, hit in places]
        return self._replace(text, hits, _inside_json(text) if parse_json(text) is not None else None)

    def _list(self, value: list[Any] | tuple[Any, ...], places: _Places) -> list[Any] | tuple[Any, ...]:
        items = list(value)
        for index, below in _by_head(places).items():
            if isinstance(index, int):
                items[index] = self.redact(items[index], below)
        return tuple(items) if isinstance(value, tuple) else items

    def _map(self, value: Mapping[str, Any], places: _Places) -> dict[str, Any]:
        """The order of the keys stays, also where a key itself is redacted."""
        heads = _by_head(places)
        redacted: dict[str, Any] = {}
        for key, item in value.items():
            name, below = key, []
            if isinstance(key, str):
                below = heads.get(key, []) + heads.get(Masked(key), [])
                in_key = heads.get(Masked(key, itself=True), [])
                name = _unused(self._replace(key, [hit for _, hit in in_key]), redacted) if in_key else key
            redacted[name] = self.redact(item, below) if below else item
        return redacted

    def _replace(self, text: str, hits: Iterable[Hit], quoted: Callable[[int], bool] | None = None) -> str:
        """The text with placeholders for the hits; those that overlap become one, named after the first.

        Args:
            text: What was scanned.
            hits: Where something hit.
            quoted: Of JSON, whether a place is inside quotes. Numbers are not: their placeholders need them.
        """
        pieces: list[str] = []
        position = 0
        for start, end, detector in _merged(hits):
            put = self._placeholder(detector, text[start:end])
            pieces += (text[position:start], put if quoted is None or quoted(start) else json.dumps(put))
            position = end
        return "".join((*pieces, text[position:]))


def _merged(hits: Iterable[Hit]) -> list[tuple[int, int, str]]:
    """The stretches that the hits cover, each with the detector that begins it."""
    stretches: list[tuple[int, int, str]] = []
    for hit in sorted(hits, key=lambda each: (each.start, -each.end)):
        if stretches and hit.start < stretches[-1][1]:
            start, end, detector = stretches[-1]
            stretches[-1] = start, max(end, hit.end), detector
        else:
            stretches.append((hit.start, hit.end, hit.detector))
    return stretches


def _inside_json(text: str) -> Callable[[int], bool]:
    """Tells whether a place in the JSON is inside a string."""
    quotes = [match.start() for match in _QUOTE.finditer(text) if match[0] == '"']
    return lambda place: bisect_left(quotes, place) % 2 == 1


def _by_head(places: _Places) -> dict[str | int | Masked, _Places]:
    """The places below a list or map by their first step, each with the rest of its path."""
    heads: dict[str | int | Masked, _Places] = {}
    for path, hit in places:
        heads.setdefault(path[0], []).append((path[1:], hit))
    return heads


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    """The name, numbered where another key became the same."""
    unused, number = name, 2
    while unused in taken:
        unused, number = f"{name}#{number}", number + 1
    return unused
