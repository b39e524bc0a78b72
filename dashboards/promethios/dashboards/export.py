"""What an export writes, and the rule that it never replaces somebody else's file.

The layout is that of Grafana's provisioning folder:

    DIR/datasources/promethios.yaml             the data source, with the receiver's address
    DIR/dashboards/promethios.yaml              where Grafana finds the dashboards
    DIR/dashboards/promethios/promethios-*.json the dashboards
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

#: Where a receiver listens unless told otherwise; the packaged data source names it.
DEFAULT_URL: Final = "http://127.0.0.1:4318"

_MARKER: Final = b"# Written by `promethios dashboards export`."


class ExportError(ValueError):
    """An export that cannot be done; the message says what was attempted, on what, and what to do."""


@dataclass(frozen=True, slots=True)
class Written:
    """One file of an export: its path, and whether it was written or was there already with these bytes."""

    path: Path
    changed: bool


def validate_url(url: str) -> str:
    """Return the receiver's address without a trailing slash.

    Raises:
        ExportError: it is not an http(s) address of a host, it carries a key or a query, or it has a
            character that Grafana's provisioning or YAML would read as something else.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError as wrong:
        raise ExportError(f"--url {url!r}: {wrong}; give one such as {DEFAULT_URL}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ExportError(f"--url {url!r}: not an http or https address; give one such as {DEFAULT_URL}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ExportError(
            f"--url for {parts.hostname}: leave out credentials, query and fragment; Grafana takes the key "
            "from the environment variable PROMETHIOS_READ_KEY"
        )
    if any(char in "$\"'\\" or not char.isprintable() or char.isspace() for char in url):
        raise ExportError(f"--url {url!r}: quotes, $, backslashes and blanks cannot be in it")
    return url.rstrip("/")


def planned(url: str = DEFAULT_URL) -> Mapping[Path, bytes]:
    """Return every file of an export by its path below the folder, with ``url`` filled in."""
    package = resources.files(__package__)
    templates = package / "provisioning"
    datasource = (templates / "datasources.yaml").read_text(encoding="utf-8").replace(DEFAULT_URL, url)
    files = {
        Path("datasources/promethios.yaml"): datasource.encode(),
        Path("dashboards/promethios.yaml"): (templates / "dashboards.yaml").read_bytes(),
    }
    for entry in sorted((package / "json").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".json"):
            files[Path("dashboards/promethios") / entry.name] = entry.read_bytes()
    return files


def export(folder: Path, url: str = DEFAULT_URL, *, force: bool = False) -> list[Written]:
    """Write the export into ``folder``, all files or, if one of them may not be replaced, none.

    Args:
        folder: made if it does not exist.
        url: the receiver's address as Grafana reaches it.
        force: replace files that an export did not write, too.

    Raises:
        ExportError: the address is bad, the folder cannot be written, or a file there is not ours.
    """
    files = {folder / path: body for path, body in planned(validate_url(url)).items()}
    foreign = [path for path in files if path.exists() and not _is_ours(path)]
    if foreign and not force:
        listed = ", ".join(str(path) for path in foreign)
        raise ExportError(
            f"cannot export to {folder}: not written by an export: {listed}; "
            "move it away, choose another folder, or give --force to replace it"
        )
    try:
        return [Written(path, _write(path, body)) for path, body in files.items()]
    except OSError as wrong:
        at = wrong.filename or folder
        raise ExportError(
            f"cannot export to {folder}: {wrong.strerror}: {at}; choose another folder"
        ) from wrong


def _is_ours(path: Path) -> bool:
    """Tell whether an export wrote this file, of any version and with any options."""
    if not path.is_file():
        return False
    try:
        body = path.read_bytes()
        if path.suffix != ".json":
            return body.startswith(_MARKER)
        board = json.loads(body)
    except (OSError, ValueError):
        return False
    return isinstance(board, dict) and board.get("uid") == path.stem


def _write(path: Path, body: bytes) -> bool:
    if path.is_file() and path.read_bytes() == body:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    # Grafana may read the folder at any moment: a file appears whole or not at all.
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return True
