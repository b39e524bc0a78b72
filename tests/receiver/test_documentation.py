"""The README names every setting with its default, every route, every filter and every table."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from promethios.receiver.api import ROUTES
from promethios.receiver.settings import Settings
from promethios.receiver.store.schema import metadata

README = (Path(__file__).parents[2] / "receiver" / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_with_its_default() -> None:
    found = dict(re.findall(r"^- `(\w+)` \(default = `?([^`)]+)`?\):", README, re.MULTILINE))
    assert found == {field.name: str(field.default).replace("False", "false") for field in fields(Settings)}


def test_every_route_is_documented() -> None:
    for path, _, filters in ROUTES:
        name = path.partition("/")[0] if path.startswith("series") else re.sub(r"<[^>]+>", "{id}", path)
        assert f"`{name}" in README, path
        assert re.sub(r"<[^>]+>", "", path).rpartition("/")[2] in README
        for each in filters:
            assert f"`{each}`" in README


def test_every_table_is_documented() -> None:
    assert {name for name in metadata.tables if f"`{name}`" not in README} == set()
