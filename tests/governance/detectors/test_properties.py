"""What holds for any text and any payload."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.detected import EXAMPLES

from promethios.governance.detectors import DETECTORS, Scanner, redact, stable, surely_clean, survey

SCANNER = Scanner(DETECTORS.values())
#: What is redacted whole wherever it stands; a password in a URL, for one, is not.
VALUES = sorted({each.found for each in EXAMPLES if not each.before and not each.after})
PIECES = st.sampled_from(
    [
        *VALUES,
        *(each.text for each in EXAMPLES),
        *("\\", '"', "\n", "\\n", "\\u0041", "é", "😀", "\ud800", "[", "}", ": ", "4", "+", "-", "@", "bsn"),
    ]
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=6).map(" ".join))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
KEYS = st.one_of(st.sampled_from(["content", "bsn", "phone", "ssn", "customerBsn", "a b"]), TEXTS)
PAYLOADS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts_of(item))]
    return [text for item in value for text in texts_of(item)] if isinstance(value, list) else []


@settings(max_examples=60, deadline=None)
@given(PAYLOADS)
def test_where_nothing_is_found_nothing_changes_and_a_glance_never_misses(payload: Any) -> None:
    found = survey(payload, SCANNER).found
    redacted = redact(payload, found, stable("c"))
    assert (redacted is payload) is not bool(found)
    assert ("[REDACTED:" in json.dumps(redacted)) is bool(found)
    if surely_clean([payload], SCANNER):
        assert found == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(VALUES), PAYLOADS)
def test_a_value_put_anywhere_is_taken_out_of_there_and_of_nowhere_else(value: str, payload: Any) -> None:
    clean = redact(payload, survey(payload, SCANNER).found)
    holder = {"before": clean, "here": [f"see {value} there", {"deep": value}], "after": clean}
    redacted = redact(holder, survey(holder, SCANNER).found)
    assert redacted["before"] is clean and redacted["after"] is clean
    assert not any(value in text for text in texts_of(redacted["here"]))
    assert redacted["here"][0].startswith("see [REDACTED:") and redacted["here"][0].endswith("] there")


@settings(max_examples=40, deadline=None)
@given(PAYLOADS.filter(lambda payload: isinstance(payload, dict | list)), st.booleans())
def test_json_stays_json(payload: Any, ascii_only: bool) -> None:
    text = json.dumps(payload, ensure_ascii=ascii_only)
    redacted = redact(text, survey(text, SCANNER).found)
    # What goes on over the ends of a value takes the quotes with it.
    if not any("-----BEGIN" in each or "send" in each for each in texts_of(payload)):
        assert type(json.loads(redacted)) is type(payload)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["", "BSN ", "hetu ", "pnr ", "PESEL ", "phone ", "NHS ", "DNI ", "IMEI ", "SIN ", "NRIC "]
    ),
    st.text(alphabet='0123456789+-. ()/:ABCDEFXYZabcdefnr@_\\"STFGMHL\n', max_size=60),
)
def test_no_check_raises_and_every_hit_is_within_the_text(word: str, text: str) -> None:
    for hit in SCANNER.scan(word + text):
        assert 0 <= hit.start < hit.end <= len(word + text)
