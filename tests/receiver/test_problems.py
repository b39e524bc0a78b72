"""The table of problems: every kind of refusal has one, every one is said somewhere, and none changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promethios import receiver as package
from promethios.receiver.problems import PREFIX, PROBLEMS, problem_of
from promethios.receiver.refusal import Kind, Refusal, unavailable

SOURCES = [path.read_text(encoding="utf-8") for path in Path(package.__file__).parent.rglob("*.py")]
#: Written down a second time: programs rely on them.
CODES = {
    "malformed": 400, "bad-parameter": 400, "bad-cursor": 400, "export-too-long": 400, "no-key": 401,
    "session-ended": 401, "scope-missing": 403, "cross-site": 403, "not-found": 404, "wrong-method": 405,
    "conflict": 409, "too-large": 413, "unsupported": 415, "quota-used-up": 429, "too-many-attempts": 429,
    "head-too-large": 431, "unavailable": 503, "overloaded": 503, "question-too-long": 503,
}  # fmt: skip


def test_the_codes_are_these() -> None:
    assert {code: problem.kind.http for code, problem in PROBLEMS.items()} == CODES


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_of_refusal_is_a_problem(kind: Kind) -> None:
    assert problem_of(Refusal(kind, "no")).kind is kind


def test_a_code_that_is_said_is_in_the_table_and_back() -> None:
    said = {code for text in SOURCES for code in re.findall(r'code="([^"]+)"', text)}
    usual = {problem_of(Refusal(kind, "no")).code for kind in Kind}
    assert said | usual | {"overloaded"} == set(PROBLEMS)


def test_who_is_refused_for_the_crowd_is_told_so() -> None:
    assert problem_of(unavailable("full", crowded=True)).code == "overloaded"
    assert problem_of(unavailable("held")).type == f"{PREFIX}unavailable"


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_says_what_it_means_and_what_to_do(code: str) -> None:
    problem = PROBLEMS[code]
    assert re.fullmatch("[a-z]+(-[a-z]+)*", code)
    assert problem.meaning.endswith(".")
    assert problem.advice.endswith(".")
    assert not problem.title.endswith(".")
