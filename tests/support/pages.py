"""Pages whose blocks run: what a reader would save as files, and what they would type, with what it prints.

On such a page a block is one of these:

- ``title="name"`` after the language: a file of that name;
- ``console``: lines after ``$ `` are typed, the others are what is printed; ``…`` stands for anything in a
  line, and alone on a line for any lines;
- any other is shown and claims nothing, so it may not be a program (`SHOWN`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The languages of blocks that only show something.
SHOWN: Final = frozenset({"text", "yaml", "json", "toml", "promql", "ini", ""})

_BLOCK: Final = re.compile(r'^```(\w*)(?: title="([^"]+)")?[^\n]*\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page: its language, the name of the file that it is (or none), and its text."""

    language: str
    title: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A command and the lines that it is said to print."""

    command: str
    printed: tuple[str, ...]


def blocks(page: str) -> list[Block]:
    """Every fenced block of a page."""
    return [Block(language, title or None, text) for language, title, text in _BLOCK.findall(page)]


def typed(text: str) -> Iterator[Typed]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *printed = part.rstrip("\n").split("\n")
        while printed and printed[0].startswith("> "):
            command += "\n" + printed.pop(0)[2:]
        yield Typed(command, tuple(printed))


def save(page: str, folder: Path) -> None:
    """Write every block that is a file."""
    for block in blocks(page):
        if block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text, "utf-8")


def pattern(printed: tuple[str, ...]) -> str:
    """What the printed lines must match, as a regular expression."""
    lines = [
        "(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + "\n" for line in printed
    ]
    return "".join(lines)
