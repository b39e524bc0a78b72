"""Whether a command means what is in a database, or what a running receiver has."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import click

from promethios.receiver.cli.keystores import DatabaseKeys, KeyStore, KeyStoreError, ServerKeys

T = TypeVar("T")
_Command = Callable[..., None]


def where(command: _Command) -> _Command:
    """The options that say which are meant."""
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


def key_store(db: str | None, url: str | None, api_key: str | None) -> KeyStore:
    """The keys and tenants that the options mean.

    Raises:
        UsageError: They exclude each other, or there is no admin key for a receiver.
    """
    return store_of(db, url, api_key, DatabaseKeys, ServerKeys)


def store_of(
    db: str | None,
    url: str | None,
    api_key: str | None,
    in_database: Callable[[str], T],
    at_receiver: Callable[[str, str], T],
) -> T:
    """What the options mean, made from a database or from a receiver's address and a key.

    Raises:
        UsageError: They exclude each other, or there is no admin key for a receiver.
    """
    if url and db:
        raise click.UsageError("--db and --url exclude each other: a running receiver holds its database")
    if not url:
        return in_database(db or os.environ.get("PROMETHIOS_DB") or "promethios.db")
    if not api_key:
        raise click.UsageError("--url needs an admin key: set PROMETHIOS_ADMIN_KEY or give --api-key")
    return at_receiver(url, api_key)


def attempt(do: Callable[[], T]) -> T:
    """Do it, or end with what went wrong."""
    try:
        return do()
    except KeyStoreError as error:
        raise click.ClickException(str(error)) from error
