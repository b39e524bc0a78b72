"""Write the reference pages from the code that they are about: ``python docs/generate.py``.

A test makes them again and compares, so a page cannot fall behind.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import click

from promethios.governance import semconv
from promethios.governance.cli import main as root

_FOLDER: Final = Path(__file__).parent / "reference"
_MADE: Final = "<!-- Made by docs/generate.py; change the code instead. -->\n"
_ABOUT_NAMES: Final = """
Every attribute, event, span and metric that governance reads or writes. The names of `gen_ai.*` follow
OpenTelemetry's GenAI conventions {}, which are in development; those marked as a draft are proposals
there. Code finds them in `promethios.governance.semconv`.
"""


def telemetry() -> str:
    """Every name of `semconv`, with the comment that stands above it."""
    source = Path(semconv.__file__).read_text(encoding="utf-8")
    parts = ["# Names in the telemetry\n\n", _MADE, _ABOUT_NAMES.format(semconv.GENAI_CONVENTIONS)]
    for title, rows in _sections(source):
        parts.append(f"\n## {title}\n\n| Name | What it is |\n|---|---|\n")
        parts += [f"| `{name}` | {_cell(text)} |\n" for name, text in rows]
    return "".join(parts)


def commands() -> str:
    """The help of every command, as the program prints it."""
    parts = ["# Commands\n\n", _MADE, "\n```text\n", _help(root, "promethios"), "```\n"]
    for entry in sorted(entry_points(group="promethios.commands"), key=lambda found: found.name):
        parts += _described(entry.load(), f"promethios {entry.name}")
    return "".join(parts)


PAGES: Final[dict[str, Callable[[], str]]] = {"commands.md": commands, "telemetry.md": telemetry}


def _sections(source: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The groups of constants, each under its comment, with what is said of each."""
    lines = source.splitlines()
    title, rows = "", list[tuple[str, str]]()
    for node in ast.parse(source).body:
        heading, said = _comments(lines, node.lineno - 1)
        if heading:
            if rows:
                yield title, rows
            title, rows = heading, []
        if said and title and isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            rows.append((str(node.value.value), said))
    if rows:
        yield title, rows


def _comments(lines: list[str], line: int) -> tuple[str, str]:
    """The comments right above a line: the heading of a group (``#``), and what is said of it (``#:``)."""
    heading: list[str] = []
    said: list[str] = []
    while line > 0 and lines[line - 1].startswith("#"):
        line -= 1
        (said if lines[line].startswith("#:") else heading).insert(0, lines[line].lstrip("#: "))
    return " ".join(heading).rstrip("."), " ".join(said)


def _cell(text: str) -> str:
    return re.sub(r"``([^`]+)``", r"`\1`", text).replace("|", "\\|")


def _described(command: click.Command, name: str) -> Iterator[str]:
    yield f"\n## `{name}`\n\n```text\n{_help(command, name)}```\n"
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None:
                yield from _described(found, f"{name} {each}")


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
    return command.get_help(context) + "\n"


def main() -> None:
    """Write every page."""
    _FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (_FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
