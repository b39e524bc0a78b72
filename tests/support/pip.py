"""Packages from PyPI that cannot live in the tests' own environment, installed once and elsewhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.support.caching import cached


class NotInstalled(RuntimeError):
    """The packages cannot be had; the message says why."""


def packages(folder: Path) -> Path:
    """The packages that a folder's ``requirements.txt`` names, for this Python.

    Raises:
        NotInstalled: They cannot be had.
    """
    requirements = folder / "requirements.txt"
    content = f"{sys.version} {requirements.read_text('utf-8')}".encode()

    def install(target: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--target", target, "--requirement", requirements],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            raise NotInstalled(f"pip cannot install {folder.name}'s packages: {done.stderr.strip()}")

    return cached(f"{folder.name}-{hashlib.sha256(content).hexdigest()[:16]}", install)


def run_python(script: Path, site: Path, root: Path, **environment: str) -> str:
    """Run a script with these packages and no others, and give what it printed.

    Args:
        script: The script.
        site: The packages, from `packages`.
        root: The repository, for what tests share.
        environment: Further variables; no other ``OTEL_*`` reaches the script.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-S", script],
        env={**clean, "PYTHONPATH": f"{site}{os.pathsep}{root}", **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "", done.stderr
    return done.stdout
