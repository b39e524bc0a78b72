"""The console's files: complete, self-contained, and without the ways in which text becomes code."""

from __future__ import annotations

import re
import zipfile
from importlib import resources
from pathlib import Path

import pytest
from tests.support.colors import closest, contrast

from promethios.receiver.console.assets import Asset, load_assets

ASSETS = load_assets()
SCRIPTS = sorted(name for name in ASSETS if name.endswith(".js"))


def _text(name: str) -> str:
    return ASSETS[name].body.decode()


def _references(name: str) -> set[str]:
    """The files that a file names: in attributes, imports and style sheets."""
    text = _text(name)
    absolute = re.findall(r"""["'(](/console/[^"')]+)["')]""", text)
    relative = re.findall(r"""from\s+["']\./([^"']+)["']""", text)
    return {path.removeprefix("/console/") for path in absolute} | set(relative)


def test_every_file_that_is_named_exists() -> None:
    missing = {(name, other) for name in ASSETS for other in _references(name) if other not in ASSETS}
    assert missing == set()


def test_every_file_is_named_by_another() -> None:
    named = {other for name in ASSETS for other in _references(name)}
    assert set(ASSETS) - named == {"index.html"}


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_no_file_names_another_server(name: str) -> None:
    found = re.findall(
        r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", re.sub(r"^\s*//.*$", "", _text(name), flags=re.M)
    )
    assert [url for url in found if not url.startswith("http://www.w3.org/")] == []


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(
    "way_in",
    [
        "createContextualFragment",
        "document.write",
        "DOMParser",
        "eval(",
        "innerHTML",
        "insertAdjacentHTML",
        "javascript:",
        "new Function",
        "outerHTML",
        "setHTMLUnsafe",
        "srcdoc",
    ],
)
def test_no_script_turns_text_into_markup_or_code(name: str, way_in: str) -> None:
    assert way_in not in _text(name)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("place", ["localStorage", "sessionStorage", "indexedDB", "document.cookie"])
def test_no_script_stores_anything(name: str, place: str) -> None:
    assert place not in _text(name)


@pytest.mark.parametrize("name", sorted(set(ASSETS) - {"icon.svg"}))
def test_nothing_inline_that_the_policy_would_block(name: str) -> None:
    text = _text(name)
    if name.endswith(".html"):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""setAttribute\(["']style|\bstyle:\s*["'`]""", text)


def test_page_has_its_landmarks_and_a_label_for_the_key() -> None:
    page = _text("index.html")
    for needed in (
        'lang="en"',
        "<header",
        'id="main"',
        "<footer",
        'class="skip"',
        '<label for="key">',
        'role="alert"',
    ):
        assert needed in page


def test_key_field_is_not_remembered_by_the_browser() -> None:
    assert re.search(r'<input id="key"[^>]*type="password"[^>]*autocomplete="off"', _text("index.html"))


def test_word_of_every_scale_has_its_colour_in_the_style_sheet() -> None:
    words = set(re.findall(r'"(\w+)"', _text("words.js")))
    assert words >= {"critical", "block", "live", "p95", "spans"}
    assert words <= set(re.findall(r"\.c-(\w+)", _text("colors.css")))


def test_both_schemes_define_the_same_colours() -> None:
    dark, light = re.findall(r":root \{(.*?)\}", _text("colors.css"), flags=re.S)
    assert set(re.findall(r"--[\w-]+(?=:)", dark)) == set(re.findall(r"--[\w-]+(?=:)", light))


@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize(
    "scale", ["critical high medium low", "block approve redact flag allow", "live stale down"]
)
def test_colours_of_a_scale_can_be_told_apart_by_everybody(scale: str, scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", _text("colors.css"), flags=re.S)[scheme]
    values = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    colors = [values[word] for word in scale.split()]
    assert closest(colors) >= 18
    assert min(contrast(color, values["panel"]) for color in colors) >= 3


@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("ink", ["text", "dim", "accent", "bad"])
def test_text_can_be_read(ink: str, scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", _text("colors.css"), flags=re.S)[scheme]
    values = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    assert min(contrast(values[ink], values[ground]) for ground in ("bg", "panel", "raised")) >= 4.5


def test_tags_change_with_the_content() -> None:
    tags = [asset.etag for asset in ASSETS.values()]
    assert len(set(tags)) == len(tags)


def test_file_of_an_unknown_type_is_an_error_with_its_name() -> None:
    from promethios.receiver.console import assets

    with pytest.raises(
        ValueError, match=r"console asset 'notes\.txt': no media type for '\.txt'; use one of "
    ):
        assets.make_asset("notes.txt", b"")


def test_assets_are_those_of_the_package() -> None:
    folder = resources.files("promethios.receiver.console") / "static"
    assert {entry.name for entry in folder.iterdir()} == set(ASSETS)
    assert isinstance(ASSETS["index.html"], Asset)


def test_the_console_is_below_its_size(tmp_path: Path) -> None:
    """What a person waits for on a slow line: everything, packed, in 60 kB."""
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, asset in ASSETS.items():
            packed.writestr(name, asset.body)
    assert (tmp_path / "all.zip").stat().st_size < 60_000
