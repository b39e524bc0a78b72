"""Panels over time: lines, bars, states and heatmaps, each with what all panels of its kind share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import common, heatmap, statetimeline
from grafana_foundation_sdk.builders import timeseries as lines_of
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import heatmap as h

from promethios.dashboards.fields import Steps, fixed_color, link, states, thresholds
from promethios.dashboards.infinity import InfinityQuery
from promethios.dashboards.palette import NEUTRAL
from promethios.dashboards.panels import EVERY_FIELD, NOTHING, Head, headed, in_order, legend

#: Points of a series: enough for a panel's width, few enough that a bar can be seen and pointed at.
POINTS: Final = 120
SHORTEST_STEP: Final = "10s"

#: What the functions here make, by the name of its kind.
Lines = lines_of.Panel
Timeline = statetimeline.Panel
Density = heatmap.Panel

SeriesPanel = TypeVar("SeriesPanel", heatmap.Panel, lines_of.Panel, statetimeline.Panel)


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
    return (
        lines(head, query, "none", {}, to)
        .max(most)
        .thresholds(thresholds(steps))
        .thresholds_style(dashed)
        .fill_opacity(0)
    )


def timeline(
    head: Head, query: InfinityQuery, named: Mapping[str, tuple[str, str]], to: tuple[str, str]
) -> statetimeline.Panel:
    """A row for each label value, a stretch for each state; ``named`` gives numbers their word and colour."""
    panel = (
        _stepped(headed(statetimeline.Panel(), head, query, "No agent has been seen"))
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
    return panel.override_by_regexp(EVERY_FIELD, [link(*to)])


def density(head: Head, query: InfinityQuery, unit: str) -> heatmap.Panel:
    """How many fell into each bucket at each step; the label of the series is the bucket's upper end."""
    scale = heatmap.HeatmapColorOptions().mode(h.HeatmapColorMode.SCHEME).scheme("Cividis").steps(32)
    ends = query.columns[1].selector
    return (
        _stepped(headed(heatmap.Panel(), head, query, NOTHING))
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
        _stepped(headed(lines_of.Panel(), head, query, NOTHING))
        .unit(unit)
        .min(0)
        .display_name(f"${{__field.labels.{label}}}")
        .legend(legend(calcs))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING))
    )
    if colors:
        # Before display names are set, a line is called by its only label.
        panel.with_transformation(in_order((query.columns[0].text, *colors)))
    if to:
        panel.override_by_regexp(EVERY_FIELD, [link(*to)])
    for word, color in colors.items():
        # The end of the name: depending on the version, Grafana puts the column's name before the label.
        panel.override_by_regexp(f"/(^|\\s){word}$/", [fixed_color(color)])
    return panel


def _stepped(panel: SeriesPanel) -> SeriesPanel:
    return panel.max_data_points(POINTS).interval(SHORTEST_STEP)
