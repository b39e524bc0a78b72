"""``promethios doctor``: what is in force in this environment; or what is the matter with a database."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import entry_points
from typing import Any, Final

import click

from promethios.exporter.examination.report import Report, examine
from promethios.governance.findings import Level

#: Examinations of what other components have: commands by name, of which this one shows the options.
EXAMINATIONS_GROUP: Final = "promethios.examinations"

_COLORS: Final = {Level.OK: "green", Level.NOTE: "cyan", Level.WARNING: "yellow", Level.ERROR: "red"}
_STATUS: Final = {Level.OK: 0, Level.NOTE: 0, Level.WARNING: 3, Level.ERROR: 4}


@click.command()
@click.argument("db", required=False)
@click.option("--db", "named", metavar="URL_OR_PATH", help="The database, as an option.")
@click.option("--full", is_flag=True, help="Of a database: compare indexes with tables too.")
@click.option("--min-free-bytes", metavar="BYTES", help="Of a database: the receiver's setting of this name.")
@click.option("--offline", is_flag=True, help="Of an agent: send nothing to the endpoint.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
@click.pass_context
def doctor(
    ctx: click.Context,
    db: str | None,
    named: str | None,
    full: bool,
    min_free_bytes: str | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Say what is in force for an agent here, and whether it works; or examine DB.

    Without DB: each setting and where it came from, policies, libraries that are guarded, OpenTelemetry's
    variables and entry points, the spool, and a round trip to the endpoint with an empty request.

    With DB, a receiver's database: what is the matter with it. It may be done while a receiver writes to it.

    Nothing is changed.

    Exit status: 0 all is well, 1 it could not be looked at (the reason is on standard error), 2 wrong usage,
    3 something is worth doing, 4 something is wrong.
    """
    if db or named:
        if offline:
            raise click.UsageError("--offline is of an agent, and DB is a receiver's: leave one out")
        _examine_database(ctx, db, named, full, min_free_bytes, as_json)
        return
    if full or min_free_bytes:
        raise click.UsageError("--full and --min-free-bytes are of a database: give DB")
    report = examine(os.environ, offline=offline)
    if as_json:
        click.echo(json.dumps(_document(report)))
    else:
        _show(report)
    sys.exit(_STATUS[report.level])


def _examine_database(
    ctx: click.Context, db: str | None, named: str | None, full: bool, least: str | None, as_json: bool
) -> None:
    command = _load("database")
    arguments = ["--full"] * full + ["--json"] * as_json
    arguments += ["--db", named] if named else []
    arguments += ["--min-free-bytes", least] if least else []
    arguments += ["--", db] if db else []
    with command.make_context(ctx.info_name, arguments, parent=ctx.parent) as inner:
        command.invoke(inner)


def _load(name: str) -> click.Command:
    for entry_point in entry_points(group=EXAMINATIONS_GROUP, name=name):
        try:
            command: click.Command = entry_point.load()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "promethios":
                raise
            raise click.ClickException(
                f"cannot examine a {name}: the module {error.name!r} is not installed; "
                "install it with: pip install 'promethios[receiver]'"
            ) from None
        return command
    raise click.ClickException(f"nothing that is installed examines a {name}")


def _document(report: Report) -> dict[str, Any]:
    return {
        "level": _word(report.level),
        "settings": [
            {"name": row.name, "value": row.value or None, "source": row.source} for row in report.settings
        ],
        "findings": [
            {"check": each.check, "level": _word(each.level), "message": each.message, "advice": each.advice}
            for each in report.findings
        ],
    }


def _show(report: Report) -> None:
    click.secho("settings", bold=True)
    width = max(len(row.value) for row in report.settings)
    for row in report.settings:
        click.echo(f"  {row.name:20}{row.value or '-':{min(width, 44) + 2}}{row.source}")
    click.secho("findings", bold=True)
    for each in report.findings:
        word = click.style(f"{_word(each.level):8}", fg=_COLORS[each.level])
        click.echo(f"  {word}{each.check:12}{each.message}")
        if each.advice:
            click.echo(f"{'':10}{'':12}→ {each.advice}")


def _word(level: Level) -> str:
    return level.name.lower()
