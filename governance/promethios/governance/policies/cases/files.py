"""Which files hold cases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from promethios.governance.policies.cases.model import KIND

_KIND: Final = re.compile(rf"^kind:[ \t]*[\"']?{KIND}\b", re.MULTILINE)


def case_files(paths: Iterable[str]) -> list[str]:
    """The files that are named, and those of kind `KIND` below the folders that are named.

    Raises:
        ValueError: a folder holds none.
    """
    found: list[str] = []
    for path in paths:
        inside = sorted(map(str, _inside(Path(path)))) if Path(path).is_dir() else [path]
        if not inside:
            raise ValueError(f"there are no cases in '{path}': no file in it has 'kind: {KIND}'")
        found += inside
    return list(dict.fromkeys(found))


def _inside(folder: Path) -> Iterable[Path]:
    return (file for file in folder.rglob("*") if file.suffix in (".yaml", ".yml") and _holds_cases(file))


def _holds_cases(file: Path) -> bool:
    """Whether the file says that it does. One that cannot be read is kept: reading it says what is wrong."""
    try:
        return _KIND.search(file.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return True
