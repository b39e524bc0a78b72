"""What was decided: how much, how fast, and whether it was acted on."""

from __future__ import annotations

from typing import Final

from promethios.dashboards import fields, palette, panels, plots
from promethios.dashboards.infinity import InfinityQuery, number, rate, rows, series, text, time
from promethios.dashboards.panels import Place, Table
from promethios.dashboards.plots import Density, Lines

_COLUMNS: Final = (
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
_ROW: Final[panels.Overrides] = {
    "Time": fields.moment(),
    "Verdict": fields.badge(palette.VERDICTS),
    "Enforced": fields.badge(palette.VERDICTS),
    "Agent": fields.agent_link(),
    "Point": [fields.width(110)],
    "Tool": [fields.width(130)],
    "Model": [fields.width(140)],
    "Duration": fields.measured("µs"),
    "Trace": fields.trace_link(),
}


def per_second(place: Place) -> Lines:
    """Decisions by verdict."""
    head = place.head("Decisions per second", "By what the policies asked for, not yet what was enforced.")
    panel = plots.lines(head, rate("decisions", "verdict"), "ops", palette.VERDICTS)
    return panel.override_by_name("count", fields.hidden())


def latency(place: Place) -> Lines:
    """Quantiles of how long policies took."""
    head = place.head("Evaluation latency", "How long the policies took, in the agent, before it went on.")
    return plots.lines(head, series("latency", "quantile"), "µs", palette.QUANTILES)


def latency_density(place: Place) -> Density:
    """How long policies took, all of it."""
    tells = "How many decisions took how long: each row ends at its number of microseconds."
    return plots.density(place.head("Latency of decisions", tells), series("latency_buckets", "le"), "µs")


def errors(place: Place) -> Lines:
    """Policies that could not be evaluated, and what else failed."""
    tells = "Policies that could not be evaluated, and calls of models and tools that failed."
    return plots.bars(
        place.head("Errors over time", tells), series("errors", "kind"), "short", palette.ERRORS
    )


def shadow(place: Place, **only: str) -> Lines:
    """Violations that were acted on, beside those that were not; ``only`` are filters of the route."""
    tells = "Violations of policies that are enforced, and of those in shadow that only watch."
    query = series("shadow", "mode", **only)
    return plots.bars(place.head("Shadow against enforced", tells), query, "short", palette.MODES)


def recent(place: Place) -> Table:
    """The newest decisions."""
    head = place.head("Recent decisions", "Newest first, allowed ones too.")
    return panels.listing(head, rows("decisions", *_COLUMNS), _ROW)


def of_trace(place: Place, trace_id: str) -> Table:
    """The decisions within one trace."""
    head = place.head("Decisions", "What was decided within the trace, and why.")
    # Whenever it was: a link may come with another range. The trace's own id would be the same in every row.
    columns, row = _COLUMNS[:-1], {name: of for name, of in _ROW.items() if name != "Trace"}
    query = InfinityQuery("decisions", columns, params=(("from", "0"), ("trace", trace_id)))
    return panels.listing(head, query, row, otherwise="No decision in this trace")
