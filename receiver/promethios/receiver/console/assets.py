"""The console's files, read once from the package: what is not listed here cannot be asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

PAGE: Final = "index.html"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


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
    """Return every file of the ``static`` folder by its name."""
    folder = resources.files(__package__) / "static"
    loaded = [make_asset(entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.is_file()]
    return MappingProxyType({asset.name: asset for asset in loaded})
