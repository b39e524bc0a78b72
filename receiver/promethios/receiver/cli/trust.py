"""``promethios trust``: why an agent has its score, and whether what is stored is what the decisions say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, select

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import FIRST_TENANT
from promethios.receiver.access.roles import Scope
from promethios.receiver.api.trust import explanation
from promethios.receiver.api.view import View
from promethios.receiver.cli.asking import AskError, api_of, ask
from promethios.receiver.cli.printable import printable
from promethios.receiver.refusal import Refusal
from promethios.receiver.store.connections import snapshot
from promethios.receiver.store.schema import tenants
from promethios.receiver.store.sqlite import StoreError, read_only
from promethios.receiver.store.urls import sqlite_path
from promethios.receiver.trust.replay import differences

_STYLES: Final = {"trusted": "green", "standard": "cyan", "probation": "yellow", "restricted": "bold red"}

_Command = Callable[..., None]


def _database(command: _Command) -> _Command:
    return click.option(
        "--db", metavar="URL_OR_PATH", help="The database; a receiver may hold it meanwhile."
    )(command)


def _receiver(*variables: str) -> Callable[[_Command], _Command]:
    """The options that name a running receiver; `variables` may hold the key."""

    def decorate(command: _Command) -> _Command:
        for option in (
            click.option(
                "--api-key",
                envvar=list(variables),
                metavar="KEY",
                help=f"A key for --url. Others can see command lines: prefer {variables[0]}.",
            ),
            click.option(
                "--url",
                "--endpoint",
                "endpoint",
                metavar="URL",
                help="A running receiver, as http://HOST:PORT.",
            ),
        ):
            command = option(command)
        return command

    return decorate


@click.group()
def trust() -> None:
    """Say how far agents are trusted, and why.

    Exit status: 0 done, 1 it could not be (the reason is on standard error), 2 wrong usage.
    """


@trust.command()
@click.argument("agent")
@_database
@_receiver("PROMETHIOS_READ_KEY", "PROMETHIOS_ADMIN_KEY")
@click.option("--tenant", default=FIRST_TENANT, show_default=True, help="Whose agent, for --db.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def explain(
    agent: str, db: str | None, endpoint: str | None, api_key: str | None, tenant: str, as_json: bool
) -> None:
    """Show an agent's score, what it is made of, what moved it most, and what would raise it."""
    if db and endpoint:
        raise click.UsageError("--db and --url exclude each other")
    if endpoint:
        found = _asked("GET", endpoint, api_key, f"trust/{quote(agent)}")
    else:
        found = _read(db, tenant, agent)
    if as_json:
        click.echo(json.dumps(found))
    else:
        _show(Console(), found)


@trust.command()
@click.argument("agent")
@_receiver("PROMETHIOS_ADMIN_KEY", "PROMETHIOS_READ_KEY")
@click.option("--note", default="", help="What was found; it is kept with the score.")
def acknowledge(agent: str, endpoint: str | None, api_key: str | None, note: str) -> None:
    """End an agent's alarm, with an admin key: somebody has looked into it."""
    if not endpoint:
        raise click.UsageError("--url is needed: the receiver that holds the agent's score")
    body = json.dumps({"note": note}).encode() if note else None
    (row,) = _asked("POST", endpoint, api_key, f"trust/{quote(agent)}/acknowledge", body)["data"]
    click.echo(f"{printable(row['agent_id'])}: {row['score']}, {row['tier']}")


@trust.command()
@_database
def verify(db: str | None) -> None:
    """Compute every score again from the decisions, and compare it with what is stored."""
    with _open(db) as connection:
        agents, wrong = differences(connection)
    for tenant_id, agent_id in wrong:
        click.echo(f"tenant {tenant_id}, agent {agent_id!r}: what is stored is not what its decisions say")
    if wrong:
        raise click.ClickException(f"{len(wrong)} of {agents} agents have another score than their decisions")
    click.echo(f"{agents} agents: every score is what their decisions say")


def _asked(method: str, endpoint: str, api_key: str | None, path: str, body: bytes | None = None) -> Any:
    if not api_key:
        raise click.UsageError(
            "--url needs a key: set PROMETHIOS_READ_KEY, or PROMETHIOS_ADMIN_KEY to acknowledge"
        )
    try:
        return ask(method, f"{api_of(endpoint)}/{path}", api_key, body)
    except AskError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _open(db: str | None) -> Iterator[Connection]:
    try:
        path: Path = sqlite_path(db or os.environ.get("PROMETHIOS_DB") or "promethios.db")
        engine = read_only(path)
    except (StoreError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    try:
        with snapshot(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def _read(db: str | None, tenant: str, agent: str) -> dict[str, Any]:
    with _open(db) as connection:
        tenant_id = connection.scalar(select(tenants.c.id).where(tenants.c.name == tenant))
        if tenant_id is None:
            raise click.ClickException(f"there is no tenant {tenant!r}")
        reader = Principal("", tenant_id, frozenset({Scope.READ}))
        try:
            return explanation(View(connection, reader), agent)
        except Refusal as error:
            raise click.ClickException(f"there is no agent {agent!r} in the tenant {tenant!r}") from error


def _show(console: Console, found: dict[str, Any]) -> None:
    (row,) = found["data"]
    style = _STYLES[row["tier"]]
    head = Text.assemble(
        (printable(row["agent_id"]), "bold"), "  ", (f"{row['score']}  {row['tier']}", style)
    )
    if row["alarmed"]:
        head.append("  alarmed: it changed suddenly", style="bold red")
    console.print(head)
    console.print(_made_of(row), soft_wrap=True, style="dim", highlight=False)
    if found["decisions"]:
        console.print(_movers(found["decisions"]))
    for advice in found["advice"]:
        console.print(f"  → {advice['text']}", soft_wrap=True, highlight=False)


def _made_of(row: dict[str, Any]) -> str:
    return (
        f"{row['decisions']} decisions; remembered: {row['good']:.1f} good, {row['bad']:.1f} bad (weighted). "
        f"At worst {row['bound']:.1%} violate (90 % bound, from {row['evidence']:.1f} with the prior). "
        f"Change {row['change']:.1f} of 8. Method {row['method']}."
    )


def _movers(decisions: list[dict[str, Any]]) -> Table:
    table = Table(box=None, title="What weighs on it", title_justify="left", title_style="bold")
    for name in ("points", "weight"):
        table.add_column(name, justify="right")
    for name in ("decision", "policies", "reason"):
        table.add_column(name, overflow="fold")
    for each in decisions:
        cells = (
            f"-{each['points']}",
            f"{each['weight']:g}",
            each["decision_id"],
            each["policies"],
            each["reason"],
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table
