"""What `promethios status` shows: asked of a receiver, judged, and laid out for a terminal of any width."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from promethios.receiver.cli.asking import AskError, api_of, ask
from promethios.receiver.cli.printable import printable

Row = Mapping[str, Any]

_STATUSES: Final = {"down": "bold red", "stale": "yellow", "live": "green", "stopped": "dim"}
_SEVERITIES: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_TIERS: Final = {"trusted": "green", "standard": "cyan", "probation": "yellow", "restricted": "bold red"}
#: Columns of agents: what it is called, its field, and the width of a terminal from which it is shown.
_COLUMNS: Final = (
    ("agent", "agent_id", 0),
    ("status", "status", 0),
    ("trust", "trust", 0),
    ("violations", "violations", 44),
    ("blocked", "blocked", 60),
    ("decisions", "decisions", 70),
    ("last seen", "last_seen", 84),
)
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a receiver and its agents stand.

    Args:
        url: The receiver's address.
        receiver: Its row of `status`.
        stats: Its row of `stats`, over the last six hours.
        agents: Its agents.
        alerts: Alerts that fire; None where the receiver has none to tell of.
    """

    url: str
    receiver: Row
    stats: Row
    agents: Sequence[Row]
    alerts: Sequence[Row] | None

    @classmethod
    def ask(cls, url: str, api_key: str) -> Standing:
        """Ask a running receiver.

        Raises:
            AskError: It gives no answer, or refuses.
        """
        api = api_of(url)
        (receiver,), (stats,) = (_rows(f"{api}/{path}", api_key) for path in ("status", "stats"))
        agents = sorted(_all(f"{api}/agents", api_key), key=_worst_first)
        return cls(url, receiver, stats, agents, _alerts(api, api_key))

    @property
    def document(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "receiver": self.receiver,
            "stats": self.stats,
            "agents": list(self.agents),
            "alerts": None if self.alerts is None else list(self.alerts),
        }

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at, in words."""
        down = [each["agent_id"] for each in self.agents if each["status"] == "down"]
        firing = [each["title"] for each in self.alerts or ()]
        return [f"agent {name!r} is down" for name in down] + [f"alert {name!r} fires" for name in firing]


def _rows(address: str, api_key: str) -> list[Row]:
    answer = ask("GET", address, api_key)
    try:
        return list(answer["data"])
    except (KeyError, TypeError) as error:
        raise AskError(f"{address}: the answer is not a receiver's of this version") from error


def _all(address: str, api_key: str) -> Iterator[Row]:
    """Every row, page by page."""
    cursor = ""
    while True:
        answer = ask("GET", f"{address}?cursor={cursor}", api_key)
        yield from answer["data"]
        cursor = answer.get("cursor", "")
        if not cursor:
            return


def _alerts(api: str, api_key: str) -> list[Row] | None:
    try:
        return _rows(f"{api}/alerts?state=firing", api_key)
    except AskError as error:
        if error.status == 404:
            return None
        raise


def _worst_first(agent: Row) -> tuple[int, int, str]:
    statuses = list(_STATUSES)
    place = statuses.index(agent["status"]) if agent["status"] in statuses else len(statuses)
    return place, agent["trust"], agent["agent_id"]


@dataclass(frozen=True, slots=True)
class Page:
    """A standing on a terminal; with `rows` given, cut to so many lines of agents.

    Args:
        standing: What to show.
        rows: The most agents; None for all.
    """

    standing: Standing
    rows: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        standing, now = self.standing, time.time() * 1_000
        yield _head(standing, now)
        yield _numbers(standing.stats)
        yield from map(_alert, standing.alerts or ())
        if not standing.agents:
            yield Text("No agent has been heard of yet.", "dim")
            return
        shown = standing.agents[: self.rows]
        yield _agents(shown, options.max_width, now)
        if len(shown) < len(standing.agents):
            yield Text(f"and {len(standing.agents) - len(shown)} more", "dim")


def _head(standing: Standing, now: float) -> Text:
    last = standing.receiver["last_ingest"]
    heard = "nothing has come yet" if last is None else f"last telemetry {_ago(last, now)}"
    version = printable(str(standing.receiver["version"]))
    return Text.assemble(("Promethios", "bold"), f" {version} at {printable(standing.url)}, ", (heard, "dim"))


def _numbers(stats: Row) -> Text:
    """The numbers of the last six hours; what is bad has a colour only where there is any."""
    parts = [
        *((f"{stats[f'agents_{name}']} {name}", _STATUSES[name], name) for name in ("live", "stale", "down")),
        (f"{stats['decisions']} decisions", "", ""),
        (f"{stats['blocked']} blocked", "", ""),
        (f"{stats['violations']} violations", "", ""),
        (f"{stats['critical']} critical", "bold red", "critical"),
    ]
    line = Text()
    for words, style, _ in parts:
        line.append(", " if line else "")
        line.append(words, style if not words.startswith("0 ") else "dim")
    coverage = stats["coverage"]
    if coverage is not None:
        line.append(f", {coverage:.0%} of calls governed")
    return line


def _alert(alert: Row) -> Text:
    style = _SEVERITIES.get(alert["severity"], "")
    named = f" {printable(alert['agent_id'])}" if alert["agent_id"] else ""
    return Text.assemble(
        (f"{printable(alert['severity'])}: ", style), printable(alert["title"]), (named, "bold")
    )


def _agents(agents: Sequence[Row], width: int, now: float) -> Table:
    columns = [(name, field) for name, field, least in _COLUMNS if width >= least]
    table = Table(box=None, pad_edge=False, expand=False)
    for name, field in columns:
        numeric = field not in ("agent_id", "status", "trust")
        table.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if field == "agent_id" else len(name),
        )
    for agent in agents:
        table.add_row(*(_cell(agent, field, now) for _, field in columns))
    return table


def _cell(agent: Row, field: str, now: float) -> Text:
    if field == "status":
        return Text(printable(agent["status"]), _STATUSES.get(agent["status"], ""))
    if field == "trust":
        return Text(f"{agent['trust']:>4} {printable(agent['tier'])}", _TIERS.get(agent["tier"], ""))
    if field == "last_seen":
        return Text(_ago(agent["last_seen"], now), "dim")
    return Text(printable(str(agent[field])))


def _ago(when: int, now: float) -> str:
    seconds = int(max(0, now - when) // 1_000)
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "now"
