"""``promethios policies``: work with policy files before an agent does."""

from __future__ import annotations

import json
from typing import Any

import click

from promethios.governance.policies.loader import load_with_notes
from promethios.governance.policies.problems import PolicyError, Problem


@click.group()
def policies() -> None:
    """Check and test policy files."""


@policies.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
@click.option("--verbose", is_flag=True, help="Also say what became of the policies of extended bundles.")
def check(files: tuple[str, ...], as_json: bool, verbose: bool) -> None:
    """Say whether policy files can be used, and list every mistake in those that cannot.

    FILE may also be a bundle of the library, such as promethios:baseline. Exits with 0 if all files are
    good, with 1 if one is not.
    """
    results = [_check(file) for file in files]
    if as_json:
        click.echo(json.dumps({"data": results}, indent=2))
    else:
        for result in results:
            _print(result, verbose)
    if not all(result["ok"] for result in results):
        raise SystemExit(1)


def _check(file: str) -> dict[str, Any]:
    try:
        bundle, notes = load_with_notes(file)
    except PolicyError as error:
        return {"file": file, "ok": False, "problems": [_problem(error, each) for each in error.problems]}
    identity = {"name": bundle.id.name, "version": bundle.id.version, "hash": bundle.id.hash}
    return {
        "file": file,
        "ok": True,
        "problems": [],
        "bundle": identity,
        "policies": len(bundle.policies),
        "sources": list(bundle.sources),
        "notes": list(notes),
    }


def _problem(error: PolicyError, each: Problem) -> dict[str, Any]:
    return {
        "file": each.source or error.source,
        "line": each.line,
        "column": each.column,
        "message": each.message,
        "hint": each.hint,
    }


def _print(result: dict[str, Any], verbose: bool) -> None:
    file = result["file"]
    if result["ok"]:
        bundle = result["bundle"]
        count = result["policies"]
        noun = "policy" if count == 1 else "policies"
        click.echo(f"{file}: {count} {noun}, {bundle['name']} {bundle['version']} ({bundle['hash'][:12]})")
        for note in result["notes"] if verbose else ():
            click.echo(f"  {note}")
    for each in result["problems"]:
        _complain(each)


def _complain(problem: dict[str, Any]) -> None:
    hint = f"; {problem['hint']}" if problem["hint"] else ""
    place = f"{problem['file']}:{problem['line']}:{problem['column']}"
    click.echo(f"{place}: {problem['message']}{hint}", err=True)


@policies.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors and for checks in other languages."""
    from promethios.governance.policies.schema import schema

    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))


@policies.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
@click.option("--verbose", is_flag=True, help="Also name the policies that no case matches.")
def test(paths: tuple[str, ...], as_json: bool, verbose: bool) -> None:
    """Run the cases of files, and of folders with such files, against their policies.

    Exits with 0 if every case passes, with 1 if one fails, with 2 if a file of cases or the policies that it
    names cannot be used.
    """
    from promethios.governance.policies import cases
    from promethios.governance.policies.cases import files, report

    try:
        found = [case for file in files.case_files(paths) for case in cases.load_cases(file)]
    except PolicyError as error:
        for each in error.problems:
            _complain(_problem(error, each))
        raise SystemExit(2) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    outcomes = [cases.run_case(case) for case in found]
    if as_json:
        click.echo(json.dumps(report.as_json(outcomes), indent=2))
    else:
        for line in report.lines(outcomes, verbose=verbose):
            click.echo(line)
    if any(outcome.failures for outcome in outcomes):
        raise SystemExit(1)
