"""Packages from npm for tests, as a lock file pins them, installed once and outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.caching import cached

_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class NotInstalled(RuntimeError):
    """What is needed is not there; the message says what."""


def node_modules(folder: Path) -> Path:
    """The packages of a folder with ``package.json`` and ``package-lock.json``; their integrity is checked.

    Raises:
        NotInstalled: There is no node, or the packages cannot be had.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotInstalled("node and npm are not installed")
    files = [folder / name for name in ("package.json", "package-lock.json")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    def install(target: Path) -> None:
        for file in files:
            shutil.copy(file, target)
        done = subprocess.run([npm, *_INSTALL], cwd=target, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise NotInstalled(f"npm cannot install {folder.name}'s packages: {done.stderr.strip()}")

    return cached(f"{folder.name}-{digest}", install) / "node_modules"


def run_node(script: Path, modules: Path, folder: Path, **environment: str) -> str:
    """Run a script with packages, from a folder of its own, and give what it printed.

    Args:
        script: The script; it is copied, because node looks for packages beside it.
        modules: The packages, from `node_modules`.
        folder: An empty folder.
        environment: Further variables; no other ``OTEL_*`` reaches the script.
    """
    (folder / "node_modules").symlink_to(modules)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        ["node", shutil.copy(script, folder)],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "", done.stderr
    return done.stdout
