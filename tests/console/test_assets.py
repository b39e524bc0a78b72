"""The console's files: complete, self-contained, and without the ways in which text becomes code."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import pytest
from tests.support.colors import closest, contrast

from promethios.receiver.console.assets import Asset, load_assets
from promethios.receiver.console.page import imported, make_page

ASSETS = load_assets()
OURS = sorted(name for name in ASSETS if not name.startswith("vendor/"))
SCRIPTS = [name for name in OURS if name.endswith(".js")]


def _text(name: str) -> str:
    return ASSETS[name].body.decode()


def _references(name: str) -> set[str]:
    """The files that a file names: in attributes, imports and style sheets."""
    text = _text(name)
    absolute = re.findall(r"""["'(](/console/[^"')]+\.\w+)["')]""", text)
    relative = re.findall(r"""(?:from\s+|import\(|^import\s+)["'](\.{1,2}/[^"']+)["']""", text, flags=re.M)
    beside = {posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in relative}
    return {path.removeprefix("/console/") for path in absolute if "dashboards" not in path} | beside


def test_every_file_that_is_named_exists() -> None:
    missing = {(name, other) for name in OURS for other in _references(name) if other not in ASSETS}
    assert missing == set()


def test_every_file_is_named_by_another() -> None:
    page = make_page(ASSETS).body.decode()
    named = {other for name in ASSETS for other in _references(name)}
    named |= set(re.findall(r'="/console/[0-9a-f]{16}/([^"]+)"', page))
    assert set(ASSETS) - named == {"index.html"}


@pytest.mark.parametrize("name", OURS)
def test_no_file_names_another_server(name: str) -> None:
    without_comments = re.sub(r"^\s*//.*$|/\*.*?\*/", "", _text(name), flags=re.M | re.S)
    found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", without_comments)
    assert [url for url in found if not url.startswith("http://www.w3.org/")] == []


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
def test_no_script_turns_text_into_markup_or_code(way_in: str) -> None:
    assert [name for name in SCRIPTS if way_in in _text(name)] == []


@pytest.mark.parametrize("place", ["sessionStorage", "indexedDB", "document.cookie", "caches."])
def test_no_script_stores_anything(place: str) -> None:
    assert [name for name in SCRIPTS if place in _text(name)] == []


def test_nothing_is_stored_but_the_theme_and_whether_keys_are_on() -> None:
    assert [name for name in SCRIPTS if "localStorage" in _text(name)] == ["keys.js", "theme.js"]
    for name in ("keys.js", "theme.js"):
        assert set(re.findall(r"localStorage\.\w+\((\w+)", _text(name))) <= {"KEY", "KEPT"}
        assert re.search(r'const (KEY|KEPT) = "promethios-(theme|keys)";', _text(name))


def test_key_is_sent_once_and_kept_nowhere() -> None:
    assert [name for name in SCRIPTS if "Bearer" in _text(name)] == ["session.js"]
    assert len(re.findall(r"\bkey\b", _text("session.js").split("export async function begin")[1])) == 2


@pytest.mark.parametrize("name", [name for name in OURS if name != "icon.svg"])
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


def _themes() -> dict[str, dict[str, str]]:
    """The colours of each theme by name."""
    text = _text("colors.css")
    blocks = {"dark": r":root \{(.*?)\}", "light": r':root\[data-theme="light"\] \{(.*?)\}'}
    found = {theme: re.search(block, text, flags=re.S) for theme, block in blocks.items()}
    return {
        theme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6,8});", block[1]))
        for theme, block in found.items()
        if block
    }


def test_both_themes_define_the_same_colours() -> None:
    themes = _themes()
    assert set(themes["dark"]) == set(themes["light"]) >= {"bg", "panel", "text", "line"}


def test_every_colour_that_a_style_sheet_names_is_defined() -> None:
    defined = {
        name for asset in OURS if asset.endswith(".css") for name in re.findall(r"--([\w-]+):", _text(asset))
    }
    set_by_scripts = {name for asset in SCRIPTS for name in re.findall(r"""["'`]--([\w-]+)""", _text(asset))}
    used = {
        name
        for asset in OURS
        if asset.endswith(".css")
        for name in re.findall(r"var\(--([\w-]+)", _text(asset))
    }
    assert used - defined - set_by_scripts == set()


@pytest.mark.parametrize(
    "scale", ["critical high medium low", "block approve redact flag allow", "live stale down"]
)
def test_colours_of_a_scale_can_be_told_apart_on_light_panels_too(scale: str) -> None:
    dark = {"critical": "d841a2", "high": "ea5a1c", "medium": "f0d57a", "low": "4a86f0", "block": "ea3a24"}
    dark |= {"approve": "b6dfef", "redact": "a684ef", "flag": "f2d95c", "allow": "3a8f80"}
    dark |= {"live": "45b7a6", "stale": "f2c027", "down": "da252e"}
    on_light = dict(re.findall(r'\["#([0-9a-f]{6})", "(#[0-9a-f]{6})"\]', _text("colors.js")))
    colors = [on_light[dark[word]] for word in scale.split()]
    assert closest(colors) >= 18
    assert min(contrast(color, _themes()["light"]["panel"]) for color in colors) >= 3


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("ink", ["text", "dim", "accent", "bad", "good"])
def test_text_can_be_read(ink: str, theme: str) -> None:
    values = _themes()[theme]
    assert min(contrast(values[ink], values[ground]) for ground in ("bg", "panel", "raised", "sunken")) >= 4.5


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_button_to_go_on_can_be_read(theme: str) -> None:
    assert contrast(_themes()[theme]["on-brand"], _themes()[theme]["brand"]) >= 4.5


def test_tags_change_with_the_content() -> None:
    tags = [asset.etag for asset in ASSETS.values()]
    assert len(set(tags)) == len(tags)


def test_file_of_an_unknown_type_is_an_error_with_its_name() -> None:
    from promethios.receiver.console import assets

    with pytest.raises(
        ValueError, match=r"console asset 'notes\.txt': no media type for '\.txt'; use one of "
    ):
        assets.make_asset("notes.txt", b"")


def test_assets_are_the_files_of_the_package_but_for_what_people_read() -> None:
    folder = Path(str(resources.files("promethios.receiver.console"))) / "static"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files >= set(ASSETS)
    assert all(re.match(r"(README|LICENSE)", Path(name).name) for name in files - set(ASSETS))
    assert isinstance(ASSETS["index.html"], Asset)


def _packed(names: Iterable[str], path: Path) -> int:
    """How many bytes files are, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, ASSETS[name].body)
    return path.stat().st_size


def test_the_console_is_below_its_size(tmp_path: Path) -> None:
    """What a person waits for on a slow line: the page itself, then all panels and libraries."""
    at_first = {name for name in ASSETS if name.endswith((".css", ".html"))} | set(imported(ASSETS))
    assert _packed(sorted(at_first), tmp_path / "first.zip") < 75_000
    assert _packed(ASSETS, tmp_path / "all.zip") < 170_000
