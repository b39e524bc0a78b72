"""Write the reference pages from the code that they are about: ``python docs/generate.py``.

A test makes them again and compares, so a page cannot fall behind.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import click

from promethios.exporter.settings import ENVIRONMENT
from promethios.exporter.settings import Settings as AgentSettings
from promethios.governance import semconv
from promethios.governance.alerting import RULES, AlertRule
from promethios.governance.cli import main as root
from promethios.receiver.app import create_app
from promethios.receiver.openapi.document import describe
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.telemetry.counts import Reason
from promethios.receiver.telemetry.instruments import INSTRUMENTS

_FOLDER: Final = Path(__file__).parent / "reference"
_MADE: Final = "<!-- Made by docs/generate.py; change the code instead. -->\n"
_ABOUT_NAMES: Final = """
Every attribute, event, span and metric that governance reads or writes. The names of `gen_ai.*` follow
OpenTelemetry's GenAI conventions {}, which are in development; those marked as a draft are proposals
there. Code finds them in `promethios.governance.semconv`.
"""

_ABOUT_AGENT_SETTINGS: Final = """
What `configure`, the exporters, `promethios run` and zero code take. The first of these that gives a
setting wins:

1. an argument, or a property in OpenTelemetry's configuration file;
2. the environment, in the order of the names below; a variable that is empty counts as not set;
3. the default.

A setting that cannot work is a `SettingsError` that names it, where it came from, and what to do. In the
environment, yes and no are `true` and `false`.

| Setting | In the environment | Default | What it is |
|---|---|---|---|
"""

_ABOUT_RECEIVER_SETTINGS: Final = """
What `promethios serve` takes. An option goes before a variable, and this before a file (`--config`, or
`PROMETHIOS_CONFIG`): TOML, whose top-level keys are these names. A name that is not known is an error.

