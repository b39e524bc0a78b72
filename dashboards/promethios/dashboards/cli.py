"""``promethios dashboards``: the dashboards and alert rules, out of the package and into Grafana."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from promethios.dashboards.export import Written
from promethios.dashboards.export import export as write_export
from promethios.dashboards.options import DEFAULT_URL, ExportError, Options, validate_url
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

#: What a push says that it did, and that it would do.
_SAID: Final = {
    False: {"created": "created", "updated": "updated", "same": "same", "left": "left"},
    True: {"created": "would create", "updated": "would update", "same": "same", "left": "would leave"},
}


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


@dashboards.command()
@click.option("--grafana", "grafana_url", required=True, metavar="URL", help="Grafana, with its sub-path.")
@_URL
@_RULES
@click.option("--dry-run", is_flag=True, help="Look, and say what would be done.")
@_JSON
def push(grafana_url: str, url: str, rules_path: Path | None, dry_run: bool, as_json: bool) -> None:
    """Install the data sources, the dashboards and the alert rules in a running Grafana, or update them.

    Who pushes is in the environment: GRAFANA_TOKEN, a service account's with the role Admin, or GRAFANA_USER
    and GRAFANA_PASSWORD. PROMETHIOS_READ_KEY is what the data sources ask the receiver with; without it they
    keep the key that they have. Exit status 1: it was not all installed, and the message says why.
    """
    # Loaded here, because an export needs no HTTP client.
    from promethios.dashboards.grafana import Grafana, PushError, credentials
    from promethios.dashboards.push import Push

    key = os.environ.get("PROMETHIOS_READ_KEY") or None
    try:
        address = validate_url(
            grafana_url, "--grafana", "Grafana's credentials are taken from the environment"
        )
        with Grafana(address, credentials(os.environ)) as grafana:
            pushed = Push(grafana, Options(url, rules=_rules(rules_path)), key, dry_run=dry_run).run()
    except (ExportError, PushError) as wrong:
        raise click.ClickException(str(wrong)) from wrong
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "pushed": [asdict(each) for each in pushed]}))
        return
    for each in pushed:
        why = f" ({each.why})" if each.why else ""
        click.echo(f"{_SAID[dry_run][each.did]:12} {each.kind} {each.uid}{why}")


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
