"""Queries of the Infinity data source on the receiver's JSON API.

Every query names the same variable as its data source and the parser ``backend``, the only one that alerts
and public dashboards can run. Everything below ``data`` in the answer is a flat row.

Field names: ``src/types/query.types.ts`` of https://github.com/grafana/grafana-infinity-datasource.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

DATASOURCE_TYPE: Final = "yesoreyeram-infinity-datasource"

#: The uid that provisioning gives the data source, and that alert rules name.
DATASOURCE_UID: Final = "promethios"

#: Panels name the variable, so that one dashboard serves several receivers.
DATASOURCE: Final = DataSourceRef(type_val=DATASOURCE_TYPE, uid="${datasource}")

#: Grafana shows a field of this name by its labels alone.
VALUE: Final = "Value"

ColumnType = Literal["string", "number", "timestamp_epoch"]
Format = Literal["table", "timeseries", "logs", "trace"]

_RANGE: Final = (("from", "${__from}"), ("to", "${__to}"))
_AGENT: Final = ("agent", "${agent:pipe}")
_STEP: Final = ("step", "${__interval_ms}")


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the answer: where it is in a row, the name shown, and its type (times are Unix ms)."""

    selector: str
    text: str
    type: ColumnType = "string"

    def as_json(self) -> dict[str, str]:
        """Return the column as the data source stores it."""
        return {"selector": self.selector, "text": self.text, "type": self.type}


def text(selector: str, shown: str) -> Column:
    """A column of text."""
    return Column(selector, shown)


def number(selector: str, shown: str) -> Column:
    """A column of numbers."""
    return Column(selector, shown, "number")


def time(selector: str = "time", shown: str = "Time") -> Column:
    """A column of times, which the receiver sends as Unix milliseconds."""
    return Column(selector, shown, "timestamp_epoch")


@dataclass(frozen=True)
class InfinityQuery(Builder[Dataquery], Dataquery):
    """One GET of ``/api/v1``, and how its rows become a frame. It is its own builder."""

    path: str
    columns: tuple[Column, ...]
    format: Format = "table"
    params: tuple[tuple[str, str], ...] = ()
    computed: tuple[Column, ...] = ()

    def build(self) -> Dataquery:
        """Return the query itself: it cannot change any more."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the query as Grafana stores it in a panel's target."""
        return {
            "refId": "A",
            "datasource": DATASOURCE,
            "type": "json",
            "source": "url",
            "parser": "backend",
            "format": self.format,
            "url": f"/api/v1/{self.path}",
            "url_options": {
                "method": "GET",
                "data": "",
                "params": [{"key": key, "value": value} for key, value in self.params],
            },
            "root_selector": "data",
            "columns": [column.as_json() for column in self.columns],
            "computed_columns": [column.as_json() for column in self.computed],
            "filters": [],
        }


def rows(path: str, *columns: Column, **params: str) -> InfinityQuery:
    """Rows of the dashboard's time range and chosen agents, as a table."""
    return InfinityQuery(path, columns, params=(*_RANGE, _AGENT, *params.items()))


def computed(query: InfinityQuery, expression: str, shown: str) -> InfinityQuery:
    """The same rows with one more number: + - * / of columns by the names shown, of variables and numbers.

    Infinity keeps the columns that it is made from.
    """
    return replace(query, computed=(*query.computed, number(expression, shown)))


def series(name: str, label: str, **params: str) -> InfinityQuery:
    """A series in long form: a line for each value of ``label``, a point for each of Grafana's intervals."""
    columns = (time(), text(label, label), number("value", VALUE))
    return InfinityQuery(f"series/{name}", columns, "timeseries", (*_RANGE, _AGENT, _STEP, *params.items()))


def rate(name: str, label: str) -> InfinityQuery:
    """A series of counts per step, with a second number beside each count: the same per second.

    Infinity keeps the column that a computed one is made from, so a panel must hide ``count``.
    """
    columns = (time(), text(label, label), number("value", "count"))
    counts = InfinityQuery(f"series/{name}", columns, "timeseries", (*_RANGE, _AGENT, _STEP))
    return computed(counts, f"count * 1000 / {_STEP[1]}", VALUE)


def log_lines(*columns: Column) -> InfinityQuery:
    """The newest log records; Grafana takes the first text column for the line."""
    return InfinityQuery("logs", columns, "logs", (*_RANGE, _AGENT))


def trace_spans(trace_id: str, *columns: Column) -> InfinityQuery:
    """All spans of one trace, for the Traces panel, which knows its fields by name."""
    return InfinityQuery(f"traces/{trace_id}", columns, "trace")


def trace_rows(trace_id: str, *columns: Column) -> InfinityQuery:
    """All spans of one trace, as a table."""
    return InfinityQuery(f"traces/{trace_id}", columns)
