"""The console's files, read once from the package: what is not listed here cannot be asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

PAGE: Final = "index.html"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: What lies beside a library for people to read, not for browsers.
_UNSERVED: Final = ("README", "LICENSE")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: its bytes, media type, and the first 32 hex digits of its SHA-256 as a tag."""

    name: str
    body: bytes
    content_type: str
    etag: str


def make_asset(name: str, body: bytes) -> Asset:
    """Return a file's content as it is sent.

    Raises:
        ValueError: the name's ending has no media type here; sent as another type, ``nosniff`` makes a
            browser refuse the file.
    """
    ending = name[name.rfind(".") :]
    if ending not in _TYPES:
        known = ", ".join(sorted(_TYPES))
        raise ValueError(f"console asset {name!r}: no media type for {ending!r}; use one of {known}")
    return Asset(name, body, _TYPES[ending], hashlib.sha256(body).hexdigest()[:32])


def load_assets() -> MappingProxyType[str, Asset]:
    """Return every file of the ``static`` folder by its path there, as ``panels/stat.js``."""
    folder = resources.files(__package__) / "static"
    loaded = [make_asset(name, entry.read_bytes()) for name, entry in _files(folder)]
    return MappingProxyType({asset.name: asset for asset in loaded})


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{above}{entry.name}/")
        elif not entry.name.startswith(_UNSERVED):
            yield f"{above}{entry.name}", entry
