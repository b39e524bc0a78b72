"""Comes first on PYTHONPATH under ``promethios run``: Python imports it before a program's first line.

Any Python 3 may read it, with promethios or without, and whatever it can import.
"""

import json
import os
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
    else:
        begin()


def _is_without(error: Exception) -> bool:
    """Whether this is an environment that promethios is not installed in."""
    return isinstance(error, ImportError) and str(error.name).partition(".")[0] == "promethios"


def _refuse(channel: str, problem: str, is_anothers: bool) -> None:
    """End the process that is to be run. One of another environment that it started goes on, and says so."""
    try:
        pipe = os.open(channel, os.O_WRONLY | os.O_NONBLOCK)
        os.write(pipe, json.dumps([problem[:400]]).encode() + b"\n")
    except OSError:
        sys.stderr.write(f"promethios run: NOT GOVERNED: {problem}\n")
        if is_anothers:
            return
    os._exit(78)


if os.environ.get("PROMETHIOS_RUN"):
    _import_hidden()
    _begin(os.environ["PROMETHIOS_RUN"])
