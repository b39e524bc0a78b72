"""What Grafana's Infinity data source does with a query, as far as our dashboards use it.

Its backend parser takes the rows at the root selector, converts the columns, adds computed ones, and turns a
long frame with a time into a wide one with labels. Where it is lenient and shows a wrong picture (it swallows
the error of its own conversion), this is strict: :class:`BadAnswer`.

After ``pkg/infinity/jsonBackend.go``, ``postprocess.go`` and ``pkg/models/macros.go`` of
https://github.com/grafana/grafana-infinity-datasource, and ``data.LongToWide`` of grafana-plugin-sdk-go.
"""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}")
_OPERATORS: Final = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "timestamp_epoch": (int,),
}
_KINDS: Final = {"string": "string", "number": "number", "timestamp_epoch": "time"}


class BadAnswer(AssertionError):
    """The receiver's answer cannot become what the panel needs."""


@dataclass(frozen=True)
class Field:
    """A column of a frame: ``kind`` is time, number or string."""

    name: str
    kind: str
    values: list[Any]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """A table of fields of the same length; no fields at all when the answer had no rows."""

    fields: list[Field]

    @property
    def kinds(self) -> set[str]:
        """The kinds of fields there are."""
        return {column.kind for column in self.fields}

    @property
    def rows(self) -> int:
        """How many values each field has."""
        return len(self.fields[0].values) if self.fields else 0

    def names(self) -> set[str]:
        """What an override may call a field: its name, or the value of one of its labels."""
        return {f.name for f in self.fields} | {v for f in self.fields for v in f.labels.values()}

    def field(self, name: str) -> Field:
        """The field of a name."""
        return next(column for column in self.fields if column.name == name)


@dataclass(frozen=True)
class Infinity:
    """The data source, at a receiver and with a key; ``variables`` are the dashboard's and Grafana's."""

    url: str
    key: str
    variables: Mapping[str, str]

    def run(self, target: Mapping[str, Any]) -> Frame:
        """Ask one query and convert the answer."""
        rows = _rows(self._fetch(target), target["root_selector"])
        if not rows:
            return Frame([])
        # In the order of their names, whatever that of the query is.
        columns = sorted(target["columns"], key=lambda column: column["text"])
        fields = [_converted(column, rows) for column in columns]
        fields += [self._computed(column, fields) for column in target["computed_columns"]]
        if target["format"] == "timeseries":
            return _widened(fields)
        return Frame(fields)

    def fill(self, text: str) -> str:
        """Fill in variables; one that nobody knows would reach the receiver as it is."""
        filled = _VARIABLE.sub(lambda found: self.variables.get(found[1], found[0]), text)
        if "$" in filled:
            raise BadAnswer(f"a variable is left in {filled!r}")
        return filled

    def _fetch(self, target: Mapping[str, Any]) -> Any:
        params = [(p["key"], self.fill(p["value"])) for p in target["url_options"]["params"]]
        address = self.url + self.fill(target["url"]) + ("?" + urlencode(params) if params else "")
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        try:
            with urlopen(Request(address, headers=headers), timeout=30) as answer:
                return json.load(answer)
        except HTTPError as refused:
            with refused:
                raise BadAnswer(f"{address}: {refused.code} {refused.read()!r}") from None

    def _computed(self, column: Mapping[str, str], fields: list[Field]) -> Field:
        tree = ast.parse(self.fill(column["selector"]), mode="eval").body
        rows = range(len(fields[0].values))
        values = [_evaluate(tree, {f.name: f.values[i] for f in fields}) for i in rows]
        return Field(column["text"], _KINDS[column["type"]], values)


def _rows(document: Any, selector: str) -> list[dict[str, Any]]:
    rows = document.get(selector)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer(f"no list of rows at {selector!r}")
    return rows


def _converted(column: Mapping[str, str], rows: list[dict[str, Any]]) -> Field:
    name = column["selector"]
    if any(name not in row for row in rows):
        raise BadAnswer(f"a row has no {name!r}: {sorted(rows[0])}")
    return Field(column["text"], _KINDS[column["type"]], [_value(row[name], column) for row in rows])


def _value(value: Any, column: Mapping[str, str]) -> Any:
    kind = column["type"]
    wanted = _TYPES[kind]
    if value is None and kind != "timestamp_epoch":
        return None
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise BadAnswer(f"{column['selector']!r} is not a {kind}: {value!r}")
    return value


def _evaluate(node: ast.expr, row: Mapping[str, Any]) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name):
        value = row[node.id]
        return None if value is None else float(value)
    if not isinstance(node, ast.BinOp):
        raise BadAnswer(f"not an arithmetic expression: {ast.unparse(node)}")
    left, right = _evaluate(node.left, row), _evaluate(node.right, row)
    if left is None or right is None:
        return None
    result: float = _OPERATORS[type(node.op)](left, right)
    return result


def _widened(fields: list[Field]) -> Frame:
    times, others = [f for f in fields if f.kind == "time"], [f for f in fields if f.kind != "time"]
    if len(times) != 1 or times[0].values != sorted(times[0].values):
        raise BadAnswer("a long series must have one time and be sorted by it")
    time = times[0]
    labels = [f for f in others if f.kind == "string"]
    axis = sorted(set(time.values))
    at = {moment: i for i, moment in enumerate(axis)}
    wide: dict[tuple[str, tuple[tuple[str, str], ...]], list[Any]] = {}
    for number in (f for f in others if f.kind == "number"):
        for i, moment in enumerate(time.values):
            key = (number.name, tuple((f.name, f.values[i]) for f in labels))
            wide.setdefault(key, [None] * len(axis))[at[moment]] = number.values[i]
    # As SortWideFrameFields does: by name, then by the labels' values.
    columns = [Field(name, "number", values, dict(of)) for (name, of), values in sorted(wide.items())]
    return Frame([Field(time.name, "time", axis), *columns])
