"""What the console knows of a dashboard's JSON: every key, and of those that it obeys, the values it can.

A key that stands here is drawn, or has one value (Grafana's default, which the generator writes out) at which
there is nothing to draw. Another key or value fails a test: a dashboard that says more than one of its two
renderers can do is not one definition.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, Final

ANY: Final = "*"

_TARGET: Final = {
    "refId": ANY, "datasource.type": ["yesoreyeram-infinity-datasource"], "datasource.uid": ["${datasource}"],
    "type": ["json"], "source": ["url"], "parser": ["backend"], "format": "FORMATS", "url": ANY,
    "url_options.method": ["GET"], "url_options.data": [""], "url_options.params[].key": ANY,
    "url_options.params[].value": ANY, "root_selector": ANY, "columns[].selector": ANY, "columns[].text": ANY,
    "columns[].type": "COLUMN_TYPES", "computed_columns[].selector": ANY, "computed_columns[].text": ANY,
    "computed_columns[].type": ["number"], "hide": [False],
}  # fmt: skip

BOARD: Final[Mapping[str, Any]] = {
    "uid": ANY, "title": ANY, "description": ANY, "tags[]": ANY, "schemaVersion": [42], "refresh": ANY,
    "time.from": ANY, "time.to": ANY, "timezone": ["browser"], "graphTooltip": [0, 1],
    # What only Grafana's editor asks for.
    "editable": ANY, "fiscalYearStartMonth": [0], "id": [None], "version": ANY, "preload": [False],
    "links[].type": ["link", "dashboards"], "links[].title": ANY, "links[].url": ANY, "links[].tags[]": ANY,
    "links[].keepTime": [True, False], "links[].includeVars": [True, False],
    "links[].targetBlank": [True, False],
    "links[].icon": ANY, "links[].tooltip": ANY, "links[].asDropdown": [False],
    "links[].placement": ["inControlsMenu"],
    "annotations.list[].name": ANY, "annotations.list[].enable": [True, False],
    "annotations.list[].hide": [False],
    "annotations.list[].builtIn": [0], "annotations.list[].iconColor": ANY,
    "annotations.list[].datasource.type": ["yesoreyeram-infinity-datasource"],
    "annotations.list[].datasource.uid": ["${datasource}"],
    **{f"annotations.list[].target.{key}": values for key, values in _TARGET.items()},
}  # fmt: skip

VARIABLE: Final[Mapping[str, Any]] = {
    "name": ANY, "label": ANY, "description": ANY, "type": "KINDS", "hide": [0, 2],
    "skipUrlSync": [True, False],
    "multi": [True, False], "includeAll": [True, False], "allValue": ANY, "refresh": [1, 2],
    "sort": [0, 1, 2, 3, 4, 5, 6], "regex": ANY, "current.value": ANY, "current.value[]": ANY,
    "current.text": ANY, "current.text[]": ANY, "current.selected": [True, False], "query": ANY,
    "datasource.type": ["yesoreyeram-infinity-datasource"], "datasource.uid": ["${datasource}"],
    "query.refId": ANY, "query.queryType": ["infinity"],
    **{f"query.infinityQuery.{key}": values for key, values in _TARGET.items()},
    # Of interval variables only, and the generator's defaults.
    "auto": [False], "auto_count": [30], "auto_min": ["10s"], "allowCustomValue": [True],
}  # fmt: skip

#: Settings of a field, in a panel's defaults and in overrides.
FIELD: Final[Mapping[str, Any]] = {
    "unit": "UNIT", "decimals": ANY, "min": ANY, "max": ANY, "noValue": ANY, "displayName": ANY,
    "description": ANY,
    "thresholds.mode": ["absolute", "percentage"], "thresholds.steps[].value": ANY,
    "thresholds.steps[].color": "COLOR",
    "mappings[].type": "MAPPING_KINDS", "mappings[].options.*.text": ANY,
    "mappings[].options.*.color": "COLOR",
    "mappings[].options.*.index": ANY, "mappings[].options.from": ANY, "mappings[].options.to": ANY,
    "mappings[].options.pattern": ANY, "mappings[].options.match": ANY,
    "color.mode": ["fixed", "thresholds", "palette-classic"], "color.fixedColor": "COLOR",
    "links[].title": ANY, "links[].url": ANY, "links[].targetBlank": [True, False],
    "custom.width": ANY, "custom.minWidth": ANY, "custom.align": ["auto", "left", "center", "right"],
    "custom.cellOptions.type": ["auto", "color-text", "color-background", "gauge"],
    "custom.cellOptions.mode": ["basic"], "custom.cellOptions.applyToRow": [False],
    "custom.cellOptions.valueDisplayMode": ["text"], "custom.filterable": [True, False],
    "custom.inspect": [False],
    "custom.hideFrom.viz": [True, False], "custom.hideFrom.legend": [True, False],
    "custom.hideFrom.tooltip": [True, False],
    "custom.drawStyle": ["line", "bars"], "custom.fillOpacity": ANY, "custom.lineWidth": ANY,
    "custom.barWidthFactor": ANY, "custom.showPoints": ["auto", "never", "always"],
    "custom.stacking.mode": ["none", "normal"], "custom.stacking.group": ["A"],
    "custom.thresholdsStyle.mode": ["off", "dashed", "line"], "custom.gradientMode": ["none"],
}  # fmt: skip

_LEGEND: Final = {
    "legend.showLegend": [True, False], "legend.displayMode": ["list", "table"],
    "legend.placement": ["bottom", "right"], "legend.calcs[]": ["lastNotNull", "max", "min", "mean", "sum"],
    "tooltip.mode": ["single", "multi"], "tooltip.sort": ["none", "asc", "desc"],
}  # fmt: skip

#: Options of each type of panel.
OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "row": {},
    "stat": {
        "reduceOptions.calcs[]": ["lastNotNull"], "reduceOptions.fields": ANY, "colorMode": ["value"],
        "graphMode": ["none"], "justifyMode": ["center"], "orientation": ["auto"], "textMode": ["value"],
        "percentChangeColorMode": ["standard"], "showPercentChange": [False], "wideLayout": [True],
    },
    "timeseries": _LEGEND,
    "state-timeline": {
        **_LEGEND, "mergeValues": [True, False], "rowHeight": ANY, "showValue": ["never"],
        "alignValue": ["left"],
        "perPage": [20],
    },
    "barchart": {
        **_LEGEND, "xField": ANY, "orientation": ["horizontal"], "showValue": ["auto", "never", "always"],
        "stacking": ["none", "normal"], "barRadius": [0], "barWidth": [0.97], "groupWidth": [0.7],
        "fullHighlight": [False], "xTickLabelMaxLength": [0], "xTickLabelRotation": [0],
        "xTickLabelSpacing": [0],
    },
    "heatmap": {
        "calculate": [False], "cellGap": ANY, "cellValues.unit": ANY, "color.exponent": ANY,
        "color.fill": [""],
        "color.mode": ["scheme"], "color.reverse": [False], "color.scale": ["exponential"],
        "color.scheme": ["Cividis"], "color.steps": ANY, "exemplars.color": ["rgba(255,0,255,0.7)"],
        "filterValues.le": ANY, "legend.show": [True, False], "rowsFrame.layout": ["le"],
        "selectionMode": ["x"],
        "showValue": ["never"], "tooltip.mode": ["single"], "tooltip.showColorScale": [True],
        "yAxis.axisPlacement": ["left"], "yAxis.unit": "UNIT",
    },
    "table": {
        "showHeader": [True, False], "cellHeight": ["sm", "md", "lg"], "frameIndex": [0],
        "footer.show": [False],
        "footer.countRows": [False], "footer.reducer[]": [], "showTypeIcons": [False],
    },
    "logs": {
        "showTime": [True, False], "sortOrder": ["Ascending", "Descending"], "wrapLogMessage": [True, False],
        "enableLogDetails": [True, False], "dedupStrategy": ["none"], "prettifyLogMessage": [False],
        "showCommonLabels": [False], "showLabels": [False], "showLogContextToggle": [False],
    },
    "traces": {},
}  # fmt: skip

#: The panel around its options.
PANEL: Final[Mapping[str, Any]] = {
    "id": ANY, "type": "TYPES", "title": ANY, "description": ANY, "gridPos.x": ANY, "gridPos.y": ANY,
    "gridPos.w": ANY, "gridPos.h": ANY, "interval": ANY, "maxDataPoints": ANY, "collapsed": [True, False],
    "datasource.type": ["yesoreyeram-infinity-datasource"], "datasource.uid": ["${datasource}"],
    "transparent": [False], "repeatDirection": ["h"],
    **{f"targets[].{key}": values for key, values in _TARGET.items()},
    "transformations[].id": "TRANSFORMATIONS", "transformations[].options.indexByName.*": ANY,
    "transformations[].options.excludeByName.*": [True, False],
    "transformations[].options.renameByName.*": ANY,
    "transformations[].options.sort[].field": ANY, "transformations[].options.sort[].desc": [True, False],
    "transformations[].options.limitField": ANY, "transformations[].options.include.names[]": ANY,
}  # fmt: skip


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a document with its path, such as ``columns[].type``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def allowed(path: str, known: Mapping[str, Any]) -> Any:
    """What a key may be; None for a key that is not known."""
    if path in known:
        return known[path]
    return next((known[pattern] for pattern in known if _fits(path, pattern)), None)


def _fits(path: str, pattern: str) -> bool:
    escaped = pattern.replace("[]", "[[]]")
    return "*" in pattern and fnmatch.fnmatchcase(path, escaped)
