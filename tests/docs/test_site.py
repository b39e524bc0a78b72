"""The documentation site is built without a warning, and asks nothing of other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What a page may load by itself. Links that a reader follows are none of these.
_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # Without --quiet: it takes warnings away before --strict counts them.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {path.parent.relative_to(site).as_posix() for path in site.rglob("index.html")}
    assert {"start", "concepts/trust", "guides/sres", "parts/receiver", "reference/api"} < pages


def test_a_page_that_is_a_readme_links_to_pages_and_to_sources(site: Path) -> None:
    page = (site / "parts" / "receiver" / "index.html").read_text("utf-8")
    assert 'href="../plain_json/"' in page
    assert 'href="https://github.com/promethios/promethios/blob/main/examples/collector/README.md"' in page


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    class Loads(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found = dict(attributes)
            if found.get("rel") != "canonical":
                loaded.append(found.get(_LOADS.get(tag, ""), "") or "")

    loaded: list[str] = []
    for path in site.rglob("*.html"):
        Loads().feed(path.read_text("utf-8"))
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
