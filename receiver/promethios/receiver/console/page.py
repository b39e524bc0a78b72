"""The page that is served at ``/``: the one of the package, with the addresses of this version's files.

Every asset is below ``/console/<version>/``, where the version is a hash of all of them, so a browser may
keep what it has for ever, and never mixes the files of two versions. The scripts that the page will import
are named in it, for they would be found one after the other otherwise; those of the panels too, which would
otherwise wait behind the panels' questions for one of a browser's few connections.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from promethios.receiver.console.assets import PAGE, Asset, make_asset

_ENTRY: Final = "main.js"
_IMPORT: Final = re.compile(r"""^(?:import|export)\s(?:[^"';]*?\sfrom\s+)?["'](\.{1,2}/[^"']+)["']""", re.M)
#: Style sheets of panels and libraries lie beside them, and need not be named in the page.
_PANELS: Final = ("panels/", "vendor/")
_HEAD_ENDS: Final = "  </head>"


def version_of(assets: Mapping[str, Asset]) -> str:
    """Return 16 hex digits that change with any asset."""
    tags = "\n".join(f"{name} {asset.etag}" for name, asset in sorted(assets.items()))
    return hashlib.sha256(tags.encode()).hexdigest()[:16]


def imported(assets: Mapping[str, Asset], entry: str = _ENTRY) -> list[str]:
    """Return the names of all scripts that a script needs before it runs, itself first."""
    found = [entry]
    for name in found:
        for path in _IMPORT.findall(assets[name].body.decode()):
            other = _beside(name, path)
            if other not in found:
                found.append(other)
    return found


def make_page(assets: Mapping[str, Asset]) -> Asset:
    """Return the page with this version's addresses, and all style sheets and scripts to load at once."""
    html = assets[PAGE].body.decode()
    beside = [name for name in sorted(assets) if name.startswith(_PANELS) and name.endswith(".css")]
    sheets = [name for name in beside if f"/console/{name}" not in html]
    links = [f'    <link rel="stylesheet" href="/console/{name}">\n' for name in sheets]
    needed = dict.fromkeys([*imported(assets), *(name for name in sorted(assets) if _is_of_a_panel(name))])
    links += [f'    <link rel="modulepreload" href="/console/{name}">\n' for name in needed]
    html = html.replace(_HEAD_ENDS, "".join(links) + _HEAD_ENDS, 1)
    return make_asset(PAGE, html.replace('="/console/', f'="/console/{version_of(assets)}/').encode())


def _is_of_a_panel(name: str) -> bool:
    return name.startswith(_PANELS) and name.endswith(".js")


def _beside(name: str, path: str) -> str:
    folders = name.split("/")[:-1]
    for part in path.split("/"):
        if part == "..":
            folders.pop()
        elif part != ".":
            folders.append(part)
    return "/".join(folders)
