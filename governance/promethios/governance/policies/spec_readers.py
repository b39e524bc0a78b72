"""The parts of ``spec`` beside the policies: ``defaults``, ``detectors`` and ``prices``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from promethios.governance.decision import Verdict
from promethios.governance.detectors import Detector
from promethios.governance.detectors.patterns import Pattern, PatternError, encode
from promethios.governance.policies.document import Map, Text, Value
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.model import MODES, Defaults, Price
from promethios.governance.policies.policy_reader import ON_ERROR
from promethios.governance.policies.problems import Problems

DEFAULTS_KEYS: Final = ("mode", "onError", "placeholders")
PLACEHOLDERS: Final = ("plain", "stable")
DETECTOR_KEYS: Final = ("id", "pattern", "description")
PRICE_KEYS: Final = ("input", "output")

#: How many detectors a bundle may bring, how long a pattern of one may be, and how large its program.
MAX_DETECTORS: Final = 100
MAX_PATTERN: Final = 1000
MAX_PROGRAM_BYTES: Final = 1 << 18
#: What to do about a word's boundary that YAML has read as another character.
BACKSPACE: Final = "in double quotes '\\b' is one, and no word's boundary: write the pattern in single quotes"
#: More than any model costs, in US dollars for a million tokens.
MAX_PRICE: Final = 1e6
DETECTOR_ID: Final = r"custom\.[a-z0-9][a-z0-9_]{0,62}"

#: Texts in which a pattern that can match nothing at all does so.
_PROBES: Final = ("", "a", "a b", "0", "\n", "a\n")


def read_defaults(value: Value | None, problems: Problems) -> tuple[Defaults, bool | None]:
    """What policies take where they say nothing, and whether placeholders are stable, where that is said."""
    if value is None:
        return Defaults(), None
    fields = Fields(value, "'defaults'", DEFAULTS_KEYS, problems)
    on_error = fields.choice("onError", ON_ERROR)
    placeholders = fields.choice("placeholders", PLACEHOLDERS)
    defaults = Defaults(fields.choice("mode", MODES, "enforce"), Verdict(on_error) if on_error else None)
    return defaults, placeholders == "stable" if placeholders else None


def read_detectors(fields: Fields, problems: Problems) -> dict[str, Detector]:
    """The detectors of ``spec.detectors``, by id."""
    detectors: dict[str, Detector] = {}
    items = fields.items("detectors")
    if len(items) > MAX_DETECTORS:
        fields.wrong(items[MAX_DETECTORS], f"a bundle has at most {MAX_DETECTORS} detectors of its own")
    for position, item in enumerate(items[:MAX_DETECTORS], 1):
        detector = _detector(Fields(item, f"detector {position}", DETECTOR_KEYS, problems))
        if detector.id in detectors:
            fields.wrong(item, f"detector '{detector.id}' is given twice")
        detectors[detector.id] = detector
    return detectors


def _detector(fields: Fields) -> Detector:
    fields.require("id", "pattern")
    fields.text("description")
    name, source = fields.text("id"), fields.text("pattern")
    if name and not re.fullmatch(DETECTOR_ID, name):
        fields.wrong(
            fields.get("id") or fields.map,
            f"the id '{name[:40]}' must be 'custom.' and then letters, digits and '_'",
            "such as custom.employee_number; the other groups are built in",
        )
    return Detector(name, (_pattern(fields, source),) if source else (), _not_empty)


def _not_empty(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The check of these detectors: a group that took part and holds nothing is no hit."""
    return (start, end) if end > start else None


def _pattern(fields: Fields, source: str) -> str:
    """The pattern with one group, which is what is found."""
    value = fields.get("pattern") or fields.map
    if len(source) > MAX_PATTERN:
        fields.wrong(value, f"the pattern is longer than {MAX_PATTERN} characters")
        return source
    if "\b" in source:
        fields.wrong(value, "the pattern has a backspace in it", BACKSPACE)
        return source
    try:
        groups = Pattern(source, MAX_PROGRAM_BYTES).groups
        whole = Pattern(f"({source})", MAX_PROGRAM_BYTES)
    except PatternError as error:
        _refuse(fields, value, str(error))
        return source
    if groups > 1:
        fields.wrong(
            value, "the pattern has more than one group", "the group is what is found; write (?:...)"
        )
    if any(found[0] == found[1] for text in _PROBES if (found := whole.find(encode(text), 0))):
        fields.wrong(
            value, "the pattern can match the empty text", "anything would be found: write + for *, no '?'"
        )
    return source if groups else f"({source})"


def _refuse(fields: Fields, value: Value, reason: str) -> None:
    if "too large" in reason:
        fields.wrong(value, "the pattern needs too much memory", "make its repetitions smaller")
    else:
        fields.wrong(
            value,
            f"not a regular expression of RE2: {reason}",
            "RE2 has no lookaround and no backreferences" if re.search(r"\(\?[=!<]|\\[1-9]", reason) else "",
        )


def read_prices(value: Value | None, problems: Problems) -> Mapping[str, Price]:
    """The prices of ``spec.prices``, by model."""
    if value is None:
        return {}
    models = value.entries if isinstance(value, Map) else {}
    outer = Fields(value, "'prices'", models, problems)
    return {model: _price(outer, key, item, problems) for model, (key, item) in models.items()}


def _price(outer: Fields, key: Text, value: Value, problems: Problems) -> Price:
    if not str(key.value).strip():
        outer.wrong(key, "the name of a model is empty")
    fields = Fields(value, f"the price of '{key.value}'", PRICE_KEYS, problems)
    fields.require(*PRICE_KEYS)
    what = "US dollars for a million tokens, 0 or more"
    return Price(
        fields.number("input", MAX_PRICE, what) or 0.0, fields.number("output", MAX_PRICE, what) or 0.0
    )
