"""The page of what is governed where says what the tests say, no more and no less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.coverage_page import Proof, proof, render, without_versions

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "coverage.md"

LIST_PROOFS = """
import sys, pytest

class Lists:
    def pytest_collection_finish(self, session):
        for item in session.items:
            for mark in item.iter_markers("proves"):
                print("proves\\t" + "\\t".join(mark.args))

sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "tests"], plugins=[Lists()]))
"""


def test_the_page_says_what_the_tests_prove() -> None:
    """Made anew with `make coverage-page`; the releases of the libraries may differ."""
    listed = subprocess.run(
        [sys.executable, "-c", LIST_PROOFS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows = [line.split("\t")[1:] for line in listed.stdout.splitlines() if line.startswith("proves\t")]
    expected = render(proof(*row) for row in rows)
    assert without_versions(PAGE.read_text(encoding="utf-8")) == without_versions(expected)


def test_only_proven_cells_are_marked() -> None:
    page = render([Proof("openai", "model.before", "blocked", "async stream")])
    row = next(line for line in page.splitlines() if line.startswith("| openai "))
    assert row.split("|")[2:] == [
        " `model.before` ",
        " ● ",
        " ● ",
        "  ",
        " seen, blocked ",
        " seen, blocked ",
        "",
    ]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("openai", "model", "seen", "sync"), "a mark 'proves' has point 'model'"),
        (("openai", "model.before", "stopped", "sync"), "a mark 'proves' has what 'stopped'"),
        (("openai", "model.before", "seen", "fast"), "a mark 'proves' has how 'fast'"),
    ],
)
def test_a_mark_that_has_no_place_is_refused(said: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        proof(*said)


def test_a_library_that_is_not_installed_is_refused() -> None:
    with pytest.raises(ValueError, match="'no-such-library', which no installed distribution"):
        render([Proof("no-such-library", "model.before", "seen", "sync")])
