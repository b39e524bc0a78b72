"""``promethios keys``: make, list and revoke API keys, in the database or through a running receiver."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import click

from promethios.receiver.access.roles import Scope
from promethios.receiver.cli.keystores import DatabaseKeys, KeyStore, KeyStoreError, ServerKeys

_Command = Callable[..., None]


def _where(command: _Command) -> _Command:
    """The options that say which keys are meant."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Answer as JSON."),
        click.option(
            "--api-key",
            envvar="PROMETHIOS_ADMIN_KEY",
            metavar="KEY",
            help="An admin key, for --url. Others can see command lines: prefer PROMETHIOS_ADMIN_KEY.",
        ),
        click.option("--url", help="A running receiver, as http://HOST:PORT."),
        click.option("--db", metavar="URL_OR_PATH", help="A database that no receiver holds."),
    ):
        command = option(command)
    return command


def _store(db: str | None, url: str | None, api_key: str | None) -> KeyStore:
    if url and db:
        raise click.UsageError("--db and --url exclude each other: a running receiver holds its database")
    if not url:
        return DatabaseKeys(db or os.environ.get("PROMETHIOS_DB") or "promethios.db")
    if not api_key:
        raise click.UsageError("--url needs an admin key: set PROMETHIOS_ADMIN_KEY or give --api-key")
    return ServerKeys(url, api_key)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    With --db on the database while no receiver holds it; with --url and an admin key through a running one.
    """


@keys.command()
@_where
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
    made = _attempt(lambda: _store(db, url, api_key).create(request))
    click.echo(
        json.dumps(made) if as_json else f"{made['key']}\n(id {made['key_id']}; it is not shown again)"
    )


@keys.command("list")
@_where
def list_(db: str | None, url: str | None, api_key: str | None, as_json: bool) -> None:
    """List keys, without their secrets."""
    rows = _attempt(lambda: _store(db, url, api_key).list())
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        state = "revoked" if row["revoked"] else "valid"
        agent = f"  agent {row['agent']}" if row["agent"] else ""
        click.echo(f"{row['key_id']}  {state:7}  {row['tenant']}  {row['scopes']}{agent}")


@keys.command()
@_where
@click.argument("key_id")
def revoke(db: str | None, url: str | None, api_key: str | None, as_json: bool, key_id: str) -> None:
    """Revoke the key with this id; it stops working within 5 seconds."""
    _attempt(lambda: _store(db, url, api_key).revoke(key_id))
    click.echo(json.dumps({"revoked": key_id}) if as_json else f"Revoked {key_id}.")


def _attempt(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except KeyStoreError as error:
        raise click.ClickException(str(error)) from error
