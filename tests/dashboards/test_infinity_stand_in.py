"""The stand-in for Grafana's data source refuses what Grafana would show wrongly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.support.infinity import BadAnswer, Frame, Infinity

_SERIES = [("timestamp_epoch", "time"), ("string", "label"), ("number", "value")]


class _Fixed(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(self.server.answer).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """A server whose ``answer`` is what every request gets."""
    with HTTPServer(("127.0.0.1", 0), _Fixed) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _run(server: HTTPServer, rows: object, columns: list[tuple[str, str]], **more: Any) -> Frame:
    server.answer = {"data": rows}  # type: ignore[attr-defined]
    target = {
        "url": "/x",
        "url_options": {"params": []},
        "root_selector": "data",
        "format": "table",
        "columns": [{"selector": name, "text": name, "type": kind} for kind, name in columns],
        "computed_columns": [],
    }
    return Infinity(f"http://127.0.0.1:{server.server_port}", "key", {"a": "1"}).run({**target, **more})


def test_long_rows_become_a_line_for_each_label_in_order(server: HTTPServer) -> None:
    rows = [{"time": t, "label": x, "value": t} for t in (1000, 2000) for x in "ba"]
    frame = _run(server, rows, _SERIES, format="timeseries")
    assert [(f.labels, f.values) for f in frame.fields[1:]] == [
        ({"label": "a"}, [1000, 2000]),
        ({"label": "b"}, [1000, 2000]),
    ]


def test_rows_out_of_order_are_refused(server: HTTPServer) -> None:
    rows = [{"time": t, "label": "a", "value": 1} for t in (2000, 1000)]
    with pytest.raises(BadAnswer, match="sorted"):
        _run(server, rows, _SERIES, format="timeseries")


def test_fields_come_in_the_order_of_their_names(server: HTTPServer) -> None:
    frame = _run(server, [{"b": 1, "a": "x", "c": 2}], [("number", "c"), ("number", "b"), ("string", "a")])
    assert [(f.name, f.values) for f in frame.fields] == [("a", ["x"]), ("b", [1]), ("c", [2])]


def test_series_with_two_times_is_refused(server: HTTPServer) -> None:
    columns = [("timestamp_epoch", "time"), ("timestamp_epoch", "seen"), ("number", "value")]
    with pytest.raises(BadAnswer, match="one time"):
        _run(server, [{"time": 1, "seen": 1, "value": 1}], columns, format="timeseries")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("timestamp_epoch", 1.5),
        ("timestamp_epoch", "now"),
        ("timestamp_epoch", None),
        ("number", "1"),
        ("number", True),
        ("string", 1),
    ],
)
def test_value_of_another_type_is_refused(server: HTTPServer, kind: str, value: object) -> None:
    with pytest.raises(BadAnswer, match=f"'x' is not a {kind}"):
        _run(server, [{"x": value}], [(kind, "x")])


def test_missing_column_is_refused(server: HTTPServer) -> None:
    with pytest.raises(BadAnswer, match="a row has no 'x'"):
        _run(server, [{"y": 1}], [("number", "x")])


def test_answer_without_rows_is_refused(server: HTTPServer) -> None:
    with pytest.raises(BadAnswer, match="no list of rows at 'data'"):
        _run(server, {"x": 1}, [("number", "x")])


def test_empty_answer_loses_its_fields(server: HTTPServer) -> None:
    assert _run(server, [], [("number", "x")]).fields == []


def test_computed_column_keeps_gaps(server: HTTPServer) -> None:
    computed = [{"selector": "x * 1000 / ${a}", "text": "y", "type": "number"}]
    frame = _run(server, [{"x": 2}, {"x": None}], [("number", "x")], computed_columns=computed)
    assert frame.field("y").values == [2000.0, None]


def test_unknown_variable_is_refused(server: HTTPServer) -> None:
    with pytest.raises(BadAnswer, match="a variable is left"):
        _run(server, [{"x": 2}], [("number", "x")], url="/${b}")
