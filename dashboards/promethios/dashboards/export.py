"""What an export writes, and the rule that it never replaces somebody else's file.

The layout is that of Grafana's provisioning folder:

    DIR/datasources/promethios.yaml             the data sources, with the receiver's address
    DIR/dashboards/promethios.yaml              where Grafana finds the dashboards
    DIR/dashboards/promethios/promethios-*.json the dashboards
    DIR/alerting/promethios.yaml                the alert rules
    DIR/alerting/promethios-contact.yaml        who is told, where an export is given somebody
    DIR/compose.yaml                            a Grafana with all of it
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

from promethios.dashboards.alerts import CONTACT_POINT, MARKER, contact_file, rules_file
from promethios.dashboards.options import DEFAULT_URL, READ_KEY, ExportError, Options

_PROVIDER: Final = "provisioning/dashboards/promethios.yaml"


@dataclass(frozen=True, slots=True)
class Written:
    """One file of an export: its path, and whether it was written or was there already with these bytes."""

    path: Path
    changed: bool


def planned(options: Options | None = None) -> Mapping[Path, bytes]:
    """Return every file of an export by its path below the folder, with what ``options`` say filled in."""
    options = options or Options()
    package = resources.files(__package__)
    files = {
        Path("datasources/promethios.yaml"): planned_datasources(options),
        Path("dashboards/promethios.yaml"): (package / _PROVIDER).read_bytes(),
    }
    for entry in sorted((package / "json").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".json"):
            files[Path("dashboards/promethios") / entry.name] = entry.read_bytes()
    files[Path("compose.yaml")] = (package / "provisioning/compose.yaml").read_bytes()
    told = bool(options.webhook or options.email)
    files[Path("alerting/promethios.yaml")] = rules_file(options.rules, CONTACT_POINT if told else None)
    if told:
        files[Path("alerting/promethios-contact.yaml")] = contact_file(options.webhook, options.email)
    return files


def planned_datasources(options: Options) -> bytes:
    """Return the file of data sources with the receiver's address, and where the key is."""
    packaged = resources.files(__package__) / "provisioning/datasources/promethios.yaml"
    filled = packaged.read_text(encoding="utf-8").replace(DEFAULT_URL, options.url)
    if options.key_file:
        filled = filled.replace(READ_KEY, f"$__file{{{options.key_file}}}")
        filled = filled.replace("from Grafana's environment", "from a file")
    return filled.encode()


def export(folder: Path, options: Options | None = None, *, force: bool = False) -> list[Written]:
    """Write the export into ``folder``, all files or, if one of them may not be replaced, none.

    Args:
        folder: made if it does not exist.
        options: what it is made for.
        force: replace files that an export did not write, too.

    Raises:
        ExportError: an option is bad, the folder cannot be written, or a file there is not ours.
    """
    files = {folder / path: body for path, body in planned((options or Options()).validate()).items()}
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
            return body.startswith(MARKER.encode())
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
