"""``promethios dashboards``: the dashboards, out of the package and into Grafana."""

from __future__ import annotations

import json
from pathlib import Path

import click

from promethios.dashboards.export import DEFAULT_URL, ExportError, Written
from promethios.dashboards.export import export as write_export


@click.group()
def dashboards() -> None:
    """Grafana dashboards of a Promethios receiver."""


@dashboards.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The receiver, as Grafana reaches it.")
@click.option("--force", is_flag=True, help="Replace files of the same names that an export did not write.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def export(directory: Path, url: str, force: bool, as_json: bool) -> None:
    """Write the dashboards and the files that provision them into DIR.

    DIR has the layout of Grafana's provisioning folder: copy its content to /etc/grafana/provisioning, or
    mount it there. Exit status 1: nothing was exported, and the message says why.
    """
    try:
        written = write_export(directory, url, force=force)
    except ExportError as wrong:
        raise click.ClickException(str(wrong)) from wrong
    if as_json:
        click.echo(json.dumps({"files": [{"path": str(w.path), "changed": w.changed} for w in written]}))
    else:
        _tell(directory, written)


def _tell(directory: Path, written: list[Written]) -> None:
    for file in written:
        click.echo(f"{'wrote' if file.changed else 'same '} {file.path}")
    click.echo(
        f"\nNext: copy the content of {directory} to /etc/grafana/provisioning, give Grafana a read key in "
        "PROMETHIOS_READ_KEY\nand GF_PLUGINS_PREINSTALL_SYNC=yesoreyeram-infinity-datasource, and restart it."
    )
