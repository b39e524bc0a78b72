"""What the console has from others is what they published, and the table beside it says so."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

import pytest
from tests.support.npm import NotInstalled, node_modules

VENDOR = resources.files("promethios.receiver.console") / "static" / "vendor"
LISTED = dict(
    re.findall(r"^\| `([\w.]+)` \|.*\| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.M)
)
PUBLISHED = {
    "uPlot.esm.js": "dist/uPlot.esm.js",
    "uPlot.min.css": "dist/uPlot.min.css",
    "LICENSE.uPlot": "LICENSE",
}


def test_every_file_is_listed_with_its_hash() -> None:
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "README.md"
    }
    assert found == LISTED


def test_every_file_is_as_npm_has_it() -> None:
    try:
        package = node_modules(Path(__file__).parents[1] / "support" / "uplot") / "uplot"
    except NotInstalled as missing:
        pytest.skip(str(missing))
    for name, path in PUBLISHED.items():
        assert (VENDOR / name).read_bytes() == (package / path).read_bytes(), name


def test_library_has_no_way_to_turn_text_into_markup_or_code() -> None:
    script = (VENDOR / "uPlot.esm.js").read_text()
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way_in not in script
