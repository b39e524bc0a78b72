"""``promethios keys``: make, list, rotate and revoke keys, in the database or through a running receiver."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import click

from promethios.receiver.access.roles import Scope
from promethios.receiver.api.keys import LONGEST_OVERLAP
from promethios.receiver.cli.durations import duration
from promethios.receiver.cli.where import attempt, key_store, where


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke API keys.

    With --db on the database while no receiver holds it; with --url and an admin key through a running one.
    """


@keys.command()
@where
@click.option("--tenant", help="Whose data; made when new. Default: `default`, or the admin key's.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="May be repeated.",
)
@click.option("--agent", metavar="ID", help="The one agent that the key speaks for.")
@click.option(
    "--environment", default="live", show_default=True, help="A word in the key's text, for people."
)
@click.option("--days", type=click.IntRange(1, 36_500), metavar="N", help="Expires after so many days.")
def create(
    db: str | None,
    url: str | None,
    api_key: str | None,
    as_json: bool,
    scopes: tuple[str, ...],
    **wanted: Any,
) -> None:
    """Make a key and show it, this once."""
    request = {
        "scope": ",".join(scopes),
        **{name: value for name, value in wanted.items() if value is not None},
    }
    made = attempt(lambda: key_store(db, url, api_key).create(request))
    _show(made, as_json, f"id {made['key_id']}; it is not shown again")


@keys.command("list")
@where
def list_(db: str | None, url: str | None, api_key: str | None, as_json: bool) -> None:
    """List keys, without their secrets."""
    rows = attempt(lambda: key_store(db, url, api_key).list())
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        state = _state(row, time.time() * 1_000)
        agent = f"  agent {row['agent']}" if row["agent"] else ""
        used = f"  last used {_moment(row['last_used'])}" if row["last_used"] else "  never used"
        ends = f"  until {_moment(row['expires'])}" if row["expires"] else ""
        click.echo(f"{row['key_id']}  {state:7}  {row['tenant']}  {row['scopes']}{agent}{ends}{used}")


def _state(row: dict[str, Any], now: float) -> str:
    if row["revoked"]:
        return "revoked"
    return "expired" if row["expires"] and row["expires"] <= now else "valid"


def _moment(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


@keys.command()
@where
@click.argument("key_id")
def revoke(db: str | None, url: str | None, api_key: str | None, as_json: bool, key_id: str) -> None:
    """Revoke the key with this id; it stops working within 5 seconds."""
    attempt(lambda: key_store(db, url, api_key).revoke(key_id))
    click.echo(json.dumps({"revoked": key_id}) if as_json else f"Revoked {key_id}.")


@keys.command()
@where
@click.argument("key_id")
@click.option(
    "--overlap",
    callback=duration(LONGEST_OVERLAP),
    default="24h",
    show_default=True,
    help="For how long the old key goes on, such as 30m, 24h or 7d.",
)
def rotate(
    db: str | None, url: str | None, api_key: str | None, as_json: bool, key_id: str, overlap: int
) -> None:
    """Make a key that takes the place of the one with this id, and show it, this once.

    It may do the same, and lives as long. The old one goes on meanwhile: `list` says when it was last used.
    """
    made = attempt(lambda: key_store(db, url, api_key).rotate(key_id, overlap))
    told = f"id {made['key_id']}; it is not shown again. {key_id} goes on for {overlap} s"
    _show(made, as_json, told)


def _show(made: dict[str, Any], as_json: bool, told: str) -> None:
    """A new key alone on standard output, for ``KEY=$(promethios keys create …)``; the rest beside it."""
    click.echo(json.dumps(made) if as_json else made["key"])
    if not as_json:
        click.echo(f"({told})", err=True)
