"""The Overview: which agents are alive, what they did against the rules, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as m

from promethios.dashboards import fields, palette, panels
from promethios.dashboards.infinity import InfinityQuery, log_lines, number, rate, rows, series, text, time
from promethios.dashboards.panels import Head
from promethios.dashboards.variables import agent_variable, datasource_variable

_STATES: Final = {"2": ("live", palette.GOOD), "1": ("stale", palette.WARN), "0": ("down", palette.BAD)}

_ANY_IS_BAD: Final[fields.Steps] = {None: palette.GOOD, 1: palette.BAD}
_ANY_IS_ODD: Final[fields.Steps] = {None: palette.GOOD, 1: palette.WARN}
_COVERED: Final[fields.Steps] = {None: palette.BAD, 0.9: palette.WARN, 1: palette.GOOD}
#: In microseconds; a person notices an agent that thinks 100 ms longer at each step.
_QUICK: Final[fields.Steps] = {None: palette.GOOD, 10_000: palette.WARN, 100_000: palette.BAD}


def overview() -> build.Dashboard:
    """Build the dashboard ``promethios-overview``."""
    board = (
        build.Dashboard("Promethios / Overview")
        .uid(fields.OVERVIEW_UID)
        .description("Agents, violations and decisions, as the Promethios receiver stored them.")
        .tags(["promethios", "ai-agents", "governance"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(m.DashboardCursorSync.CROSSHAIR)
        .with_variable(datasource_variable())
        .with_variable(agent_variable())
    )
    _add(board, *_strip())
    _add(board.with_row(build.Row("Agents").id(20)), _liveness(), _agents())
    _add(board.with_row(build.Row("Violations").id(30)), _by_severity(), _by_policy(), _violations())
    _add(board.with_row(build.Row("Decisions").id(40)), _rate(), _latency(), _tokens(), _decisions())
    _add(board.with_row(build.Row("Telemetry").id(50)), _ingest(), _log())
    return board


def _add(board: build.Dashboard, *added: Builder[m.Panel]) -> None:
    for panel in added:
        board.with_panel(panel)


def _strip() -> Iterator[Builder[m.Panel]]:
    def stat(
        panel_id: int, title: str, tells: str, column: str, unit: str, steps: fields.Steps | None = None
    ) -> Builder[m.Panel]:
        head = Head(panel_id, title, tells, width=3, height=4)
        return panels.number(head, _stats(column, title), unit, steps)

    yield stat(1, "Live", "Agents heard of in the last 90 seconds.", "agents_live", "none")
    yield stat(2, "Stale", "Agents silent for 90 s to 10 min.", "agents_stale", "none", _ANY_IS_ODD)
    yield stat(3, "Down", "Agents silent for 10 minutes or more.", "agents_down", "none", _ANY_IS_BAD)
    yield stat(
        4, "Critical", "Violations of critical policies, in this range.", "critical", "short", _ANY_IS_BAD
    )
    yield stat(5, "Blocked", "Decisions that stopped an operation, in this range.", "blocked", "short")
    yield stat(
        6,
        "Coverage",
        "Model and tool calls that a decision was made for. Below 100 %, something ran ungoverned.",
        "coverage",
        "percentunit",
        _COVERED,
    )
    yield stat(7, "Policy p95", "Evaluation time that 95 % stay below.", "p95_us", "µs", _QUICK)
    tokens = Head(8, "Tokens", "Input and output tokens of model calls, in this range.", 3, 4)
    yield panels.number(tokens, _stats_total("input_tokens", "output_tokens", "Tokens"), "short")


def _stats(column: str, shown: str) -> InfinityQuery:
    return rows("stats", number(column, shown))


def _stats_total(one: str, other: str, shown: str) -> InfinityQuery:
    # The columns stay in the answer beside their sum; the panel shows the last field.
    query = rows("stats", number(one, one), number(other, other))
    return InfinityQuery(
        query.path, query.columns, params=query.params, computed=(number(f"{one} + {other}", shown),)
    )


def _liveness() -> Builder[m.Panel]:
    head = Head(
        21,
        "Liveness",
        "From the telemetry that arrived: live, stale after 90 s of silence, down after 10 min.",
        width=10,
        height=9,
    )
    return panels.timeline(head, series("liveness", "agent_id"), _STATES)


def _agents() -> Builder[m.Panel]:
    head = Head(22, "Agents", "Every known agent; counts are of this range. A name narrows the page.", 14, 9)
    query = rows(
        "agents",
        text("agent_id", "Agent"),
        text("status", "Status"),
        number("trust", "Trust"),
        text("tier", "Tier"),
        time("last_seen", "Last seen"),
        number("decisions", "Decisions"),
        number("violations", "Violations"),
        number("blocked", "Blocked"),
        number("redacted", "Redacted"),
        number("flagged", "Flagged"),
        number("calls", "Calls"),
        number("governed", "Governed"),
        number("input_tokens", "Tokens in"),
        number("output_tokens", "Tokens out"),
        number("instances", "Instances"),
        text("last_bundle_version", "Policies"),
    )
    overrides = {
        "Agent": fields.agent_link(),
        "Status": fields.badge(palette.STATUSES, 70),
        "Last seen": [fields.unit("dateTimeFromNow"), fields.width(130)],
    }
    return panels.listing(head, query, overrides)


def _by_severity() -> Builder[m.Panel]:
    head = Head(31, "Violations by severity", "Policies that matched, enforced or in shadow.", 14, 8)
    return panels.bars(head, series("violations", "severity"), "short", palette.SEVERITIES)


def _by_policy() -> Builder[m.Panel]:
    head = Head(32, "Violations by policy", "Most violated first, and how many of these were blocked.", 10, 8)
    query = rows(
        "violations/by_policy",
        text("policy_id", "Policy"),
        number("violations", "Violations"),
        number("blocked", "Blocked"),
    )
    overrides = {
        "Violations": [fields.fixed_color(palette.NEUTRAL)],
        "Blocked": [fields.fixed_color(palette.VERDICTS["block"])],
    }
    return panels.ranking(head, query, "Policy", overrides)


def _violations() -> Builder[m.Panel]:
    head = Head(33, "Recent violations", "Newest first. The trace shows what the agent did before.", 24, 9)
    query = rows(
        "violations",
        time(),
        text("severity", "Severity"),
        text("agent_id", "Agent"),
        text("policy_id", "Policy"),
        text("enforced", "Enforced"),
        text("point", "Point"),
        text("tool", "Tool"),
        text("model", "Model"),
        text("reason", "Reason"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Time": [fields.width(170)],
        "Severity": fields.badge(palette.SEVERITIES),
        "Enforced": fields.badge(palette.VERDICTS),
        "Agent": fields.agent_link(),
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides)


def _rate() -> Builder[m.Panel]:
    head = Head(
        41, "Decisions per second", "By what the policies asked for, not yet what was enforced.", 8, 8
    )
    panel = panels.lines(head, rate("decisions", "verdict"), "reqps", palette.VERDICTS)
    return panel.override_by_name("count", fields.hidden())


def _latency() -> Builder[m.Panel]:
    head = Head(
        42, "Evaluation latency", "How long the policies took, in the agent, before it went on.", 8, 8
    )
    return panels.lines(head, series("latency", "quantile"), "µs", palette.QUANTILES)


def _tokens() -> Builder[m.Panel]:
    head = Head(43, "Tokens over time", "Tokens that models read and wrote, for each interval.", 8, 8)
    return panels.bars(head, series("tokens", "direction"), "short", palette.DIRECTIONS)


def _decisions() -> Builder[m.Panel]:
    head = Head(44, "Recent decisions", "Newest first, allowed ones too.", 24, 9)
    query = rows(
        "decisions",
        time(),
        text("verdict", "Verdict"),
        text("enforced", "Enforced"),
        text("agent_id", "Agent"),
        text("point", "Point"),
        text("tool", "Tool"),
        text("model", "Model"),
        text("policies", "Policies"),
        text("reason", "Reason"),
        number("duration_us", "Duration"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Time": [fields.width(170)],
        "Verdict": fields.badge(palette.VERDICTS),
        "Enforced": fields.badge(palette.VERDICTS),
        "Agent": fields.agent_link(),
        "Duration": [fields.unit("µs"), fields.width(90)],
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides)


def _ingest() -> Builder[m.Panel]:
    head = Head(51, "Ingest", "Items per second that the receiver stored.", 10, 8)
    panel = panels.lines(head, rate("ingest", "signal"), "cps", palette.SIGNALS)
    return panel.override_by_name("count", fields.hidden())


def _log() -> Builder[m.Panel]:
    head = Head(52, "Log", "Log records of the agents, newest first.", 14, 8)
    # Grafana looks for the level in a field of that name, and shows the first text field as the line.
    query = log_lines(
        time(),
        text("body", "body"),
        text("severity", "level"),
        text("agent_id", "agent"),
        text("trace_id", "trace"),
    )
    return panels.log(head, query)
