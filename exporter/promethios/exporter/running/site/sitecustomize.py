"""Comes first on PYTHONPATH under ``promethios run``: Python imports it before a program's first line.

Any Python 3 may read it, with promethios or without, and whatever it can import.
"""

import json
import os
import stat
import sys
from importlib import import_module

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - a program's start pays for pathlib


def _is_ours(folder: str) -> bool:
    return os.path.abspath(folder) == _FOLDER  # noqa: PTH100


def _import_hidden() -> None:
    """Import the ``sitecustomize`` that this one hides, if there is one."""
    ours = sys.modules.pop("sitecustomize")
    found = list(sys.path)
    sys.path[:] = [folder for folder in found if not _is_ours(folder)]
    try:
        import_module("sitecustomize")
    except Exception as error:
        if getattr(error, "name", None) != "sitecustomize":
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.path[:] = found + [folder for folder in sys.path if folder not in found]
        sys.modules.setdefault("sitecustomize", ours)


def _begin(channel: str) -> None:
    try:
        from promethios.exporter.running.child import begin
    except Exception as error:
        _refuse(channel, f"{sys.executable} cannot load promethios: {error}", _is_without(error))
        return
    try:
        begin()
    except Exception as error:
        # `site` would say a word about it, and go on.
        _refuse(channel, f"{sys.executable} cannot be set up: {error!r}", False)


def _is_without(error: Exception) -> bool:
    """Whether this is an environment that promethios is not installed in."""
    return isinstance(error, ImportError) and str(error.name).partition(".")[0] == "promethios"


def _refuse(channel: str, problem: str, is_anothers: bool) -> None:
    """End the process that is to be run. One of another environment that it started goes on, and says so."""
    if not _tell(channel, problem):
        sys.stderr.write(f"promethios run: NOT GOVERNED: {problem}\n")
        sys.stderr.flush()
        if is_anothers and os.environ.get("PROMETHIOS_RUN_PID") != str(os.getpid()):
            return
    os._exit(78)


def _tell(channel: str, problem: str) -> bool:
    """Say it to who waits for it, if anybody does. Where the pipe was there may be a file of anybody's."""
    try:
        pipe = os.open(channel, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            return False
        os.write(pipe, json.dumps([problem[:400]]).encode() + b"\n")
    except OSError:
        return False
    return True


if os.environ.get("PROMETHIOS_RUN"):
    _import_hidden()
    _begin(os.environ["PROMETHIOS_RUN"])
