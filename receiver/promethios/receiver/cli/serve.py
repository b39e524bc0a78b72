"""``promethios serve``: run a receiver in the foreground."""

from __future__ import annotations

import json
import logging
import os
import signal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from promethios.receiver.access.keyring import FIRST_TENANT
from promethios.receiver.running import Receiver
from promethios.receiver.settings import SettingsError, load_settings
from promethios.receiver.store.lock import DatabaseInUse
from promethios.receiver.store.sqlite import StoreError


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
    """Take OTLP, store it, and answer questions, until SIGTERM or Ctrl-C.

    Every setting can also come from a PROMETHIOS_* variable or from the file of --config.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        receiver = Receiver(load_settings(options, os.environ, config))
    except (SettingsError, DatabaseInUse, StoreError) as error:
        raise click.ClickException(str(error)) from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: receiver.stop())
    _show_first_keys(receiver)
    _announce(receiver, as_json)
    receiver.run()


def _show_first_keys(receiver: Receiver) -> None:
    if keys := receiver.first_keys:
        click.echo(f"New database, tenant '{FIRST_TENANT}'. Its keys are shown this once:", err=True)
        click.echo(f"  admin   {keys.admin}", err=True)
        click.echo(f"  ingest  {keys.ingest}", err=True)


def _announce(receiver: Receiver, as_json: bool) -> None:
    """One line when it is ready: requests are accepted from here on."""
    release = version("promethios")
    if as_json:
        line = json.dumps({"http": receiver.http_url, "grpc": receiver.grpc_target, "version": release})
    else:
        grpc = f", OTLP/gRPC on {receiver.grpc_target}" if receiver.grpc_target else ""
        line = f"Promethios {release}: OTLP/HTTP, API and console on {receiver.http_url}{grpc}"
    click.echo(line)
