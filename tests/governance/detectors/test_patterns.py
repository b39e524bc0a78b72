"""RE2 and `re` find the same, triggers miss nothing, and `re` runs no slow pattern of a user."""

from __future__ import annotations

import json
import subprocess
import sys
import typing

import pytest
from tests.support.detected import EXAMPLES
from tests.support.negatives import code, generated

from promethios.governance.detectors import DETECTORS, Scanner
from promethios.governance.detectors.patterns import (
    ENGINE,
    Pattern,
    PatternError,
    PatternSet,
    encode,
    python_engine,
)
from promethios.governance.detectors.patterns.relaxation import relax
from promethios.governance.detectors.triggers import MAX_TOGETHER, triggers

SCANNER = Scanner(DETECTORS.values())
CORPUS = [
    *(example.text for example in EXAMPLES),
    *(f'{{"a\\n": "x {example.text}, é"}}' for example in EXAMPLES),
    *(text for _, text in generated(8)),
]
#: Run where re2 cannot be imported; the texts come in as JSON, and the hits go out as JSON.
WITHOUT_RE2 = """
import json, sys
sys.modules["re2"] = None
from promethios.governance.detectors import DETECTORS, Scanner
from promethios.governance.detectors.patterns import ENGINE
scanner = Scanner(DETECTORS.values())
hits = [[[hit.detector, hit.start, hit.end] for hit in scanner.scan(text)] for text in json.load(sys.stdin)]
json.dump([ENGINE, hits], sys.stdout)
"""


def test_without_re2_the_same_is_found() -> None:
    asked = json.dumps(CORPUS)
    command = [sys.executable, "-c", WITHOUT_RE2]
    answered = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=110, check=True)
    engine, hits = json.loads(answered.stdout)
    assert (ENGINE, engine) == ("re2", "re")
    ours = [[[hit.detector, hit.start, hit.end] for hit in SCANNER.scan(text)] for text in CORPUS]
    different = [text for text, one, other in zip(CORPUS, ours, hits, strict=True) if one != other]
    assert different == []


def test_false_hits_on_a_sample_are_within_the_bound() -> None:
    texts = [*generated(120), *code((typing,), 5)]
    wrong = [(kind, text) for kind, text in texts if SCANNER.scan(text)]
    assert len(texts) > 3500
    assert len(wrong) <= len(texts) // 1000, wrong


def test_a_trigger_occurs_wherever_its_pattern_does() -> None:
    found = [
        (Pattern(each.source, 8 << 20), Pattern(f"(?m:{each.loose})", 8 << 20))
        for each in triggers(list(DETECTORS.values()))
    ]
    for text in CORPUS[: 2 * len(EXAMPLES)]:
        for pattern, trigger in found:
            assert trigger.occurs(text) or not pattern.occurs(text)


def test_few_patterns_are_looked_for_in_one_pass_and_many_in_three() -> None:
    few = [DETECTORS["pii.card"], DETECTORS["secret.aws"], DETECTORS["injection.new_role"]]
    assert {each.group for each in triggers(few)} == {""}
    every = triggers(list(DETECTORS.values()))
    assert len(every) > MAX_TOGETHER
    assert {each.group for each in every} == {"letters", "numbers", "words"}


@pytest.mark.parametrize(
    ("source", "loose"),
    [
        (r"AKIA[A-Z0-9]{16}\b", r"AKIA[A-Z0-9]{4,}\b"),
        (r"\d{12,17}", r"\d{12,}"),
        (r"\d{3}-\d{4}", r"\d{3}-\d{4}"),
        (r".{0,40}x{2}", r".*x{2}"),
        (r"(?:a{1,3}b){2,7}", r"(?:a+b){2,}"),
        (r"\x{E0020}{8,}[{}]\{3}", r"\x{E0020}{4,}[{}]\{3}"),
    ],
)
def test_a_looser_form_counts_less(source: str, loose: str) -> None:
    assert relax(source) == loose


@pytest.mark.parametrize(
    "source", [r"EMP-\d{6}", r"[A-Z]{2,4}-\d{4,8}", r"(?i)proj(?:ect)? [a-z]{3,12}", r"(a|b){30}", r"x?y"]
)
def test_without_re2_patterns_of_users_that_are_bounded_are_taken(source: str) -> None:
    python_engine.Pattern(source)


@pytest.mark.parametrize(
    "source", ["a+", "(?:x{0,9}){0,9}", "(?:ab|a|b){20}", "[^@]*@", r"(?<=a)b", r"(a)\1", "a{0,20000}"]
)
def test_without_re2_patterns_of_users_that_could_be_slow_are_refused(source: str) -> None:
    with pytest.raises(
        PatternError, match="without google-re2 this pattern could take long: install it, or give"
    ):
        python_engine.Pattern(source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("[[:alpha:]]{2}", r"without google-re2, \[\[:alpha:\]\] is not understood"),
        ("a(?i)b", r"without google-re2, \(\?i\) can only stand at the beginning of a group"),
        ("(?U)a", r"without google-re2, \(\?U\) is not understood"),
        (r"\pL", "bad escape"),
        ("(", "missing"),
    ],
)
def test_without_re2_what_has_no_counterpart_is_refused(source: str, why: str) -> None:
    with pytest.raises(PatternError, match=why):
        python_engine.Pattern(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a$", "a\n"),
        ("(?m)a$", "a\n"),
        (r"(?i)sk(?:x|(?i)y)\z", "SKY"),
        (r"\x{1F600}", "😀"),
        (r"\w", "é"),
        ("(?m:^b)", "a\nb"),
    ],
)
def test_both_mean_the_same(source: str, text: str) -> None:
    ours, python = Pattern(f"({source})"), python_engine.Pattern(f"({source})", trusted=True)
    assert (ours.find(encode(text), 0) is None) == (python.find(text, 0) is None)


def test_a_pattern_set_that_needs_too_much_memory_says_so() -> None:
    with pytest.raises(PatternError, match="the patterns together are too large"):
        PatternSet(["[a-z]{50}"], 2000)
