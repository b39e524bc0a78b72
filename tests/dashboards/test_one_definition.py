"""A panel is defined once: what is changed in the Python source changes in the JSON, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from tests.support.boards import BOARDS

import promethios.dashboards

_PACKAGE = Path(promethios.dashboards.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package's sources, without the JSON, where Python finds them before the installed ones."""
    folder = tmp_path / "promethios" / "dashboards"
    shutil.copytree(_PACKAGE, folder, ignore=shutil.ignore_patterns("json", "__pycache__"))
    return folder


def _generate(copy: Path) -> dict[str, dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(copy.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "promethios.dashboards.build"]
    done = subprocess.run(command, env=environment, cwd=copy, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {path.name: json.loads(path.read_bytes()) for path in (copy / "json").iterdir()}


def _replace(path: Path, old: str, new: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1
    path.write_text(source.replace(old, new), encoding="utf-8")


def _differences(one: Any, other: Any, at: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return [d for key in keys for d in _differences(one.get(key), other.get(key), f"{at}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, pair in pairs for d in _differences(*pair, at=f"{at}/{i}")]
    return [] if one == other else [at]


def _place(name: str, title: str) -> str:
    titles = [panel["title"] for panel in BOARDS[name]["panels"]]
    return f"/{name}/panels/{titles.index(title)}"


def test_unchanged_sources_give_the_committed_dashboards(copy: Path) -> None:
    assert _generate(copy) == BOARDS


def test_words_changed_in_a_section_change_on_every_dashboard_that_shows_it(copy: Path) -> None:
    _replace(
        copy / "sections" / "agents.py",
        '"stopped when the agent said goodbye. "',
        '"stopped after a goodbye. "',
    )
    places = [_place(f"promethios-{name}.json", "Agent liveness") for name in ("agent", "overview")]
    assert _differences(BOARDS, _generate(copy)) == [f"{place}/description" for place in places]


def test_unit_changed_in_a_section_changes_in_its_panels_alone(copy: Path) -> None:
    _replace(copy / "sections" / "usage.py", '"short", palette.DIRECTIONS', '"none", palette.DIRECTIONS')
    places = [_place(f"promethios-{name}.json", "Tokens over time") for name in ("agent", "overview")]
    expected = [f"{place}/fieldConfig/defaults/unit" for place in places]
    assert _differences(BOARDS, _generate(copy)) == expected


def test_entry_point_gives_the_committed_dashboards_by_uid() -> None:
    (found,) = entry_points(group="promethios.dashboards", name="promethios")
    given = found.load()()
    assert {f"{uid}.json": json.loads(body) for uid, body in given.items()} == BOARDS
