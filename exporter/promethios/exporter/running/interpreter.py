"""Which commands are Python that was told not to look where we stand: better said before than found out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PYTHON: Final = re.compile(r"(python|pypy)[\d.]*t?$")
#: https://docs.python.org/3/using/cmdline.html
_DEAF: Final = {
    "S": "`-S` does not import `site`",
    "E": "`-E` ignores PYTHONPATH",
    "I": "`-I` ignores PYTHONPATH",
}
_TAKE_A_VALUE: Final = "WX"
_END_OF_OPTIONS: Final = "cm"


def deafness(command: Sequence[str], program: str) -> str | None:
    """Why a command's Python would not hear of us; None where it would, or is no Python.

    Args:
        command: With its arguments.
        program: The file that its first word stands for.
    """
    if is_python(command[0]) or is_python(program):
        return _deaf_option(command[1:])
    interpreter = _interpreter_of(program)
    return _deaf_option(interpreter[1:]) if interpreter and is_python(interpreter[0]) else None


def is_python(program: str) -> bool:
    """Whether a file is a Python, by its name."""
    return _PYTHON.match(Path(program).name) is not None


def _deaf_option(arguments: Sequence[str]) -> str | None:
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-") or argument in ("-", "--"):
            return None
        if argument == "--check-hash-based-pycs":
            next(rest, None)
        if argument.startswith("--"):
            continue
        for place, letter in enumerate(argument[1:], start=2):
            if letter in _DEAF:
                return f"{_DEAF[letter]}: leave it out"
            if letter in _END_OF_OPTIONS:
                return None
            if letter in _TAKE_A_VALUE:
                if place == len(argument):
                    next(rest, None)
                break
    return None


def _interpreter_of(program: str) -> list[str]:
    """What the first line of a script names, with its options; nothing where that cannot be read."""
    try:
        with Path(program).open("rb") as file:
            line = file.read(256).partition(b"\n")[0]
    except OSError:
        return []
    if not line.startswith(b"#!"):
        return []
    words = line[2:].decode(errors="replace").split()
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    return words
