"""Write the reference pages from the code that they are about: ``python -m docs.generate``.

A test makes them again and compares, so a page cannot fall behind.
"""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import click
from docs.tables import MADE, cell

from docs import tables
from promethios.governance import semconv
from promethios.governance.cli import main as root
from promethios.receiver.app import create_app
from promethios.receiver.openapi.document import describe
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings

_FOLDER: Final = Path(__file__).parent / "reference"
_ABOUT_NAMES: Final = """
Every attribute, event, span and metric that governance reads or writes. The names of `gen_ai.*` follow
OpenTelemetry's GenAI conventions {}, which are in development; those marked as a draft are proposals
there. Code finds them in `promethios.governance.semconv`.
"""


def telemetry() -> str:
    """Every name of `semconv`, with the comment that stands above it."""
    source = Path(semconv.__file__).read_text(encoding="utf-8")
    parts = ["# Names in the telemetry\n\n", MADE, _ABOUT_NAMES.format(semconv.GENAI_CONVENTIONS)]
    for title, rows in _sections(source):
        parts.append(f"\n## {title}\n\n| Name | What it is |\n|---|---|\n")
        parts += [f"| `{name}` | {cell(text)} |\n" for name, text in rows]
    return "".join(parts)


def commands() -> str:
    """The help of every command, as the program prints it."""
    parts = ["# Commands\n\n", MADE, "\n```text\n", _help(root, "promethios"), "```\n"]
    for entry in sorted(entry_points(group="promethios.commands"), key=lambda found: found.name):
        parts += _described(entry.load(), f"promethios {entry.name}")
    return "".join(parts)


def api() -> str:
    """Every operation of the API with what it takes and gives, from its own description."""
    with tempfile.TemporaryDirectory() as folder:
        services = Services.open(Settings(db=f"{folder}/promethios.db"))
        document = describe(create_app(services, Budget(services.settings.memory_bytes)))
        services.close()
    parts = ["# API\n\n", MADE, "\n", document["info"]["description"]]
    parts.append(
        "The same for programs, in OpenAPI 3.1, with a key that reads: `GET /api/v1/openapi.json`.\n"
    )
    common = {each["name"]: each for each in document["paths"]["/api/v1/status"]["get"]["parameters"]}
    parts += ["\n## Parameters of every question\n\n", *_parameters(common.values())]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(f"{method.upper()} {path}", operation, common)
    return "".join(parts)


PAGES: Final[dict[str, Callable[[], str]]] = {
    "agent_settings.md": tables.agent_settings,
    "alerts.md": tables.alerts,
    "api.md": api,
    "commands.md": commands,
    "receiver_metrics.md": tables.receiver_metrics,
    "receiver_settings.md": tables.receiver_settings,
    "refusals.md": tables.refusals,
    "telemetry.md": telemetry,
}


def _operation(title: str, operation: dict[str, Any], common: dict[str, Any]) -> Iterator[str]:
    yield f"\n## `{title}`\n\n{operation['summary']} {operation['description']}\n"
    if own := [each for each in operation["parameters"] if each["name"] not in common]:
        yield "\n"
        yield from _parameters(own)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        one = schema.get("anyOf", [schema])[0]
        yield "\n| Sent | Type | |\n|---|---|---|\n"
        for name, field in one["properties"].items():
            needed = "needed" if name in one.get("required", ()) else ""
            yield f"| `{name}` | {_type(field)} | {cell(_about(field) or needed)} |\n"
    answered = next(iter(operation["responses"].values())).get("content", {}).get("application/json", {})
    fields = answered.get("schema", {}).get("properties", {})
    columns = fields.get("data", {}).get("items", {}).get("properties", fields)
    if columns:
        yield "\n| Answered | Type | |\n|---|---|---|\n"
        yield from (
            f"| `{name}` | {_type(column)} | {cell(column['description'])} |\n"
            for name, column in columns.items()
        )


def _parameters(parameters: Any) -> Iterator[str]:
    yield "| Parameter | Type | |\n|---|---|---|\n"
    for each in parameters:
        about = cell(each.get("description", "Part of the address"))
        yield f"| `{each['name']}` | {_type(each['schema'])} | {about} |\n"


def _about(schema: dict[str, Any]) -> str:
    return str(schema.get("description") or schema.get("anyOf", [{}])[0].get("description", ""))


def _type(schema: dict[str, Any]) -> str:
    """What a schema takes, in a word or two."""
    if "anyOf" in schema:
        return _type(schema["anyOf"][0])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema["type"]
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


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
