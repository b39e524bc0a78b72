"""Build the program that makes frames as Grafana's Infinity data source does, for tests.

Once for each version of its source: it takes about two minutes of CPU, and half a gigabyte of which 25 MB
stay. Uses the standard library only: `.ci/run` builds before anything is installed.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.support.caching import cached
from tests.support.golang import Go

SOURCES = tuple(Path(__file__).with_name(name) for name in ("go.mod", "go.sum", "main.go"))


def infinity_backend() -> Path:
    """The program, built where it is not there yet.

    Raises:
        NotBuilt: There is no Go, or it could not build.
    """
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()[:16]
    return cached(f"infinity-{digest}", _build) / "infinity"


def _build(folder: Path) -> None:
    """Build in a scratch folder, and keep the program alone."""
    scratch = folder / "scratch"
    go = Go(scratch)
    for source in SOURCES:
        shutil.copy(source, scratch)
    go.run("build", "-modcacherw", "-mod=readonly", "-ldflags=-s -w", "-o", str(folder / "infinity"), ".")
    go.clean()


if __name__ == "__main__":
    print(infinity_backend())
