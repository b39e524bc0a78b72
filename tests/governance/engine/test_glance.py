"""The fast way past what is clean: it may doubt, and never miss what a survey finds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promethios.governance.detectors import DETECTORS, Detector, Scanner, surely_clean, survey
from promethios.governance.detectors.survey import MAX_CHARACTERS, MAX_DEPTH

SCANNER = Scanner(DETECTORS.values())
CARD = "4111 1111 1111 1111"
PIECES = [
    CARD,
    "AKIAIOSFODNN7EXAMPLE",
    "a@b.co",
    "4111111111111111",
    "x",
    " ",
    "\n",
    "",
    '{"a": "',
    "\\u0034",
    "1",
]

TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=4).map("".join)
LEAVES = TEXTS | st.none() | st.booleans() | st.floats() | st.integers() | st.just(4111111111111111)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(values=st.lists(TREES, max_size=3))
def test_what_is_called_clean_is_clean(values: list[Any]) -> None:
    looked = [survey(value, SCANNER) for value in values]
    if surely_clean(values, SCANNER):
        assert not any(each.found or each.gap for each in looked)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["nothing"],
        [[{"role": "user", "content": "nothing"}], {"a": [1, 2.5, None, True]}],
        [{"a key that is long enough to be scanned": "x"}],
        [12345678901234567890],
    ],
)
def test_what_holds_nothing_is_clean(values: list[Any]) -> None:
    assert surely_clean(values, SCANNER)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        {"a": [CARD]},
        {CARD: 1},
        4111111111111111,
        r"{\u0022a\u0022: 1}",
        object(),
        {1: "x"},
        Text("x"),
        "x" * (MAX_CHARACTERS - 15),
        ["x"] * (MAX_CHARACTERS // 16),
        {"a" * MAX_CHARACTERS: 1},
    ],
    ids=[
        "text",
        "key",
        "number",
        "escape",
        "object",
        "key that is no text",
        "subclass",
        "long",
        "many",
        "long key",
    ],
)
def test_what_hits_or_is_unusual_is_left_to_the_survey(value: Any) -> None:
    assert not surely_clean([value], SCANNER)


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: (inner,)])
def test_the_depth_that_is_looked_at_is_the_surveys(make: Any) -> None:
    value: Any = "x"
    for _ in range(MAX_DEPTH):
        value = make(value)
    assert surely_clean([value], SCANNER)
    assert survey(value, SCANNER).gap == ""
    assert not surely_clean([make(value)], SCANNER)
    assert survey(make(value), SCANNER).gap != ""


@pytest.mark.parametrize("pattern", [r"^secret$", r"(?:^|x)secret", r"\bsecret\b", r"secret$", r"\Bcret\b"])
def test_a_pattern_for_lines_or_words_sees_joined_texts_as_single_ones(pattern: str) -> None:
    scanner = Scanner([Detector("custom.x", (f"({pattern})",))])
    assert scanner.scan("secret")
    assert not surely_clean(["some", "secret", "text"], scanner)
    assert surely_clean(["some", "text"], scanner)


@pytest.mark.parametrize("pattern", [r"\Asecret", r"secret\z", r"(?-m:^secret)", r"(?i-m)^secret"])
def test_a_pattern_for_the_ends_of_a_whole_text_sees_each_text_alone(pattern: str) -> None:
    scanner = Scanner([Detector("custom.x", (f"({pattern})",))])
    assert scanner.scan("secret")
    assert not surely_clean(["some", "secret", "text"], scanner)
