"""Panels of numbers, rows, lines of text and traces, each with what all panels of its kind share.

Those over time are in `plots`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import barchart, common, heatmap, logs, stat, statetimeline, table
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import timeseries as lines_of
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as m

from promethios.dashboards.fields import Property, Steps, no_value, thresholds
from promethios.dashboards.infinity import DATASOURCE, InfinityQuery
from promethios.dashboards.palette import NEUTRAL

NOTHING: Final = "None in this range"
#: A matcher's pattern.
EVERY_FIELD: Final = "/.*/"

#: What the functions here make, by the name of its kind.
Stat = stat.Panel
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
        headed(stat.Panel(), head, query, otherwise)
        .unit(unit)
        .thresholds(thresholds(steps or {None: NEUTRAL}))
        .color_mode(c.BigValueColorMode.VALUE)
        .graph_mode(c.BigValueGraphMode.NONE)
        .justify_mode(c.BigValueJustifyMode.CENTER)
        .text_mode(c.BigValueTextMode.VALUE)
        .reduce_options(reduced)
    )


def ranking(
    head: Head, query: InfinityQuery, label: str, overrides: Overrides, *, stacked: bool = False
) -> barchart.Panel:
    """Horizontal bars for each row of the answer, beside each other or stacked."""
    panel = (
        headed(barchart.Panel(), head, query, NOTHING)
        .unit("short")
        .decimals(0)
        .x_field(label)
        .orientation(c.VizOrientation.HORIZONTAL)
        .stacking(c.StackingMode.NORMAL if stacked else c.StackingMode.NONE)
        .show_value(c.VisibilityMode.NEVER if stacked else c.VisibilityMode.AUTO)
        .fill_opacity(85)
        .line_width(0)
        .legend(legend([]))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI))
    )
    panel.with_transformation(in_order(column.text for column in query.columns))
    return _overridden(panel, overrides)


def listing(
    head: Head, query: InfinityQuery, overrides: Overrides, unit: str = "short", otherwise: str = NOTHING
) -> table.Panel:
    """A table; numbers have ``unit`` unless an override says otherwise, and no rows say ``otherwise``."""
    panel = (
        headed(table.Panel(), head, query, otherwise)
        .unit(unit)
        .show_header(True)
        .cell_height(c.TableCellHeight.SM)
        .filterable(True)
        .min_width(60)
    )
    panel.with_transformation(in_order(column.text for column in (*query.columns, *query.computed)))
    # What a table without rows says is too much for a cell without a value.
    return _overridden(panel.override_by_regexp(EVERY_FIELD, [no_value("-")]), overrides)


def log(head: Head, query: InfinityQuery) -> logs.Panel:
    """Log lines, newest first."""
    return (
        headed(logs.Panel(), head, query, NOTHING)
        .unit("string")
        .show_time(True)
        .wrap_log_message(False)
        .enable_log_details(True)
        .sort_order(c.LogsSortOrder.DESCENDING)
        .dedup_strategy(c.LogsDedupStrategy.NONE)
    )


def waterfall(head: Head, query: InfinityQuery) -> build.Panel:
    """One trace as spans over time. The SDK has no builder for this panel, so it is named by its type."""
    return headed(build.Panel().type("traces"), head, query, "No trace is chosen").unit("ms")


def in_order(names: Iterable[str]) -> m.DataTransformerConfig:
    """Put fields in an order: the data source sorts them by name, and "low" comes before "medium"."""
    options = {
        "excludeByName": {},
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {},
    }
    return m.DataTransformerConfig(id_val="organize", options=options)


def legend(calcs: list[str]) -> common.VizLegendOptions:
    """A table of calculations on the right; without them a list at the bottom."""
    # On the right: at the bottom a short panel hides the last rows of the table.
    shape = c.LegendDisplayMode.TABLE if calcs else c.LegendDisplayMode.LIST
    place = c.LegendPlacement.RIGHT if calcs else c.LegendPlacement.BOTTOM
    return common.VizLegendOptions().show_legend(True).display_mode(shape).placement(place).calcs(calcs)


def headed(panel: AnyPanel, head: Head, query: InfinityQuery, otherwise: str) -> AnyPanel:
    """Give a panel its head and its query, and what it says without data."""
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


def _overridden(panel: OverriddenPanel, overrides: Overrides) -> OverriddenPanel:
    for name, properties in overrides.items():
        panel.override_by_name(name, list(properties))
    return panel
