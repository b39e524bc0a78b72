"""Which database a setting names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

_EXTRAS = {"postgresql": "postgresql", "postgres": "postgresql", "clickhouse": "clickhouse"}


def sqlite_path(url_or_path: str) -> Path:
    """The file that `url_or_path` names: a path, or ``sqlite:///relative`` or ``sqlite:////absolute``.

    Raises:
        ValueError: It names a database that is not supported, or no file.
    """
    if "://" not in url_or_path:
        if not url_or_path:
            raise ValueError("the database has no name: give a path or sqlite:///path")
        return Path(url_or_path)
    parts = urlsplit(url_or_path)
    if parts.scheme == "sqlite":
        return _path_of(parts.netloc, parts.path)
    if extra := _EXTRAS.get(parts.scheme.split("+")[0]):
        raise ValueError(
            f"the database {parts.scheme}:// is not supported yet: this version stores in SQLite; "
            f"give a path or sqlite:///path (the extra promethios[{extra}] is reserved for it)"
        )
    raise ValueError(f"the database {parts.scheme}:// is not supported: give a path or sqlite:///path")


def _path_of(host: str, path: str) -> Path:
    if host or len(path) < 2:
        raise ValueError("the URL names no file: write sqlite:///relative.db or sqlite:////absolute.db")
    return Path(unquote(path[1:]))
