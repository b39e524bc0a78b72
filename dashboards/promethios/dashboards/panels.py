"""The kinds of panel that the dashboards are made of, each with what all panels of its kind share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import barchart, common, heatmap, logs, stat, statetimeline, table
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import timeseries as lines_of
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as m
from grafana_foundation_sdk.models import heatmap as h

from promethios.dashboards.fields import Property, Steps, fixed_color, link, no_value, states, thresholds
from promethios.dashboards.infinity import DATASOURCE, InfinityQuery
from promethios.dashboards.palette import NEUTRAL

#: Points of a series: enough for a panel's width, few enough that a bar can be seen and pointed at.
POINTS: Final = 120
SHORTEST_STEP: Final = "10s"

NOTHING: Final = "None in this range"
_EVERY_FIELD: Final = "/.*/"

#: What the functions here make, by the name of its kind.
Stat = stat.Panel
Lines = lines_of.Panel
Timeline = statetimeline.Panel
Density = heatmap.Panel
Ranking = barchart.Panel
Table = table.Panel
Log = logs.Panel
Waterfall = build.Panel

Overrides = Mapping[str, Sequence[Property]]
AnyPanel = TypeVar(
    "AnyPanel",
    barchart.Panel,
    build.Panel,
    heatmap.Panel,
    lines_of.Panel,
    logs.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
)
OverriddenPanel = TypeVar("OverriddenPanel", barchart.Panel, table.Panel)
SeriesPanel = TypeVar("SeriesPanel", heatmap.Panel, lines_of.Panel, statetimeline.Panel)


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dashboard has a panel that others have too: its id there, and its size."""

    id: int
    width: int
    height: int

    def head(self, title: str, description: str) -> Head:
        """The panel's head at this place."""
        return Head(self.id, title, description, self.width, self.height)


def number(
    head: Head, query: InfinityQuery, unit: str, steps: Steps | None = None, otherwise: str = "none"
) -> stat.Panel:
    """One number, coloured by ``steps`` or neutral. The query's last field is the one shown.

    ``otherwise`` is shown where there is no number.
    """
    shown = (query.computed or query.columns)[-1].text
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).fields(f"/^{shown}$/")
    return (
        _headed(stat.Panel(), head, query, otherwise)
        .unit(unit)
        .thresholds(thresholds(steps or {None: NEUTRAL}))
        .color_mode(c.BigValueColorMode.VALUE)
        .graph_mode(c.BigValueGraphMode.NONE)
        .justify_mode(c.BigValueJustifyMode.CENTER)
        .text_mode(c.BigValueTextMode.VALUE)
        .reduce_options(reduced)
    )


def bars(
    head: Head, query: InfinityQuery, unit: str, colors: Mapping[str, str], to: tuple[str, str] | None = None
) -> lines_of.Panel:
    """Counts over time, stacked; ``colors`` and ``to`` as for `lines`."""
    stacked = common.StackingConfig().mode(c.StackingMode.NORMAL).group("A")
    return (
        _plot(head, query, unit, colors, to, ["sum", "max"])
        .draw_style(c.GraphDrawStyle.BARS)
        .fill_opacity(85)
        .line_width(0)
        .bar_width_factor(0.85)
        .stacking(stacked)
    )


def lines(
    head: Head, query: InfinityQuery, unit: str, colors: Mapping[str, str], to: tuple[str, str] | None = None
) -> lines_of.Panel:
    """Values over time; gaps stay gaps.

    Args:
        head: Title and place.
        query: A series in long form.
        unit: Of the values.
        colors: A colour for each value of the label, in the order of the legend; empty where any may come.
        to: Title and address of a link on each line.
    """
    return (
        _plot(head, query, unit, colors, to, ["lastNotNull", "max"])
        .draw_style(c.GraphDrawStyle.LINE)
        .fill_opacity(8)
        .line_width(1)
        .show_points(c.VisibilityMode.AUTO)
    )


def scores(
    head: Head, query: InfinityQuery, steps: Steps, most: float, to: tuple[str, str]
) -> lines_of.Panel:
    """Lines from 0 to ``most``, with a dashed line where each of ``steps`` begins."""
    dashed = common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED)
    return lines(head, query, "none", {}, to).max(most).thresholds(thresholds(steps)).thresholds_style(dashed)


def timeline(
    head: Head, query: InfinityQuery, named: Mapping[str, tuple[str, str]], to: tuple[str, str]
) -> statetimeline.Panel:
    """A row for each label value, a stretch for each state; ``named`` gives numbers their word and colour."""
    panel = (
        _stepped(_headed(statetimeline.Panel(), head, query, "No agent has been seen"))
        .unit("none")
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
    return panel.override_by_regexp(_EVERY_FIELD, [link(*to)])


def density(head: Head, query: InfinityQuery, unit: str) -> heatmap.Panel:
    """How many fell into each bucket at each step; the label of the series is the bucket's upper end."""
    scale = heatmap.HeatmapColorOptions().mode(h.HeatmapColorMode.SCHEME).scheme("Cividis").steps(32)
    ends = query.columns[1].selector
    return (
        _stepped(_headed(heatmap.Panel(), head, query, NOTHING))
        .unit("short")
        .display_name(f"${{__field.labels.{ends}}}")
        .calculate(False)
        .color(scale.scale(h.HeatmapColorScale.EXPONENTIAL).exponent(0.5).reverse(False))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(c.HeatmapCellLayout.LE))
        .cell_gap(1)
        .cell_values(heatmap.CellValues().unit("short"))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(c.AxisPlacement.LEFT))
        .show_value(c.VisibilityMode.NEVER)
        .show_legend()
        .tooltip(heatmap.HeatmapTooltip().mode(c.TooltipDisplayMode.SINGLE).show_color_scale(True))
    )


