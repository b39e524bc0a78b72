"""``promethios doctor``: what is the matter with a database, and what to do about it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from promethios.receiver.maintenance.doctor import examine
from promethios.receiver.maintenance.findings import Finding, Level
from promethios.receiver.store.urls import sqlite_path

_STYLES: Final = {
    Level.OK: ("ok", "green"),
    Level.NOTE: ("note", "cyan"),
    Level.WARNING: ("warning", "yellow"),
    Level.ERROR: ("error", "bold red"),
}
_STATUS: Final = {Level.OK: 0, Level.NOTE: 0, Level.WARNING: 3, Level.ERROR: 4}


@click.command()
@click.argument("db", required=False)
@click.option("--db", "named", metavar="URL_OR_PATH", help="The database, as an option.")
@click.option("--full", is_flag=True, help="Compare indexes with tables too: several times longer.")
@click.option(
    "--min-free-bytes",
    type=click.IntRange(0),
    default=128 * 1024 * 1024,
    envvar="PROMETHIOS_MIN_FREE_BYTES",
    help="The receiver's setting of this name.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def doctor(db: str | None, named: str | None, full: bool, min_free_bytes: int, as_json: bool) -> None:
    """Look at the database DB, and say what to do.

    It may be done while a receiver writes to DB. Nothing is changed.

    Exit status: 0 all is well, 1 it could not be looked at (the reason is on standard error), 2 wrong usage,
    3 something is worth doing, 4 something is wrong.
    """
    path = _path(db, named)
    try:
        found = examine(path, full=full, min_free_bytes=min_free_bytes)
    except OSError as error:
        raise click.ClickException(f"cannot look at {path}: {error.strerror}") from error
    if as_json:
        click.echo(json.dumps(_document(path, found)))
    else:
        _show(Console(), path, found)
    sys.exit(_STATUS[max(each.level for each in found)])


def _path(db: str | None, named: str | None) -> Path:
    if db and named:
        raise click.UsageError("DB and --db name the same: give one of them")
    given = db or named or os.environ.get("PROMETHIOS_DB")
    if not given:
        raise click.UsageError("which database? Give DB, or set PROMETHIOS_DB")
    try:
        path = sqlite_path(given)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not path.is_file():
        raise click.ClickException(f"there is no database {path}")
    return path


def _document(path: Path, found: list[Finding]) -> dict[str, object]:
    worst = max(each.level for each in found)
    return {
        "database": str(path),
        "level": _STYLES[worst][0],
        "findings": [
            {
                "check": each.check,
                "level": _STYLES[each.level][0],
                "message": each.message,
                "advice": each.advice,
            }
            for each in found
        ],
    }


def _show(console: Console, path: Path, found: list[Finding]) -> None:
    console.print(Text(str(path), "bold"), soft_wrap=True)
    for each in found:
        word, style = _STYLES[each.level]
        line = Text.assemble("  ", (f"{word:8}", style), f"{each.check:12}", each.message)
        console.print(line, soft_wrap=True, highlight=False)
        if each.advice:
            console.print(Text(f"{'':10}{'':12}→ {each.advice}"), soft_wrap=True, highlight=False)
