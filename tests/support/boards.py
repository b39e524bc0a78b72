"""The dashboards as they are committed and shipped."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

import orjson

#: From file name to dashboard.
BOARDS: Final[dict[str, dict[str, Any]]] = {
    entry.name: orjson.loads(entry.read_bytes())
    for entry in sorted((resources.files("promethios.dashboards") / "json").iterdir(), key=lambda e: e.name)
    if entry.name.endswith(".json")
}

OVERVIEW: Final = BOARDS["promethios-overview.json"]
AGENT: Final = BOARDS["promethios-agent.json"]
POLICIES: Final = BOARDS["promethios-policies.json"]
COMPLIANCE: Final = BOARDS["promethios-compliance.json"]
TRACE: Final = BOARDS["promethios-trace.json"]


def panels(board: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something, or those of some kinds."""
    return [p for p in board["panels"] if (p["type"] in kinds if kinds else p["type"] != "row")]


def panel(board: dict[str, Any], title: str) -> dict[str, Any]:
    """The panel with this title."""
    return next(p for p in board["panels"] if p["title"] == title)


def every_panel(*kinds: str) -> dict[str, dict[str, Any]]:
    """The panels of all dashboards, or those of some kinds, by names that tell them apart."""
    return {
        f"{board['uid'].removeprefix('promethios-')}-{found['id']}-{found['type']}": found
        for board in BOARDS.values()
        for found in panels(board, *kinds)
    }


def annotations(board: dict[str, Any]) -> list[dict[str, Any]]:
    """What a dashboard marks on its lines."""
    found: list[dict[str, Any]] = board["annotations"].get("list", [])
    return found


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The variables of a dashboard by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def targets(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every query of a dashboard: of its panels, variables and annotations."""
    yield from (found["targets"][0] for found in panels(board))
    yield from (v["query"]["infinityQuery"] for v in variables(board).values() if v["type"] == "query")
    yield from (mark["target"] for mark in annotations(board))


def overrides(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each matcher of a panel with each property that it sets."""
    for override in found["fieldConfig"].get("overrides", []):
        for prop in override["properties"]:
            yield override["matcher"], prop


def columns(found: dict[str, Any]) -> dict[str, str]:
    """From the name shown of each column of a panel's query to where it is in a row; no computed ones."""
    return {column["text"]: column["selector"] for column in found["targets"][0]["columns"]}


def in_order(found: dict[str, Any], names: list[str]) -> list[str]:
    """The names of a panel's lines in the order that its transformation gives them."""
    options = [t["options"] for t in found.get("transformations", []) if t["id"] == "organize"]
    places = options[0]["indexByName"] if options else {}
    return sorted(names, key=lambda name: places.get(name, len(places)))
