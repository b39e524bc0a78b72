"""The page that is made of the package's: addresses of one version, and all scripts asked for at once."""

from __future__ import annotations

import re

from promethios.receiver.console.assets import load_assets, make_asset
from promethios.receiver.console.page import imported, make_page, version_of

ASSETS = load_assets()


def _small(**scripts: str) -> dict[str, bytes]:
    page = (
        '<html>\n  <head>\n    <script type="module" src="/console/main.js"></script>\n  </head>\n</html>\n'
    )
    return {"index.html": page.encode()} | {
        name.replace("__", "/") + ".js": text.encode() for name, text in scripts.items()
    }


def _page(**scripts: str) -> str:
    assets = {name: make_asset(name, body) for name, body in _small(**scripts).items()}
    return make_page(assets).body.decode()


def test_version_changes_with_any_file_and_its_name() -> None:
    name, asset = next(iter(ASSETS.items()))
    assert version_of(ASSETS) == version_of(dict(reversed(ASSETS.items())))
    assert version_of(ASSETS) != version_of({**ASSETS, name: make_asset(name, asset.body + b" ")})
    assert version_of(ASSETS) != version_of({**ASSETS, "more.js": make_asset("more.js", b"")})


def test_scripts_that_are_imported_are_preloaded_through_folders_and_once() -> None:
    page = _page(
        main='import { a } from "./a.js";\nimport "./panels/index.js";',
        a='import {\n  b,\n} from "./b.js";',
        b='import { a } from "./a.js";',
        panels__index='export { b } from "../b.js";\nconst later = () => import("./later.js");',
        panels__later="",
    )
    preloaded = re.findall(r'modulepreload" href="/console/[0-9a-f]{16}/([^"]+)"', page)
    assert preloaded == ["main.js", "a.js", "panels/index.js", "b.js", "panels/later.js"]


def test_text_that_looks_like_an_import_is_none() -> None:
    page = _page(main='// import { x } from "./missing.js"\nconst text = \'from "./missing.js"\';')
    assert "missing" not in page


def test_panels_run_when_they_are_drawn_and_are_there_before() -> None:
    """What a page imports runs at once; what it preloads waits for its panel, and for no connection."""
    at_once, page = imported(ASSETS), make_page(ASSETS).body.decode()
    assert '/panels/timeseries.js"' in page
    assert '/vendor/uPlot.esm.js"' in page
    assert "console.js" in at_once
    assert "panels/index.js" in at_once
    assert not [name for name in at_once if name.startswith(("vendor/", "panels/t"))]


def test_style_sheets_of_panels_are_in_the_page() -> None:
    page = make_page(ASSETS).body.decode()
    sheets = {name for name in ASSETS if name.endswith(".css")}
    linked = re.findall(r'stylesheet" href="/console/[0-9a-f]{16}/([^"]+)"', page)
    assert set(linked) == sheets
    assert len(linked) == len(sheets)