def ranking(
    head: Head, query: InfinityQuery, label: str, overrides: Overrides, *, stacked: bool = False
) -> barchart.Panel:
    """Horizontal bars for each row of the answer, beside each other or stacked."""
    panel = (
        _headed(barchart.Panel(), head, query, NOTHING)
        .unit("short")
        .decimals(0)
        .x_field(label)
        .orientation(c.VizOrientation.HORIZONTAL)
        .stacking(c.StackingMode.NORMAL if stacked else c.StackingMode.NONE)
        .show_value(c.VisibilityMode.NEVER if stacked else c.VisibilityMode.AUTO)
        .fill_opacity(85)
        .line_width(0)
        .legend(_legend([]))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI))
    )
    panel.with_transformation(_in_order(column.text for column in query.columns))
    return _overridden(panel, overrides)


def listing(
    head: Head, query: InfinityQuery, overrides: Overrides, unit: str = "short", otherwise: str = NOTHING
) -> table.Panel:
    """A table; numbers have ``unit`` unless an override says otherwise, and no rows say ``otherwise``."""
    panel = (
        _headed(table.Panel(), head, query, otherwise)
        .unit(unit)
        .show_header(True)
        .cell_height(c.TableCellHeight.SM)
        .filterable(True)
        .min_width(60)
    )
    panel.with_transformation(_in_order(column.text for column in (*query.columns, *query.computed)))
    # What a table without rows says is too much for a cell without a value.
    return _overridden(panel.override_by_regexp(_EVERY_FIELD, [no_value("-")]), overrides)


def log(head: Head, query: InfinityQuery) -> logs.Panel:
    """Log lines, newest first."""
    return (
        _headed(logs.Panel(), head, query, NOTHING)
        .unit("string")
        .show_time(True)
        .wrap_log_message(False)
        .enable_log_details(True)
        .sort_order(c.LogsSortOrder.DESCENDING)
        .dedup_strategy(c.LogsDedupStrategy.NONE)
    )


def waterfall(head: Head, query: InfinityQuery) -> build.Panel:
    """One trace as spans over time. The SDK has no builder for this panel, so it is named by its type."""
    return _headed(build.Panel().type("traces"), head, query, "No trace is chosen").unit("ms")


def _plot(
    head: Head,
    query: InfinityQuery,
    unit: str,
    colors: Mapping[str, str],
    to: tuple[str, str] | None,
    calcs: list[str],
) -> lines_of.Panel:
    label = query.columns[1].selector
    panel = (
        _stepped(_headed(lines_of.Panel(), head, query, NOTHING))
        .unit(unit)
        .min(0)
        .display_name(f"${{__field.labels.{label}}}")
        .legend(_legend(calcs))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING))
    )
    if colors:
        # Before display names are set, a line is called by its only label.
        panel.with_transformation(_in_order((query.columns[0].text, *colors)))
    if to:
        panel.override_by_regexp(_EVERY_FIELD, [link(*to)])
    for word, color in colors.items():
        # The end of the name: depending on the version, Grafana puts the column's name before the label.
        panel.override_by_regexp(f"/(^|\\s){word}$/", [fixed_color(color)])
    return panel


def _in_order(names: Iterable[str]) -> m.DataTransformerConfig:
    """Put fields in an order: the data source sorts them by name, and "low" comes before "medium"."""
    options = {
        "excludeByName": {},
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {},
    }
    return m.DataTransformerConfig(id_val="organize", options=options)


def _legend(calcs: list[str]) -> common.VizLegendOptions:
    # On the right: at the bottom a short panel hides the last rows of the table.
    shape = c.LegendDisplayMode.TABLE if calcs else c.LegendDisplayMode.LIST
    place = c.LegendPlacement.RIGHT if calcs else c.LegendPlacement.BOTTOM
    return common.VizLegendOptions().show_legend(True).display_mode(shape).placement(place).calcs(calcs)


def _headed(panel: AnyPanel, head: Head, query: InfinityQuery, otherwise: str) -> AnyPanel:
    return (
        panel.id(head.id)
        .title(head.title)
        .description(head.description)
        .datasource(DATASOURCE)
        .span(head.width)
        .height(head.height)
        .no_value(otherwise)
        .with_target(query)
    )


def _stepped(panel: SeriesPanel) -> SeriesPanel:
    return panel.max_data_points(POINTS).interval(SHORTEST_STEP)


def _overridden(panel: OverriddenPanel, overrides: Overrides) -> OverriddenPanel:
    for name, properties in overrides.items():
        panel.override_by_name(name, list(properties))
    return panel
