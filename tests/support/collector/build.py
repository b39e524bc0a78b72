"""Build the Collector that stands between agents and a receiver in tests.

From its Go modules, by its own builder, once for each manifest: it takes two minutes of two cores, and a
gigabyte of which 35 MB stay. Uses the standard library only: `.ci/run` builds before anything is installed.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.support.caching import cached
from tests.support.golang import Go, NotBuilt

MANIFEST = Path(__file__).with_name("builder.yaml")
BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.160.0"

__all__ = ["NotBuilt", "collector"]


def collector() -> Path:
    """The program, built where it is not there yet.

    Raises:
        NotBuilt: There is no Go, or it could not build.
    """
    digest = hashlib.sha256(MANIFEST.read_bytes() + BUILDER.encode()).hexdigest()[:16]
    return cached(f"collector-{digest}", _build) / "otelcol"


def _build(folder: Path) -> None:
    """Build in a scratch folder, and keep the program alone."""
    scratch = folder / "scratch"
    go = Go(scratch)
    shutil.copy(MANIFEST, scratch)
    go.run("run", "-modcacherw", BUILDER, "--config", MANIFEST.name)
    (scratch / "out" / "otelcol").rename(folder / "otelcol")
    go.clean()


if __name__ == "__main__":
    print(collector())
