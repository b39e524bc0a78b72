"""Running code as somebody who has to keep to the rights of files: also where the tests are root's."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

_PR_CAPBSET_DROP = 24
#: Capabilities that let root pass by the rights of files.
_OVERRIDES = (1, 2)


def drop_overrides() -> None:
    """Keep to the rights of files from now on: for a subprocess, before it runs its program."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in _OVERRIDES if os.geteuid() == 0 else ():
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot drop a capability")


def run_without_rights(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code to its end in a process that may not write where the mode of a folder says no."""
    return subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=drop_overrides,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
