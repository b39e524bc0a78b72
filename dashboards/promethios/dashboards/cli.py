"""``promethios dashboards``: the dashboards and alert rules, out of the package and into Grafana."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from promethios.dashboards.export import Written
from promethios.dashboards.export import export as write_export
from promethios.dashboards.options import DEFAULT_URL, ExportError, Options
from promethios.governance.alerting import RULES, AlertingError, AlertRule, load_rules

_URL = click.option(
    "--url", default=DEFAULT_URL, show_default=True, help="The receiver, as Grafana reaches it."
)
_RULES = click.option(
    "--rules",
    "rules_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that changes alert rules, the same that the receiver is given.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


@click.group()
def dashboards() -> None:
    """Grafana dashboards and alert rules of a Promethios receiver."""


@dashboards.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@_URL
@click.option("--key-file", metavar="PATH", help="Where Grafana finds the read key, instead of a variable.")
@_RULES
@click.option(
    "--alert-webhook",
    envvar="PROMETHIOS_ALERT_WEBHOOK",
    metavar="URL",
    help="Where alerts are posted. Others can see command lines: prefer PROMETHIOS_ALERT_WEBHOOK.",
)
@click.option(
    "--alert-email", envvar="PROMETHIOS_ALERT_EMAIL", metavar="A;B", help="Who gets alerts by mail."
)
@click.option("--force", is_flag=True, help="Replace files of the same names that an export did not write.")
@_JSON
def export(
    directory: Path,
    url: str,
    key_file: str | None,
    rules_path: Path | None,
    alert_webhook: str | None,
    alert_email: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the dashboards, the alert rules and the files that provision them into DIR.

    DIR has the layout of Grafana's provisioning folder: copy its content to /etc/grafana/provisioning, or
    mount it there. Exit status 1: nothing was exported, and the message says why.
    """
    options = Options(url, key_file, _rules(rules_path), alert_webhook or None, alert_email or None)
    try:
        written = write_export(directory, options, force=force)
    except ExportError as wrong:
        raise click.ClickException(str(wrong)) from wrong
    if as_json:
        click.echo(json.dumps({"files": [{"path": str(w.path), "changed": w.changed} for w in written]}))
    else:
        _tell(directory, written, key_file)


def _rules(path: Path | None) -> Sequence[AlertRule]:
    if path is None:
        return RULES
    try:
        return load_rules(path)
    except AlertingError as wrong:
        raise click.ClickException(str(wrong)) from wrong


def _tell(directory: Path, written: list[Written], key_file: str | None) -> None:
    for file in written:
        click.echo(f"{'wrote' if file.changed else 'same '} {file.path}")
    click.echo(
        f"\nNext: copy the content of {directory} to /etc/grafana/provisioning, give Grafana a read key in "
        f"{key_file or 'PROMETHIOS_READ_KEY'}\n"
        "and GF_PLUGINS_PREINSTALL_SYNC=yesoreyeram-infinity-datasource, and restart it."
    )
