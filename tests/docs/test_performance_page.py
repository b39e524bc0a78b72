"""The page of what was measured says what the benchmarks said."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.report import BENCHMARKS, PAGE, render, update
from tests.benchmarks.results import Result, write_json

RESULTS = [
    Result("traces.ratio", "Ratio to the reference", 0.641, least=0.6),
    Result("traces.p99", "99 % of the answers", 612.2, "ms", most=500),
    Result("traces.bytes", "Bytes of a span", 1130, "bytes"),
]


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A page with one benchmark."""
    file = tmp_path / "ingest.json"
    write_json(file, "ingest", RESULTS, spans=512)
    document: dict[str, Any] = json.loads(file.read_bytes())
    return render({"ingest": document}, date(2026, 11, 22))


def test_a_number_stands_beside_its_aim(page: str) -> None:
    assert "| Ratio to the reference | 0.641 | reached | at least 0.6 |" in page
    assert "| Bytes of a span | 1,130 bytes |  |  |" in page


def test_what_was_not_reached_is_said(page: str) -> None:
    assert "| 99 % of the answers | 612 ms | **not reached** | below 500 |" in page


def test_a_page_says_when_where_and_how_it_was_measured(page: str) -> None:
    (line,) = [line for line in page.splitlines() if line.startswith("2026-11-22; ")]
    assert "cores" in line and "sqlite" in line and "python -m tests.benchmarks.ingest" in line
    assert line.endswith("; spans 512.")


def test_a_page_tells_no_folders_of_the_machine(tmp_path: Path) -> None:
    document = {"command": f"python -m tests.benchmarks.reads {tmp_path} --hours 6 --json {tmp_path}/a.json"}
    rest: dict[str, Any] = {"machine": {}, "conditions": {}, "results": []}
    page = render({"reads": document | rest}, date(2026, 11, 22))
    assert "`python -m tests.benchmarks.reads FOLDER --hours 6`" in page


def test_a_section_is_made_anew_and_the_others_stay(page: str) -> None:
    rest: dict[str, Any] = {"machine": {}, "conditions": {}, "results": [], "command": "python -m x"}
    both = update(page, {"exporter_cost": rest}, date(2026, 11, 23))
    assert both.startswith(page) and "## Exporting: cost\n" in both[len(page) :]
    anew = update(both, {"ingest": rest}, date(2026, 11, 24))
    assert "2026-11-22" not in anew and "2026-11-23" in anew and "2026-11-24" in anew
    assert anew.index("## Storing") < anew.index("## Exporting: cost")


def test_the_page_that_is_there_has_every_benchmark() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert [title for title, _ in BENCHMARKS.values() if f"## {title}\n" not in written] == []
