"""Build the Collector that stands between agents and a receiver in tests.

From its Go modules, by its own builder, once for each manifest: it takes two minutes of two cores, and a
gigabyte of which 35 MB stay. Uses the standard library only: `.ci/run` builds before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.caching import cached

MANIFEST = Path(__file__).with_name("builder.yaml")
BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.160.0"
#: What the builder and the modules need. A `go` since 1.21 gets it by itself.
TOOLCHAIN = "1.26.8"
_SELECTS_TOOLCHAINS = (1, 21)
_PLACES = ("/usr/local/go/bin", "/usr/lib/go/bin", str(Path.home() / "go" / "bin"))


class NotBuilt(RuntimeError):
    """There is no Collector; the message says why."""


def collector() -> Path:
    """The program, built where it is not there yet.

    Raises:
        NotBuilt: There is no Go, or it could not build.
    """
    digest = hashlib.sha256(MANIFEST.read_bytes() + BUILDER.encode()).hexdigest()[:16]
    return cached(f"collector-{digest}", _build) / "otelcol"


def _build(folder: Path) -> None:
    """Build in a scratch folder with caches of its own, and keep the program alone."""
    scratch = folder / "scratch"
    (scratch / "tmp").mkdir(parents=True)
    shutil.copy(MANIFEST, scratch)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([os.environ["PATH"], *_PLACES]),
        "GOPATH": str(scratch / "path"),
        "GOCACHE": str(scratch / "cache"),
        "GOTMPDIR": str(scratch / "tmp"),
        "GOTOOLCHAIN": "auto",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    go = _usable(scratch, environment)
    environment["PATH"] = os.pathsep.join([str(go.parent), environment["PATH"]])
    _run([str(go), "run", "-modcacherw", BUILDER, "--config", MANIFEST.name], scratch, environment)
    (scratch / "out" / "otelcol").rename(folder / "otelcol")
    _writable(scratch)
    shutil.rmtree(scratch)


def _usable(scratch: Path, environment: dict[str, str]) -> Path:
    """A `go` that can build it: the machine's own where it is new enough to get a newer one by itself."""
    found = shutil.which("go", path=environment["PATH"])
    if found is None:
        raise NotBuilt("Go is not installed")
    said = _run([found, "version"], scratch, environment)
    version = re.search(r"go(\d+)\.(\d+)", said)
    if version and (int(version[1]), int(version[2])) >= _SELECTS_TOOLCHAINS:
        return Path(found)
    return _toolchain(found, scratch, environment)


def _toolchain(go: str, scratch: Path, environment: dict[str, str]) -> Path:
    """What a newer `go` does by itself: its toolchain is a module, checked against Go's own sums.

    https://go.dev/doc/toolchain#implementation
    """
    system, processor = _run([go, "env", "GOOS", "GOARCH"], scratch, environment).split()
    module = f"golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.{system}-{processor}"
    _run([go, "mod", "download", module], scratch, environment)
    root = scratch / "toolchain"
    shutil.copytree(Path(environment["GOPATH"]) / "pkg" / "mod" / module, root)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755)
    environment["GOROOT"] = str(root)
    environment["GOTOOLCHAIN"] = "local"
    return root / "bin" / "go"


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise NotBuilt(f"'{' '.join(command)}' failed: {' / '.join(last)}")
    return done.stdout


def _writable(folder: Path) -> None:
    """Go's module cache is read-only, folders too."""
    for root, _, _ in os.walk(folder):
        Path(root).chmod(0o755)


if __name__ == "__main__":
    print(collector())
