"""``promethios policies``: work with policy files before an agent does."""

from __future__ import annotations

import json
from typing import Any

import click

from promethios.governance.policies.loader import load_bundle
from promethios.governance.policies.problems import PolicyError


@click.group()
def policies() -> None:
    """Check policy files."""


@policies.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Say whether policy files can be used, and list every mistake in those that cannot.

    FILE may also be a bundle of the library, such as promethios:baseline. Exits with 0 if all files are
    good, with 1 if one is not.
    """
    results = [_check(file) for file in files]
    if as_json:
        click.echo(json.dumps({"data": results}, indent=2))
    else:
        for result in results:
            _print(result)
    if not all(result["ok"] for result in results):
        raise SystemExit(1)


def _check(file: str) -> dict[str, Any]:
    try:
        bundle = load_bundle(file)
    except PolicyError as error:
        mistakes = [
            {"line": each.line, "column": each.column, "message": each.message, "hint": each.hint}
            for each in error.problems
        ]
        return {"file": file, "ok": False, "problems": mistakes}
    identity = {"name": bundle.id.name, "version": bundle.id.version, "hash": bundle.id.hash}
    return {"file": file, "ok": True, "problems": [], "bundle": identity, "policies": len(bundle.policies)}


def _print(result: dict[str, Any]) -> None:
    file = result["file"]
    if result["ok"]:
        bundle = result["bundle"]
        count = result["policies"]
        noun = "policy" if count == 1 else "policies"
        click.echo(f"{file}: {count} {noun}, {bundle['name']} {bundle['version']} ({bundle['hash'][:12]})")
    for each in result["problems"]:
        hint = f"; {each['hint']}" if each["hint"] else ""
        click.echo(f"{file}:{each['line']}:{each['column']}: {each['message']}{hint}", err=True)
