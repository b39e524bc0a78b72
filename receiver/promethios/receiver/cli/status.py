"""``promethios status``: agents, trust, violations and alerts of a running receiver, in a terminal."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from typing import Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from promethios.receiver.cli.asking import AskError
from promethios.receiver.cli.standing import Page, Standing

_URL: Final = "http://127.0.0.1:4318"
#: How many lines of a page that is drawn again and again are no agents.
_OTHER_LINES: Final = 6
_TROUBLE: Final = 3


def _pause(_: click.Context, __: click.Parameter, seconds: float | None) -> float | None:
    """What is no number is in every range."""
    if seconds is not None and math.isnan(seconds):
        raise click.BadParameter("nan is no number of seconds")
    return seconds


@click.command()
@click.option(
    "--url",
    envvar="PROMETHIOS_URL",
    default=_URL,
    show_default=True,
    metavar="URL",
    help="The receiver; PROMETHIOS_URL too.",
)
@click.option(
    "--api-key",
    envvar=["PROMETHIOS_READ_KEY", "PROMETHIOS_ADMIN_KEY", "PROMETHIOS_API_KEY"],
    metavar="KEY",
    help="A key that reads. Others can see command lines: prefer PROMETHIOS_READ_KEY.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON; a line each time with --watch.")
@click.option(
    "--watch",
    type=click.FloatRange(0.2, 3_600),
    is_flag=False,
    flag_value=2.0,
    default=None,
    callback=_pause,
    metavar="[SECONDS]",
    help="Show it anew every SECONDS (2 where left out), until Ctrl-C.",
)
@click.option("--check", is_flag=True, help="End with 3 where an agent is down or an alert fires.")
def status(url: str, api_key: str | None, as_json: bool, watch: float | None, check: bool) -> None:
    """Say how a running receiver and its agents stand: trust, violations, alerts, what came last.

    Counts are of the last six hours.

    Exit status: 0 done, 1 the receiver could not be asked (the reason is on standard error), 2 wrong usage,
    3 with --check: an agent is down, or an alert fires.
    """
    if not api_key:
        raise click.UsageError("a key that reads is needed: set PROMETHIOS_READ_KEY or give --api-key")
    if check and watch is not None:
        raise click.UsageError("--check and --watch exclude each other: a watch ends when it is ended")
    try:
        standing = Standing.ask(url, api_key)
    except AskError as error:
        raise click.ClickException(str(error)) from error
    if watch is None:
        _say(standing, as_json)
        sys.exit(_report(standing) if check else 0)
    try:
        _watch(standing, api_key, watch, as_json)
    except KeyboardInterrupt:
        sys.exit(0)


def _say(standing: Standing, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(standing.document))
    else:
        Console(highlight=False).print(Page(standing))


def _report(standing: Standing) -> int:
    """Say on standard error what is wrong; the exit status."""
    for trouble in standing.troubles:
        click.echo(trouble, err=True)
    return _TROUBLE if standing.troubles else 0


def _watch(standing: Standing, api_key: str, seconds: float, as_json: bool) -> None:
    console = Console(highlight=False)
    if as_json or not console.is_terminal:
        _say(standing, as_json)
        for found in _asked_again(standing.url, api_key, seconds):
            if isinstance(found, Standing):
                _say(found, as_json)
            else:
                click.echo(str(found), err=True)
    with Live(_fitting(console, standing), console=console, screen=True, auto_refresh=False) as live:
        for found in _asked_again(standing.url, api_key, seconds):
            standing = found if isinstance(found, Standing) else standing
            fault = "" if isinstance(found, Standing) else str(found)
            live.update(_fitting(console, standing, fault), refresh=True)


def _asked_again(url: str, api_key: str, seconds: float) -> Iterator[Standing | AskError]:
    """How things stand, or why that cannot be said, after each pause, without end."""
    while True:
        time.sleep(seconds)
        try:
            yield Standing.ask(url, api_key)
        except AskError as error:
            yield error


def _fitting(console: Console, standing: Standing, fault: str = "") -> RenderableType:
    """What a terminal of this height can show; what was known stays where nothing is known anew."""
    rows = max(1, console.height - _OTHER_LINES - len(standing.alerts or ()))
    return Group(Text(fault, "bold red"), Page(standing, rows))