| Setting | Option | In the environment | Default | What it is |
|---|---|---|---|---|
"""

_ABOUT_ALERTS: Final = """
One definition, evaluated by the receiver itself and by Grafana: each rule's number is what
`GET /api/v1/signals/{id}` answers for each of its labels, and it fires when that was beyond the threshold for
so long. A file of your own changes thresholds and times ([alerts](../../receiver/README.md#alerts)).

| Rule | Severity | Fires | For | Looks back | |
|---|---|---|---|---|---|
"""

_ABOUT_OWN_METRICS: Final = """
What a receiver says about itself: at `/metrics` as Prometheus reads it, and over OTLP where `self_endpoint`
is set. They are of all tenants together, since the receiver started. `signal` is `spans`, `metrics` or
`logs`; `reason` is one of {}. No label holds what a client can choose.

| In Prometheus | In OTLP | Kind | Unit | Labels | What it says |
|---|---|---|---|---|---|
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


def api() -> str:
    """Every operation of the API with what it takes and gives, from its own description."""
    with tempfile.TemporaryDirectory() as folder:
        services = Services.open(Settings(db=f"{folder}/promethios.db"))
        document = describe(create_app(services, Budget(services.settings.memory_bytes)))
        services.close()
    parts = ["# API\n\n", _MADE, "\n", document["info"]["description"]]
    parts.append(
        "The same for programs, in OpenAPI 3.1, with a key that reads: `GET /api/v1/openapi.json`.\n"
    )
    common = {each["name"]: each for each in document["paths"]["/api/v1/status"]["get"]["parameters"]}
    parts += ["\n## Parameters of every question\n\n", *_parameters(common.values())]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(f"{method.upper()} {path}", operation, common)
    return "".join(parts)


def receiver_metrics() -> str:
    """Every metric that the receiver has of itself."""
    rows = [
        f"| `{each.prometheus}` | `{each.name}` | {each.kind} | {_cell(each.unit)} "
        f"| {', '.join(f'`{label}`' for label in each.labels)} | {_cell(each.about)} |\n"
        for each in INSTRUMENTS
    ]
    about = _ABOUT_OWN_METRICS.format(", ".join(f"`{reason}`" for reason in Reason))
    return "".join(["# The receiver's own metrics\n\n", _MADE, about, *rows])


def receiver_settings() -> str:
    """Every setting of the receiver, from the class that checks them."""
    about = _arguments(Settings)
    (entry,) = entry_points(group="promethios.commands", name="serve")
    options = {option.name: option.opts[0] for option in entry.load().params}
    rows = [
        f"| `{each.name}` | {_code(options.get(each.name))} | `PROMETHIOS_{each.name.upper()}` "
        f"| {_default(each.name, each.default)} | {_cell(about[each.name])} |\n"
        for each in fields(Settings)
    ]
    return "".join(["# The receiver's settings\n\n", _MADE, _ABOUT_RECEIVER_SETTINGS, *rows])


def alerts() -> str:
    """Every alert rule, from the definition that the receiver and Grafana share."""
    parts = ["# Alert rules\n\n", _MADE, _ABOUT_ALERTS]
    parts += [
        f"| [`{each.id}`](#{each.id}) | {each.severity} | {_beyond(each)} | {_span(each.for_seconds)} "
        f"| {_span(each.window_seconds)} | {'on' if each.enabled else 'off'} |\n"
        for each in RULES
    ]
    parts += [f"\n## {each.id}\n\n**{each.title}.** {_cell(each.description)}\n" for each in RULES]
    return "".join(parts)


def agent_settings() -> str:
    """Every setting of an agent's delivery, from the class that reads them."""
    about = _arguments(AgentSettings)
    rows = [
        f"| `{each.name}` | {_variables(each.name)} | {_default(each.name, each.default)} "
        f"| {_cell(about[each.name])} |\n"
        for each in fields(AgentSettings)
    ]
    return "".join(["# An agent's settings\n\n", _MADE, _ABOUT_AGENT_SETTINGS, *rows])


def _arguments(described: type) -> dict[str, str]:
    """What a class says of each of its arguments."""
    said = re.findall(r"^        (\w+): ((?:.|\n {12})+)", described.__doc__ or "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in said}


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "none"


def _beyond(rule: AlertRule) -> str:
    """When a rule's number is bad: UCUM writes what is counted in braces, and a ratio as 1."""
    unit = "" if rule.unit == "1" else f" {rule.unit.strip('{}')}"
    return f"{rule.comparison} {rule.threshold:,.6g}{unit}"


def _span(seconds: float) -> str:
    """A time in its largest whole unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length:g} {unit}"
    return f"{seconds:g} s"


def _variables(setting: str) -> str:
    return ", else ".join(f"`{name}`" for name in ENVIRONMENT.get(setting, ())) or "none"


def _default(setting: str, value: object) -> str:
    if value is None or value == () or value == "":
        return "none"
    if setting.endswith("_bytes"):
        return f"{int(str(value)) >> 20} MiB"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,g}" if isinstance(value, int | float) else f"`{value}`"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "agent_settings.md": agent_settings,
    "alerts.md": alerts,
    "api.md": api,
    "commands.md": commands,
    "receiver_metrics.md": receiver_metrics,
    "receiver_settings.md": receiver_settings,
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
            yield f"| `{name}` | {_type(field)} | {_cell(_about(field) or needed)} |\n"
    answered = next(iter(operation["responses"].values())).get("content", {}).get("application/json", {})
    fields = answered.get("schema", {}).get("properties", {})
    columns = fields.get("data", {}).get("items", {}).get("properties", fields)
    if columns:
        yield "\n| Answered | Type | |\n|---|---|---|\n"
        yield from (
            f"| `{name}` | {_type(column)} | {_cell(column['description'])} |\n"
            for name, column in columns.items()
        )


def _parameters(parameters: Any) -> Iterator[str]:
    yield "| Parameter | Type | |\n|---|---|---|\n"
    for each in parameters:
        about = _cell(each.get("description", "Part of the address"))
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
