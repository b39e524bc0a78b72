"""``promethios alerts``: what fires, what is silenced, and whether the file of alerts is right."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import Any

import click

from promethios.governance.alerting import RULES, AlertingError
from promethios.receiver.alerts.channels import Channel
from promethios.receiver.alerts.configuration import Alerting, load_alerting
from promethios.receiver.alerts.delivery import sender
from promethios.receiver.alerts.letters import check_letters, send_letter
from promethios.receiver.alerts.messages import encode, message
from promethios.receiver.alerts.outcome import NotSent
from promethios.receiver.alerts.webhook import Webhooks
from promethios.receiver.api.alerts import LONGEST
from promethios.receiver.cli.alertstores import alert_store
from promethios.receiver.cli.durations import duration
from promethios.receiver.cli.where import attempt, where


@click.group()
def alerts() -> None:
    """See which alerts fire, silence them, and check who is told.

    With --db on the database while no receiver holds it; with --url and an admin key through a running one.
    """


@alerts.command("list")
@where
@click.option("--silences", is_flag=True, help="List what is silenced instead.")
def list_(db: str | None, url: str | None, api_key: str | None, as_json: bool, silences: bool) -> None:
    """List alerts that are pending or firing, and those that were resolved lately."""
    store = alert_store(db, url, api_key)
    rows = attempt(store.silences if silences else store.alerts)
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(_silence(row) if silences else _alert(row))


def _alert(row: dict[str, Any]) -> str:
    quiet = "  silenced" if row["silenced"] else ""
    return f"{row['state']:8}  {row['severity']:8}  since {_moment(row['since'])}  {row['summary']}{quiet}"


def _silence(row: dict[str, Any]) -> str:
    what = f"{row['rule'] or 'every rule'}  agent {row['agent_id'] or 'any'}"
    until = _moment(row["until"])
    return f"{row['silence_id']}  {what}  until {until}  {row['reason']}, said {row['author']}"


def _moment(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


@alerts.command()
@where
@click.option("--rule", default="", help=f"The rule: {', '.join(rule.id for rule in RULES)}.")
@click.option("--agent", default="", metavar="ID", help="The agent.")
@click.option("--reason", required=True, help="Why, for whoever wonders.")
@click.option("--author", default="", metavar="NAME", help="Who says so; the key's id is noted anyway.")
@click.option(
    "--for",
    "seconds",
    callback=duration(LONGEST),
    default="2h",
    show_default=True,
    help="For how long, such as 30m, 24h or 7d.",
)
def silence(db: str | None, url: str | None, api_key: str | None, as_json: bool, **body: Any) -> None:
    """Tell nothing of a rule, of an agent, or of both together for a while."""
    made = attempt(lambda: alert_store(db, url, api_key).silence(body))
    click.echo(json.dumps(made) if as_json else _silence(made))


@alerts.command()
@where
@click.argument("silence_id")
def unsilence(db: str | None, url: str | None, api_key: str | None, as_json: bool, silence_id: str) -> None:
    """End a silence: what it kept back is told."""
    attempt(lambda: alert_store(db, url, api_key).unsilence(silence_id))
    click.echo(json.dumps({"ended": silence_id}) if as_json else f"Ended {silence_id}.")


@alerts.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def check(file: str, as_json: bool) -> None:
    """Check a file of alerts, with the secrets that the environment has: rules, channels."""
    alerting = _read(file)
    if as_json:
        click.echo(json.dumps(_described(alerting)))
        return
    for rule in alerting.rules:
        state = f"{rule.comparison} {rule.threshold:g} for {rule.for_seconds} s" if rule.enabled else "off"
        click.echo(f"{rule.id:22}  {rule.severity:8}  {state}")
    for channel in alerting.channels:
        click.echo(f"channel {channel.name}: {channel.target}, {', '.join(channel.severities)}")


def _described(alerting: Alerting) -> dict[str, Any]:
    """What a file says; no address and no secret of a channel."""
    shown = ("id", "enabled", "severity", "comparison", "threshold", "for_seconds", "window_seconds")
    return {
        "rules": [{name: getattr(rule, name) for name in shown} for rule in alerting.rules],
        "channels": [
            {"name": each.name, "target": each.target, "severities": each.severities, "rules": each.rules}
            for each in alerting.channels
        ],
    }


@alerts.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--channel", "only", metavar="NAME", help="This one only.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def test(file: str, only: str | None, as_json: bool) -> None:
    """Send a test message to every channel of a file of alerts; exits with 1 if one could not be told."""
    alerting = _read(file)
    channels = [each for each in alerting.channels if only in (None, each.name)]
    if not channels:
        raise click.ClickException(f"{file} has no channel {only!r}" if only else f"{file} has no channels")
    outcomes = {channel.name: _try(alerting, channel) for channel in channels}
    if as_json:
        click.echo(json.dumps(outcomes))
    else:
        for name, why in outcomes.items():
            click.echo(f"{name}: {why or 'sent'}")
    if any(outcomes.values()):
        raise SystemExit(1)


def _try(alerting: Alerting, channel: Channel) -> str | None:
    """Why a channel could not be told; None where it was."""
    content = message("", alerting.rules[0], [], time.time_ns(), alerting.link)
    content |= {
        "rule": "test",
        "title": "Test of a channel",
        "description": "Sent by `promethios alerts test`. Nothing is wrong.",
        "severity": "info",
    }
    send = sender(Webhooks(alerting.allow_networks).send, send_letter)
    try:
        send(channel, content["id"], encode(content).encode())
    except NotSent as error:
        return str(error)
    return None


def _read(file: str) -> Alerting:
    try:
        alerting = load_alerting(file, os.environ)
    except AlertingError as error:
        raise click.ClickException(str(error)) from error
    for channel in alerting.channels:
        if channel.url and (why := check_letters(channel)):
            raise click.ClickException(f"{file}: channel '{channel.name}': {why}")
    return alerting
