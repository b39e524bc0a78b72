"""The reference pages are what the code says now."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
GENERATOR: dict[str, Any] = runpy.run_path(str(DOCS / "generate.py"))


@pytest.mark.parametrize("name", sorted(GENERATOR["PAGES"]))
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    """Made anew with `python -m docs.generate`."""
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == GENERATOR["PAGES"][name]()


def test_there_is_no_page_that_nothing_makes() -> None:
    assert {path.name for path in (DOCS / "reference").iterdir()} == set(GENERATOR["PAGES"])


def test_every_name_has_its_place_in_the_reference() -> None:
    from promethios.governance import semconv

    page = GENERATOR["telemetry"]()
    names = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
    missing = {name for name in names - {semconv.GENAI_CONVENTIONS} if f"| `{name}` |" not in page}
    assert not missing
