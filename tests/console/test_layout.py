"""Where panels go: as the dashboard says, and on narrow screens in the same order without overlaps."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
from tests.console.conftest import Run

from promethios.receiver.console.boards import load_boards

MODULES = ("layout",)
BOARDS = {uid: json.loads(asset.body) for uid, asset in load_boards().assets.items()}


def _panel(id_: int, x: int, y: int, w: int, h: int = 8) -> dict[str, Any]:
    return {"id": id_, "type": "stat", "gridPos": {"x": x, "y": y, "w": w, "h": h}}


def _placed(run: Run, panels: list[dict[str, Any]], size: str) -> list[tuple[int, int, int, int, int]]:
    cells = run(f'm.layout.place({json.dumps(panels)}, "{size}")')
    return [(cell["panel"]["id"], cell["x"], cell["y"], cell["w"], cell["h"]) for cell in cells]


def test_wide_screen_shows_what_the_dashboard_says(run: Run) -> None:
    panels = [_panel(1, 0, 20, 10), _panel(2, 10, 20, 14), _panel(3, 0, 28, 24)]
    assert _placed(run, panels, "wide") == [(1, 0, 0, 10, 8), (2, 10, 0, 14, 8), (3, 0, 8, 24, 8)]


def test_tablet_has_four_numbers_or_two_charts_beside_each_other(run: Run) -> None:
    stats = [_panel(i, 3 * i, 0, 3, 4) for i in range(5)]
    charts = [_panel(10 + i, 8 * i, 4, 8) for i in range(2)]
    assert _placed(run, [*stats, *charts], "tablet") == [
        (0, 0, 0, 12, 4),
        (1, 12, 0, 12, 4),
        (2, 0, 4, 8, 4),
        (3, 8, 4, 8, 4),
        (4, 16, 4, 8, 4),
        (10, 0, 8, 12, 8),
        (11, 12, 8, 12, 8),
    ]


def test_phone_has_two_numbers_or_one_chart(run: Run) -> None:
    panels = [_panel(1, 0, 0, 3, 4), _panel(2, 3, 0, 3, 4), _panel(3, 0, 4, 8), _panel(4, 8, 4, 16)]
    assert _placed(run, panels, "phone") == [
        (1, 0, 0, 12, 4),
        (2, 12, 0, 12, 4),
        (3, 0, 4, 24, 8),
        (4, 0, 12, 24, 8),
    ]


@pytest.mark.parametrize("uid", sorted(BOARDS))
@pytest.mark.parametrize("size", ["phone", "tablet", "wide"])
def test_no_panel_covers_another_or_is_lost(run: Run, uid: str, size: str) -> None:
    for section in run(f"m.layout.sections({json.dumps(BOARDS[uid]['panels'])})"):
        cells = _placed(run, section["panels"], size) if section["panels"] else []
        assert sorted(cell[0] for cell in cells) == sorted(panel["id"] for panel in section["panels"])
        assert all(x >= 0 and x + w <= 24 and w > 0 for _, x, _, w, _ in cells)
        for (_, x1, y1, w1, h1), (_, x2, y2, w2, h2) in combinations(cells, 2):
            assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


def test_row_has_the_panels_below_it_and_those_inside_when_it_is_collapsed(run: Run) -> None:
    row = {"type": "row", "id": 10, "title": "A", "collapsed": False, "panels": []}
    closed = {"type": "row", "id": 20, "title": "B", "collapsed": True, "panels": [_panel(3, 0, 9, 4)]}
    panels = [_panel(1, 0, 0, 4), row, _panel(2, 0, 5, 4), closed]
    found = run(f"m.layout.sections({json.dumps(panels)})")
    assert [(s["row"] and s["row"]["title"], [p["id"] for p in s["panels"]]) for s in found] == [
        (None, [1]),
        ("A", [2]),
        ("B", [3]),
    ]


def test_width_decides_the_size(run: Run) -> None:
    assert run("[360, 639, 640, 999, 1000, 2560].map(m.layout.sizeOf)") == [
        "phone", "phone", "tablet", "tablet", "wide", "wide",
    ]  # fmt: skip
