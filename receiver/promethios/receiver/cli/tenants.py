"""``promethios tenants``: list tenants, and give them quotas of their own."""

from __future__ import annotations

import json
from typing import Any

import click

from promethios.receiver.cli.where import attempt, key_store, where


@click.group()
def tenants() -> None:
    """List tenants, and give them quotas.

    With --db on the database while no receiver holds it; with --url and an admin key through a running one.
    """


@tenants.command("list")
@where
def list_(db: str | None, url: str | None, api_key: str | None, as_json: bool) -> None:
    """List tenants and their own quotas."""
    rows = attempt(lambda: key_store(db, url, api_key).tenants())
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(_line(row))


def _number(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "default":
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise click.BadParameter(f"{value!r} is not a whole number of up to 15 digits, or 'default'")
    return int(value)


@tenants.command()
@where
@click.argument("tenant")
@click.option(
    "--bytes-per-minute",
    callback=_number,
    metavar="N|default",
    help="Of telemetry, unpacked; 0 for any number.",
)
@click.option(
    "--items-per-minute",
    callback=_number,
    metavar="N|default",
    help="Spans, points and records; 0 for any number.",
)
def quota(
    db: str | None,
    url: str | None,
    api_key: str | None,
    as_json: bool,
    tenant: str,
    bytes_per_minute: int | str | None,
    items_per_minute: int | str | None,
) -> None:
    """Give a tenant a quota of its own; `default` is what the receiver's settings say."""
    given = {"quota_bytes_per_minute": bytes_per_minute, "quota_items_per_minute": items_per_minute}
    changes = {
        name: None if number == "default" else number for name, number in given.items() if number is not None
    }
    if not changes:
        raise click.UsageError("nothing to change: give --bytes-per-minute or --items-per-minute")
    row = attempt(lambda: key_store(db, url, api_key).set_quota(tenant, changes))
    click.echo(json.dumps(row) if as_json else _line(row))


def _line(row: dict[str, Any]) -> str:
    parts = []
    for what in ("bytes", "items"):
        number = row[f"quota_{what}_per_minute"]
        shown = {None: "as the settings say", 0: "any number"}.get(number, str(number))
        parts.append(f"{what} a minute: {shown}")
    return f"{row['tenant']}  {', '.join(parts)}"
