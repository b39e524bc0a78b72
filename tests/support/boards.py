"""The dashboards as they are committed and shipped."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Final

#: From file name to dashboard.
BOARDS: Final[dict[str, dict[str, Any]]] = {
    entry.name: json.loads(entry.read_text(encoding="utf-8"))
    for entry in sorted((resources.files("promethios.dashboards") / "json").iterdir(), key=lambda e: e.name)
    if entry.name.endswith(".json")
}

OVERVIEW: Final = BOARDS["promethios-overview.json"]
TRACE: Final = BOARDS["promethios-trace.json"]


def panels(board: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something, or those of some kinds."""
    return [p for p in board["panels"] if (p["type"] in kinds if kinds else p["type"] != "row")]


def panel(board: dict[str, Any], title: str) -> dict[str, Any]:
    """The panel with this title."""
    return next(p for p in board["panels"] if p["title"] == title)
