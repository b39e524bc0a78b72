"""What agents use: models, tools, tokens and money, conversation by conversation."""

from __future__ import annotations

from typing import Final

from promethios.dashboards import fields, links, palette, panels, plots
from promethios.dashboards.infinity import number, rows, series, text
from promethios.dashboards.panels import Place, Ranking, Table
from promethios.dashboards.plots import Lines

_TO_AGENT: Final = ("Open agent", links.LINE_TO_AGENT)

#: What became of calls of a tool, worst first: a column of the route, its name, its colour.
_OUTCOMES: Final = (
    ("blocked", "Blocked", palette.VERDICTS["block"]),
    ("approved", "Approval", palette.VERDICTS["approve"]),
    ("redacted", "Redacted", palette.VERDICTS["redact"]),
    ("flagged", "Flagged", palette.VERDICTS["flag"]),
    ("allowed", "Allowed", palette.VERDICTS["allow"]),
)


def tokens(place: Place) -> Lines:
    """Tokens in and out."""
    head = place.head("Tokens over time", "Tokens that models read and wrote, for each interval.")
    return plots.bars(head, series("tokens", "direction"), "short", palette.DIRECTIONS)


def cost(place: Place) -> Lines:
    """Money by agent."""
    tells = "US dollars for each interval, of models whose price is known."
    query = series("cost", "agent_id")
    return plots.bars(place.head("Cost by agent", tells), query, "currencyUSD", {}, _TO_AGENT)


def tools(place: Place) -> Ranking:
    """What became of calls of each tool."""
    head = place.head("Tools by outcome", "Decisions about calls of each tool, by what was enforced.")
    columns = (number(column, shown) for column, shown, _ in _OUTCOMES)
    overrides = {shown: [fields.fixed_color(color)] for _, shown, color in _OUTCOMES}
    return panels.ranking(
        head, rows("tools", text("tool", "Tool"), *columns), "Tool", overrides, stacked=True
    )


def models(place: Place) -> Table:
    """Calls, tokens and money by model."""
    head = place.head("Models", "Calls of each model with their tokens and price; most calls first.")
    query = rows(
        "models",
        text("model", "Model"),
        text("provider", "Provider"),
        number("calls", "Calls"),
        number("errors", "Errors"),
        number("p95_ms", "p95"),
        number("input_tokens", "Tokens in"),
        number("output_tokens", "Tokens out"),
        number("cost_usd", "Cost"),
        number("last_seen", "Last seen"),
    )
    overrides = {
        "Model": [fields.width(160)],
        "Provider": [fields.width(100)],
        **fields.narrow("Calls", "Errors", "Tokens in", "Tokens out"),
        "p95": fields.measured("ms"),
        "Cost": fields.money(),
        "Last seen": fields.ago("never"),
    }
    return panels.listing(head, query, overrides)


def conversations(place: Place) -> Table:
    """Conversations with what was decided in them."""
    head = place.head("Conversations", "The latest first, with the newest trace of each.")
    query = rows(
        "conversations",
        text("conversation_id", "Conversation"),
        text("agent_id", "Agent"),
        number("first_seen", "Began"),
        number("last_seen", "Last seen"),
        number("decisions", "Decisions"),
        number("violations", "Violations"),
        number("blocked", "Blocked"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Conversation": [fields.width(320)],
        "Agent": fields.agent_link(),
        "Began": fields.ago("never"),
        "Last seen": fields.ago("never"),
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides)
