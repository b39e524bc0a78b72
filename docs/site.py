"""What the site takes from elsewhere: the READMEs of the components are pages of it, written once.

A hook of MkDocs (`mkdocs.yml`). Links in all pages are as a reader of the repository needs them. Here those
to a file that is a page become links to that page, and those to any other file of the repository lead to its
source.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

_ROOT: Final = Path(__file__).parents[1]
_SOURCE: Final = "https://github.com/promethios/promethios/blob/main"
_POLICIES: Final = "governance/promethios/governance"

#: From the page of the site to the file that it is.
TAKEN: Final = {
    "parts/governance.md": "governance/README.md",
    "parts/policies.md": f"{_POLICIES}/policies/README.md",
    "parts/conditions.md": f"{_POLICIES}/conditions/README.md",
    "parts/detectors.md": f"{_POLICIES}/detectors/README.md",
    "parts/enforcement.md": f"{_POLICIES}/enforcement/README.md",
    "parts/adapters.md": f"{_POLICIES}/adapters/README.md",
    "parts/exporter.md": "exporter/README.md",
    "parts/receiver.md": "receiver/README.md",
    "parts/otlp.md": "receiver/OTLP.md",
    "parts/plain_json.md": "receiver/PLAIN_JSON.md",
    "parts/asking.md": "receiver/ASKING.md",
    "parts/dashboards.md": "dashboards/README.md",
    "parts/console.md": "receiver/promethios/receiver/console/README.md",
    "design/governance.md": "governance/DESIGN.md",
    "design/exporter.md": "exporter/DESIGN.md",
    "design/receiver.md": "receiver/DESIGN.md",
    "changes.md": "CHANGELOG.md",
}
_PAGE_OF: Final = {source: page for page, source in TAKEN.items()}

#: Markdown's links and pictures with a relative address.
_LINK: Final = re.compile(r"(\]\()(?![a-z]+:|#|/)([^)#\s]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are files of other folders."""
    for page, source in TAKEN.items():
        files.append(File.generated(config, page, abs_src_path=str(_ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Turn links to files of the repository into links to pages, or to their source."""
    uri = page.file.src_uri
    folder = posixpath.dirname(TAKEN.get(uri, f"docs/{uri}"))

    def lead(found: re.Match[str]) -> str:
        before, target, anchor, after = found.groups(default="")
        return f"{before}{_address(posixpath.normpath(f'{folder}/{target}'), uri, files)}{anchor}{after}"

    return _LINK.sub(lead, markdown)


def _address(path: str, uri: str, files: Files) -> str:
    """Where a file of the repository is, seen from a page."""
    own = _PAGE_OF.get(path, path.removeprefix("docs/"))
    if (path in _PAGE_OF or path.startswith("docs/")) and files.get_file_from_path(own):
        return posixpath.relpath(own, posixpath.dirname(uri) or ".")
    return f"{_SOURCE}/{path}"
