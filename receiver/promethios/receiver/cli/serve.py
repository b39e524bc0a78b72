"""``promethios serve``: run a receiver in the foreground."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from promethios.receiver.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from promethios.receiver.running import FirstKeys, Receiver

# They are loaded late, for they take most of the time to start. Whether they are there is found out now, so
# that the root names the extra that brings them.
for _name in ("alembic", "flask", "grpc", "orjson", "sqlalchemy", "waitress"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(f"No module named {_name!r}", name=_name)


@click.command()
@click.option("--db", metavar="URL_OR_PATH", help="The database: a path, or sqlite:///path.")
@click.option("--http", metavar="HOST:PORT", help="OTLP/HTTP, API and console; port 0 picks a free one.")
@click.option("--grpc", metavar="HOST:PORT|off", help="OTLP/gRPC, or off.")
@click.option("--behind-tls-proxy", is_flag=True, default=None, help="A proxy in front ends TLS.")
@click.option("--tls-cert", metavar="FILE", help="The certificate and its chain (PEM), for HTTP and gRPC.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key (PEM).")
@click.option("--tls-client-ca", metavar="FILE", help="Clients must show a certificate of these authorities.")
@click.option("--max-body-bytes", type=int, metavar="N", help="The largest request, packed and unpacked.")
@click.option("--quota-bytes-per-minute", type=int, metavar="N", help="For each tenant; 0 for any number.")
@click.option("--quota-items-per-minute", type=int, metavar="N", help="For each tenant; 0 for any number.")
@click.option("--alerts", metavar="FILE", help="Alert rules that differ, and to whom alerts are told (YAML).")
@click.option("--self-endpoint", metavar="URL", help="Where the receiver's own metrics are sent over OTLP.")
@click.option("--retention-days", type=int, metavar="N", help="Keeps spans, metrics and logs; 0 for ever.")
@click.option("--evidence-days", type=int, metavar="N", help="Keeps decisions and trust; at least 183.")
@click.option("--max-db-bytes", type=int, metavar="N", help="Deletes the oldest telemetry beyond; 0: none.")
@click.option("--min-free-bytes", type=int, metavar="N", help="Takes nothing when less of the disk is free.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PROMETHIOS_CONFIG",
    help="A TOML file of settings.",
)
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one JSON object.")
def serve(config: Path | None, as_json: bool, **options: Any) -> None:
    """Run a receiver: take OTLP, store it, answer questions.

    It runs until SIGTERM or Ctrl-C. Every setting, also those without an option, can come from a
    PROMETHIOS_* variable or from the file of --config; receiver/README.md lists them all.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    receiver: Receiver | None = None

    def end(*_: object) -> None:
        if receiver is None:
            # It does not serve yet: what was begun is undone on the way out.
            raise SystemExit(0)
        receiver.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    receiver = _started(options, config)
    try:
        receiver.make_first_keys(_show_first_keys)
        _announce(receiver, as_json)
    except BaseException:
        # Such as when nobody reads what it says: it ends in order.
        receiver.stop()
        receiver.run()
        raise
    receiver.run()


#: What Python says when the system gives no thread; it has no type of its own.
_NO_THREAD: Final = "can't start new thread"


def _started(options: dict[str, Any], config: Path | None) -> Receiver:
    try:
        return _made(options, config)
    except RuntimeError as error:
        if str(error) != _NO_THREAD:
            raise
        message = f"cannot start the receiver: {error}: raise the limit of threads of this user or container"
        raise click.ClickException(message) from error


def _made(options: dict[str, Any], config: Path | None) -> Receiver:
    # Loaded here, because it takes most of the time to start, and a signal may come in that time.
    from promethios.receiver.running import Receiver
    from promethios.receiver.store.errors import DatabaseInUse, StoreError

    try:
        receiver = Receiver(load_settings(options, os.environ, config))
        receiver.start()
        return receiver
    except (SettingsError, DatabaseInUse, StoreError) as error:
        raise click.ClickException(str(error)) from error


def _show_first_keys(keys: FirstKeys) -> None:
    click.echo(f"New database, tenant '{keys.tenant}'. Its keys are shown this once:", err=True)
    click.echo(f"  admin   {keys.admin}", err=True)
    click.echo(f"  ingest  {keys.ingest}", err=True)


def _announce(receiver: Receiver, as_json: bool) -> None:
    """One line when it is ready: requests are accepted from here on."""
    release = version("promethios")
    if as_json:
        where = {"http": receiver.http_url, "grpc": receiver.grpc_target}
        line = json.dumps({**where, "version": release, "sqlite": sqlite3.sqlite_version})
    else:
        grpc = f", OTLP/gRPC on {receiver.grpc_target}" if receiver.grpc_target else ""
        line = (
            f"Promethios {release} (SQLite {sqlite3.sqlite_version}): "
            f"OTLP/HTTP, API and console on {receiver.http_url}{grpc}"
        )
    click.echo(line)
