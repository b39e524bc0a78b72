"""One definition, two renderers: no dashboard says more than the console can draw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.console.conftest import Run
from tests.console.known import ANY, BOARD, FIELD, OPTIONS, PANEL, VARIABLE, allowed, leaves

from promethios.receiver.console.boards import load_boards

MODULES = (
    "colors", "infinity", "mappings", "matchers", "panels/index", "template", "transformations", "units",
    "variables",
)  # fmt: skip

BOARDS: Mapping[str, dict[str, Any]] = {
    uid: json.loads(asset.body) for uid, asset in load_boards().assets.items()
}
_LISTS = {
    "TYPES": '[...m["panels/index"].TYPES, "row"]',
    "FORMATS": "m.infinity.FORMATS",
    "COLUMN_TYPES": "m.infinity.COLUMN_TYPES",
    "KINDS": "m.variables.KINDS",
    "MAPPING_KINDS": "m.mappings.MAPPING_KINDS",
    "TRANSFORMATIONS": "m.transformations.TRANSFORMATIONS",
}
_BUILT_IN = {
    "__from",
    "__to",
    "__interval",
    "__interval_ms",
    "__url_time_range",
    "__all_variables",
    "__dashboard.uid",
}
_OF_DATA = ("__data.fields", "__value.", "__field.", "__series.")


def _panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels") or []


def _without(document: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def _property(id_: str, value: object) -> dict[str, object]:
    first, _, rest = id_.partition(".")
    return {first: {rest: value}} if rest else {first: value}


class Checker:
    """Collects what the console does not know; the lists are the console's own."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.lists = {name: run(expression) for name, expression in _LISTS.items()}
        self.unknown: list[str] = []

    def check(self, where: str, document: Any, known: Mapping[str, Any]) -> None:
        for path, value in leaves(document):
            values = allowed(path, known)
            if values is None or not self._fits(values, value):
                self.unknown.append(f"{where}: {path} = {value!r}")

    def _fits(self, values: Any, value: Any) -> bool:
        if values == "UNIT":
            return bool(self.run(f"m.units.isUnit({json.dumps(value)})"))
        if values == "COLOR":
            return self.run(f"m.colors.shown({json.dumps(value)})") is not None
        wanted = self.lists.get(values, values) if isinstance(values, str) else values
        return (
            wanted == ANY
            or any(value == one and type(value) is type(one) for one in wanted)
            or (isinstance(value, (int, float)) and not isinstance(value, bool) and value in wanted)
        )


def _check(run: Run, board: dict[str, Any]) -> list[str]:
    checker = Checker(run)
    checker.check("dashboard", _without(board, "panels", "templating"), BOARD)
    for variable in board.get("templating", {}).get("list", []):
        checker.check(f"variable {variable['name']}", variable, VARIABLE)
    for panel in _panels(board):
        where = f"panel {panel['id']} ({panel['type']})"
        checker.check(where, _without(panel, "options", "fieldConfig", "panels"), PANEL)
        checker.check(f"{where} options", panel.get("options", {}), OPTIONS.get(panel["type"], {}))
        config = panel.get("fieldConfig", {})
        checker.check(f"{where} defaults", config.get("defaults", {}), FIELD)
        for override in config.get("overrides", []):
            if not run(f"m.matchers.isMatcher({json.dumps(override['matcher']['id'])})"):
                checker.unknown.append(f"{where}: matcher {override['matcher']['id']}")
            for each in override["properties"]:
                checker.check(f"{where} override", _property(each["id"], each["value"]), FIELD)
    return checker.unknown


@pytest.mark.parametrize("uid", sorted(BOARDS))
def test_every_key_of_every_dashboard_is_known_to_the_console(run: Run, uid: str) -> None:
    assert _check(run, BOARDS[uid]) == []


@pytest.mark.parametrize("uid", sorted(BOARDS))
def test_every_variable_in_a_text_is_known_to_the_console(run: Run, uid: str) -> None:
    names = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]} | _BUILT_IN
    formats = set(run("m.template.FORMAT_NAMES"))
    used = {
        found
        for _, value in leaves(BOARDS[uid])
        if isinstance(value, str)
        for found in re.findall(r"\$\{([^}]+)\}", value)
    }
    assert used
    for text in used:
        name, _, format_ = text.partition(":")
        assert name in names or name.startswith(_OF_DATA), text
        assert not format_ or format_ in formats, text


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("panels", 0, "options", "graphMode"), "area", "panel 1 (stat) options: graphMode = 'area'"),
        (("panels", 0, "options", "sparkle"), True, "panel 1 (stat) options: sparkle = True"),
        (("panels", 0, "type"), "gauge", "panel 1 (gauge): type = 'gauge'"),
        (
            ("panels", 0, "fieldConfig", "defaults", "unit"),
            "parsecs",
            "panel 1 (stat) defaults: unit = 'parsecs'",
        ),
        (
            ("panels", 0, "transformations"),
            [{"id": "pivot"}],
            "panel 1 (stat): transformations[].id = 'pivot'",
        ),
        (("panels", 0, "targets", 0, "parser"), "uql", "panel 1 (stat): targets[].parser = 'uql'"),
        (("templating", "list", 0, "type"), "adhoc", "variable datasource: type = 'adhoc'"),
        (("weekStart",), "monday", "dashboard: weekStart = 'monday'"),
    ],
    ids=["option-value", "option", "type", "unit", "transformation", "parser", "variable", "dashboard"],
)
def test_something_new_in_a_dashboard_is_noticed(
    run: Run, path: tuple[Any, ...], value: Any, told: str
) -> None:
    board = json.loads(json.dumps(BOARDS["promethios-overview"]))
    inner = board
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert told in _check(run, board)
