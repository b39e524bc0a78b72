"""Putting placeholders where something hit. Lists, maps and JSON in texts stay what they were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from promethios.governance.detectors.detector import Hit
from promethios.governance.detectors.scanner import Scanner
from promethios.governance.detectors.survey import Found, Masked, Path, parse_json, survey

_Places = list[tuple[Path, Hit]]


def placeholder(detector: str) -> str:
    """What stands where a detector hit, such as ``[REDACTED:pii.card]``."""
    return f"[REDACTED:{detector}]"


def redact(value: Any, found: Iterable[Found]) -> Any:
    """The value without what was found in it: a copy where something changes, the same objects elsewhere."""
    places = [(each.path, each.hit) for each in found]
    return _redact(value, places) if places else value


def redact_text(text: str, scanner: Scanner) -> str:
    """The text without what the scanner finds, whatever its length; the same object if that is nothing."""
    if "\\" not in text and not scanner.scan(text):
        return text  # nearly all of telemetry: nothing hits, and no escape could hide something
    found = survey(text, scanner, limit=2 * len(text) + (1 << 20)).found
    redacted = redact(text, found)
    return redacted if isinstance(redacted, str) else text


def _redact(value: Any, places: _Places) -> Any:
    if isinstance(value, str):
        return _redact_string(str.__str__(value), places)
    if isinstance(value, Mapping):
        return _redact_map(value, places)
    if isinstance(value, (list, tuple)):
        return _redact_list(value, places)
    return placeholder(places[0][1].detector)


def _redact_string(text: str, places: _Places) -> str:
    if all(not path for path, _ in places):
        return replace(text, [hit for _, hit in places])
    return json.dumps(_redact(parse_json(text), places), ensure_ascii=text.isascii())


def _redact_list(value: list[Any] | tuple[Any, ...], places: _Places) -> list[Any] | tuple[Any, ...]:
    items = list(value)
    for index, below in _by_head(places).items():
        if isinstance(index, int):
            items[index] = _redact(items[index], below)
    return tuple(items) if isinstance(value, tuple) else items


def _redact_map(value: Mapping[str, Any], places: _Places) -> dict[str, Any]:
    """The order of the keys stays, also where a key itself is redacted."""
    heads = _by_head(places)
    redacted: dict[str, Any] = {}
    for key, item in value.items():
        name, below = key, []
        if isinstance(key, str):
            below = heads.get(key, []) + heads.get(Masked(key), [])
            in_key = heads.get(Masked(key, itself=True), [])
            name = _unused(replace(key, [hit for _, hit in in_key]), redacted) if in_key else key
        redacted[name] = _redact(item, below) if below else item
    return redacted


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


def replace(text: str, hits: Iterable[Hit]) -> str:
    """The text with placeholders for the hits; those that overlap become one, named after the first."""
    pieces: list[str] = []
    position = 0
    for hit in sorted(hits, key=lambda each: (each.start, -each.end)):
        if hit.start >= position:
            pieces += (text[position : hit.start], placeholder(hit.detector))
        position = max(position, hit.end)
    return "".join((*pieces, text[position:]))
