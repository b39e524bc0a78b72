"""The kinds of panel that the dashboards are made of, each with what all panels of its kind share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import barchart, common, logs, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as c

from promethios.dashboards.fields import Property, Steps, fixed_color, states, thresholds
from promethios.dashboards.infinity import DATASOURCE, InfinityQuery
from promethios.dashboards.palette import NEUTRAL

#: Points of a series: enough for a panel's width, few enough that a bar can be seen and pointed at.
POINTS: Final = 120
SHORTEST_STEP: Final = "10s"

Overrides = Mapping[str, Sequence[Property]]
AnyPanel = TypeVar(
    "AnyPanel",
    barchart.Panel,
    build.Panel,
    logs.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
)
OverriddenPanel = TypeVar("OverriddenPanel", barchart.Panel, table.Panel)
SeriesPanel = TypeVar("SeriesPanel", statetimeline.Panel, timeseries.Panel)


@dataclass(frozen=True, slots=True)
class Head:
    """What every panel has: an id that never changes, what it is called, what it tells, and its size.

    ``width`` is in Grafana's 24 columns, ``height`` in its rows of 30 pixels.
    """

    id: int
    title: str
    description: str
    width: int
    height: int


def number(head: Head, query: InfinityQuery, unit: str, steps: Steps | None = None) -> stat.Panel:
    """One number, coloured by ``steps`` or neutral. The query's last field is the one shown."""
    shown = (query.computed or query.columns)[-1].text
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).fields(f"/^{shown}$/")
    return (
        _headed(stat.Panel(), head, query)
        .unit(unit)
        .no_value("none")
        .thresholds(thresholds(steps or {None: NEUTRAL}))
        .color_mode(c.BigValueColorMode.VALUE)
        .graph_mode(c.BigValueGraphMode.NONE)
        .justify_mode(c.BigValueJustifyMode.CENTER)
        .text_mode(c.BigValueTextMode.VALUE)
        .reduce_options(reduced)
    )


def bars(head: Head, query: InfinityQuery, unit: str, colors: Mapping[str, str]) -> timeseries.Panel:
    """Counts over time, stacked, with a fixed colour for each label value."""
    stacked = common.StackingConfig().mode(c.StackingMode.NORMAL).group("A")
    return (
        _plot(head, query, unit, colors, ["sum", "max"])
        .draw_style(c.GraphDrawStyle.BARS)
        .fill_opacity(85)
        .line_width(0)
        .bar_width_factor(0.85)
        .stacking(stacked)
    )


def lines(head: Head, query: InfinityQuery, unit: str, colors: Mapping[str, str]) -> timeseries.Panel:
    """Values over time, with a fixed colour for each label value; gaps stay gaps."""
    return (
        _plot(head, query, unit, colors, ["lastNotNull", "max"])
        .draw_style(c.GraphDrawStyle.LINE)
        .fill_opacity(8)
        .line_width(1)
        .show_points(c.VisibilityMode.AUTO)
    )


def timeline(head: Head, query: InfinityQuery, named: Mapping[str, tuple[str, str]]) -> statetimeline.Panel:
    """A row for each label value, a stretch for each state; ``named`` gives numbers their word and colour."""
    return (
        _stepped(_headed(statetimeline.Panel(), head, query))
        .unit("none")
        .no_value("No agent has been seen")
        .mappings([states(named)])
        .thresholds(thresholds({None: NEUTRAL}))
        .merge_values(True)
        .show_value(c.VisibilityMode.NEVER)
        .row_height(0.75)
        .fill_opacity(85)
        .line_width(0)
        .legend(common.VizLegendOptions().show_legend(True).placement(c.LegendPlacement.BOTTOM))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.SINGLE))
    )


def ranking(head: Head, query: InfinityQuery, label: str, overrides: Overrides) -> barchart.Panel:
    """Horizontal bars, one group for each row of the answer."""
    panel = (
        _headed(barchart.Panel(), head, query)
        .unit("short")
        .decimals(0)
        .no_value("None in this range")
        .x_field(label)
        .orientation(c.VizOrientation.HORIZONTAL)
        .show_value(c.VisibilityMode.AUTO)
        .fill_opacity(85)
        .line_width(0)
        .legend(_legend([]))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI))
    )
    return _overridden(panel, overrides)


def listing(head: Head, query: InfinityQuery, overrides: Overrides, unit: str = "short") -> table.Panel:
    """A table; numbers have ``unit`` unless an override says otherwise."""
    panel = (
        _headed(table.Panel(), head, query)
        .unit(unit)
        .no_value("None in this range")
        .show_header(True)
        .cell_height(c.TableCellHeight.SM)
        .filterable(True)
        .min_width(60)
    )
    return _overridden(panel, overrides)


def log(head: Head, query: InfinityQuery) -> logs.Panel:
    """Log lines, newest first."""
    return (
        _headed(logs.Panel(), head, query)
        .unit("string")
        .show_time(True)
        .wrap_log_message(False)
        .enable_log_details(True)
        .sort_order(c.LogsSortOrder.DESCENDING)
        .dedup_strategy(c.LogsDedupStrategy.NONE)
    )


def waterfall(head: Head, query: InfinityQuery) -> build.Panel:
    """One trace as spans over time. The SDK has no builder for this panel, so it is named by its type."""
    return _headed(build.Panel().type("traces"), head, query).unit("ms")


def _plot(
    head: Head, query: InfinityQuery, unit: str, colors: Mapping[str, str], calcs: list[str]
) -> timeseries.Panel:
    label = query.columns[1].selector
    panel = (
        _stepped(_headed(timeseries.Panel(), head, query))
        .unit(unit)
        .min(0)
        .display_name(f"${{__field.labels.{label}}}")
        .legend(_legend(calcs))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING))
    )
    for word, color in colors.items():
        # The end of the name: depending on the version, Grafana puts the column's name before the label.
        panel.override_by_regexp(f"/(^|\\s){word}$/", [fixed_color(color)])
    return panel


def _legend(calcs: list[str]) -> common.VizLegendOptions:
    # On the right: at the bottom a short panel hides the last rows of the table.
    shape = c.LegendDisplayMode.TABLE if calcs else c.LegendDisplayMode.LIST
    place = c.LegendPlacement.RIGHT if calcs else c.LegendPlacement.BOTTOM
    return common.VizLegendOptions().show_legend(True).display_mode(shape).placement(place).calcs(calcs)


def _headed(panel: AnyPanel, head: Head, query: InfinityQuery) -> AnyPanel:
    return (
        panel.id(head.id)
        .title(head.title)
        .description(head.description)
        .datasource(DATASOURCE)
        .span(head.width)
        .height(head.height)
        .with_target(query)
    )


def _stepped(panel: SeriesPanel) -> SeriesPanel:
    return panel.max_data_points(POINTS).interval(SHORTEST_STEP)


def _overridden(panel: OverriddenPanel, overrides: Overrides) -> OverriddenPanel:
    for name, properties in overrides.items():
        panel.override_by_name(name, list(properties))
    return panel
