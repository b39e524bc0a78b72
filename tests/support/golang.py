"""Go programs that tests need, built from modules, with caches of their own that are gone afterwards.

Uses the standard library only: `.ci/run` builds before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

#: What the modules need. A `go` since 1.21 gets it by itself.
TOOLCHAIN = "1.26.8"
_SELECTS_TOOLCHAINS = (1, 21)
_PLACES = ("/usr/local/go/bin", "/usr/lib/go/bin", str(Path.home() / "go" / "bin"))


class NotBuilt(RuntimeError):
    """A program could not be built; the message says why."""


class Go:
    """A `go` that works in a scratch folder, which holds everything that it downloads and makes.

    Raises:
        NotBuilt: There is none, or it cannot get a newer one.
    """

    def __init__(self, scratch: Path) -> None:
        (scratch / "tmp").mkdir(parents=True)
        self._scratch = scratch
        self._environment = {
            **os.environ,
            "PATH": os.pathsep.join([os.environ["PATH"], *_PLACES]),
            "GOPATH": str(scratch / "path"),
            "GOCACHE": str(scratch / "cache"),
            "GOTMPDIR": str(scratch / "tmp"),
            "GOTOOLCHAIN": "auto",
            "GOFLAGS": "",
            "CGO_ENABLED": "0",
        }
        self._go = self._usable()
        self._environment["PATH"] = os.pathsep.join([str(self._go.parent), self._environment["PATH"]])

    def run(self, *arguments: str) -> str:
        """What ``go`` with these arguments says.

        Raises:
            NotBuilt: It failed.
        """
        return self._run(str(self._go), *arguments)

    def clean(self) -> None:
        """Remove the scratch folder; Go's module cache is read-only, folders too."""
        for root, _, _ in os.walk(self._scratch):
            Path(root).chmod(0o755)
        shutil.rmtree(self._scratch)

    def _usable(self) -> Path:
        """A `go` that can build it: the machine's own where it is new enough to get a newer one by itself."""
        found = shutil.which("go", path=self._environment["PATH"])
        if found is None:
            raise NotBuilt("Go is not installed")
        said = self._run(found, "version")
        version = re.search(r"go(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= _SELECTS_TOOLCHAINS:
            return Path(found)
        return self._toolchain(found)

    def _toolchain(self, go: str) -> Path:
        """What a newer `go` does by itself: its toolchain is a module, checked against Go's own sums.

        https://go.dev/doc/toolchain#implementation
        """
        system, processor = self._run(go, "env", "GOOS", "GOARCH").split()
        module = f"golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.{system}-{processor}"
        self._run(go, "mod", "download", module)
        root = self._scratch / "toolchain"
        shutil.copytree(Path(self._environment["GOPATH"]) / "pkg" / "mod" / module, root)
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)
        self._environment["GOROOT"] = str(root)
        self._environment["GOTOOLCHAIN"] = "local"
        return root / "bin" / "go"

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self._scratch, env=self._environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
            raise NotBuilt(f"'{' '.join(command)}' failed: {' / '.join(last)}")
        return done.stdout
