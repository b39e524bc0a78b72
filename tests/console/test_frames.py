"""Queries and answers: what is asked, and the frames that the rows become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.console.conftest import Run

MODULES = ("infinity", "expression", "frames", "variables", "interval", "annotations")

LOOK = """(name) => ({
    agent: ["a", "b"], trace_id: "ab cd/..", empty: "", none: [], __interval_ms: "60000",
})[name]"""


def _target(**given: Any) -> str:
    target = {
        "refId": "A", "format": "table", "root_selector": "data", "url": "/api/v1/stats",
        "url_options": {"params": []}, "columns": [], "computed_columns": [],
    }  # fmt: skip
    return json.dumps({**target, **given})


def _column(selector: str, kind: str = "string", text: str = "") -> dict[str, str]:
    return {"selector": selector, "text": text or selector, "type": kind}


def _frame(run: Run, rows: list[dict[str, Any]], **given: Any) -> dict[str, Any]:
    frame: dict[str, Any] = run(
        f"m.infinity.frameOf({_target(**given)}, {json.dumps({'data': rows})}, {LOOK})"
    )
    return frame


def test_question_is_filled_in(run: Run) -> None:
    params = [{"key": "agent", "value": "${agent:pipe}"}, {"key": "step", "value": "$__interval_ms"}]
    asked = run(f"m.infinity.questionOf({_target(url_options={'params': params})}, {LOOK})")
    assert asked == {"path": "stats", "params": [["agent", "a|b"], ["step", "60000"]]}


def test_value_in_a_path_stays_one_part_of_it(run: Run) -> None:
    asked = run(f"m.infinity.questionOf({_target(url='/api/v1/traces/${trace_id}')}, {LOOK}).path")
    assert asked == "traces/ab%20cd%2F.."


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.b", 'The console asks only this receiver: "https://a.b" is not below /api/v1/.'),
        ("//example.org", 'The console asks only this receiver: "//example.org" is not below /api/v1/.'),
        ("/api/v1/../../v1/traces", '"/api/v1/../../v1/traces" is not a path of the API.'),
        ("/api/v1/a?b=c", '"/api/v1/a?b=c" is not a path of the API.'),
        ("/api/v1/traces/${empty}", 'Fill in "empty" above.'),
        ("/api/v1/traces/${none}", 'Fill in "none" above.'),
    ],
    ids=["elsewhere", "other-host", "upwards", "query", "empty", "nothing-chosen"],
)  # fmt: skip
def test_what_is_no_question_for_this_receiver_is_refused(run: Run, url: str, message: str) -> None:
    assert run(f"m.infinity.questionOf({_target(url=url)}, {LOOK})") == {"thrown": message}


@pytest.mark.parametrize("dots", [".", ".."])
def test_variable_of_dots_cannot_ask_for_another_path(run: Run, dots: str) -> None:
    asked = f"m.infinity.questionOf({_target(url='/api/v1/traces/$id')}, () => {json.dumps(dots)})"
    assert "is not a path of the API" in run(asked)["thrown"]


@pytest.mark.parametrize(
    ("kind", "sent", "read", "type_"),
    [
        ("string", [1, None, True, {"a": 1}], ["1", None, "true", '{"a":1}'], "string"),
        ("number", [1.5, "2", None, "x", ""], [1.5, 2, None, None, None], "number"),
        ("boolean", [True, 0, None], [True, False, None], "boolean"),
        ("timestamp_epoch", [1_795_000_000_000, None], [1_795_000_000_000, None], "time"),
        ("timestamp_epoch_s", [1_795_000_000], [1_795_000_000_000], "time"),
        ("timestamp", ["2026-11-18T11:06:40Z", "never"], [1_795_000_000_000, None], "time"),
    ],
)
def test_column_is_read_as_its_type(
    run: Run, kind: str, sent: list[Any], read: list[Any], type_: str
) -> None:
    frame = _frame(run, [{"x": value} for value in sent], columns=[_column("x", kind)])
    assert (frame["fields"][0]["values"], frame["fields"][0]["type"]) == (read, type_)


def test_column_reaches_into_objects_and_not_into_prototypes(run: Run) -> None:
    columns = [_column("a.b", "number"), _column("a.missing", "number"), _column("constructor.name")]
    frame = _frame(run, [{"a": {"b": 3}}], columns=columns)
    assert [field["values"] for field in frame["fields"]] == [[3], [None], [None]]


def test_answer_without_rows_is_an_error_and_one_with_none_is_empty(run: Run) -> None:
    assert run(f"m.infinity.frameOf({_target()}, {{}}, {LOOK})") == {
        "thrown": 'The answer has no rows at "data".'
    }
    assert _frame(run, [], columns=[_column("x")])["length"] == 0


def test_computed_column_uses_columns_and_variables(run: Run) -> None:
    frame = _frame(
        run,
        [{"value": 120}, {"value": None}],
        columns=[_column("value", "number", "count")],
        computed_columns=[_column("count * 1000 / ${__interval_ms}", "number", "Value")],
    )
    assert [(field["name"], field["values"]) for field in frame["fields"]] == [
        ("count", [120, None]),
        ("Value", [2, None]),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("8 / 2 / 2", 2),
        ("8 - 2 - 2", 4),
        ("-a + -(-2)", -2),
        ("a / 0", None),
        ("a + text", None),
        ("1e3 * .5", {"thrown": '"1e3 * .5" is not arithmetic at ".5"'}),
        ("a b", {"thrown": '"a b" goes on after its end'}),
        ("(a", {"thrown": '"(a" lacks a ")"'}),
        ("a +", {"thrown": '"a +" is not complete'}),
        ("missing", {"thrown": 'there is no column "missing"'}),
        ("a; alert(1)", {"thrown": '"a; alert(1)" is not arithmetic at "; alert(1)"'}),
        ("a.constructor", {"thrown": '"a.constructor" is not arithmetic at ".constructor"'}),
    ],
)
def test_expression_is_arithmetic_and_nothing_else(run: Run, text: str, value: Any) -> None:
    row = "(name) => new Map([['a', 4], ['text', 'x']]).get(name)"
    assert run(f"m.expression.compile({json.dumps(text)})({row})") == value


LONG = [
    {"time": 2, "severity": "low", "value": 1},
    {"time": 1, "severity": "low", "value": 3},
    {"time": 1, "severity": "<b>", "value": 0},
]
LONG_COLUMNS = [
    _column("time", "timestamp_epoch", "Time"),
    _column("severity"),
    _column("value", "number", "Value"),
]


def test_long_rows_become_a_field_for_each_label_sorted_by_time(run: Run) -> None:
    frame = _frame(run, LONG, format="timeseries", columns=LONG_COLUMNS)
    assert [(field["name"], field["labels"], field["values"]) for field in frame["fields"]] == [
        ("Time", {}, [1, 2]),
        ("Value", {"severity": "<b>"}, [0, None]),
        ("Value", {"severity": "low"}, [3, 1]),
    ]


def test_numbers_stay_apart_with_their_labels(run: Run) -> None:
    columns = [*LONG_COLUMNS, _column("other", "number", "Other")]
    frame = _frame(run, [{**row, "other": 9} for row in LONG[:2]], format="timeseries", columns=columns)
    assert [field["name"] for field in frame["fields"]] == ["Time", "Other", "Value"]


def test_a_table_keeps_the_order_of_its_rows(run: Run) -> None:
    frame = _frame(run, LONG, columns=LONG_COLUMNS)
    assert frame["fields"][0]["values"] == [2, 1, 1]


@pytest.mark.parametrize(
    ("hours", "points", "lowest", "step"),
    [
        (6, 120, "10s", 120_000),
        (1, 120, "10s", 30_000),
        (0.01, 120, "10s", 10_000),
        (0.01, 120, None, 200),
        (24, 120, None, 600_000),
        (168, 120, None, 3_600_000),
        (6, 1000, ">1m", 60_000),
        (24 * 3650, 1, None, 31_536_000_000),
    ],
)
def test_step_is_grafanas(run: Run, hours: float, points: int, lowest: str | None, step: int) -> None:
    range_ = f"{{from: 0, to: {hours * 3_600_000}}}"
    assert run(f"m.interval.stepFor({range_}, {points}, {json.dumps(lowest)})") == step


def test_lengths_are_read_and_written(run: Run) -> None:
    assert run('["10s", "5m", "1h", "250ms", "x", "", "1.5s"].map(m.interval.lengthMs)') == [
        10_000, 300_000, 3_600_000, 250, None, None, None,
    ]  # fmt: skip
    assert run("[250, 10000, 90000, 300000, 604800000].map(m.interval.stepText)") == [
        "250ms", "10s", "90s", "5m", "1w",
    ]  # fmt: skip


def test_annotations_are_found_by_the_names_of_their_fields(run: Run) -> None:
    fields = ", ".join(
        f'm.frames.makeField("{name}", "other", {json.dumps(values)})'
        for name, values in {"Time": [5, None], "timeEnd": [None, 9], "title": ["v2", "x"]}.items()
    )
    frame = f'm.frames.makeFrame("A", [{fields}])'
    assert run(f'm.annotations.annotationsOf({frame}, "red")') == [
        {"time": 5, "timeEnd": 5, "title": "v2", "text": "", "color": "red"}
    ]
