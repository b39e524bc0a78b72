"""Names, overrides, mappings and thresholds of fields, as Grafana applies them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.console.conftest import Run

MODULES = ("fields", "frames", "mappings", "transformations")

SEVERITIES = """m.frames.makeFrame("A", [
    m.frames.makeField("Time", "time", [1, 2]),
    m.frames.makeField("Value", "number", [5, 7], {severity: "high"}),
    m.frames.makeField("count", "number", [5, 7], {severity: "low"}),
])"""


def _configured(run: Run, config: dict[str, Any], frame: str = SEVERITIES) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = run(
        f"m.fields.applyFieldConfig([{frame}], {json.dumps(config)})[0].fields"
    )
    return fields


def test_value_is_called_by_its_label_and_another_number_by_both(run: Run) -> None:
    assert [field["displayName"] for field in _configured(run, {})] == ["Time", "high", "count low"]


def test_several_labels_are_told_with_their_names(run: Run) -> None:
    frame = 'm.frames.makeFrame("A", [m.frames.makeField("Value", "number", [1], {a: "1", b: "2"})])'
    assert _configured(run, {}, frame)[0]["displayName"] == '{a="1", b="2"}'


def test_template_names_a_series_and_leaves_the_time_its_name(run: Run) -> None:
    named = _configured(run, {"defaults": {"displayName": "sev ${__field.labels.severity}"}})
    assert [field["displayName"] for field in named] == ["sev ", "sev high", "sev low"]
    only = _configured(run, {"defaults": {"displayName": "${__field.labels.severity}"}})
    assert [field["displayName"] for field in only] == ["Time", "high", "low"]


def test_hostile_label_does_not_fill_in_more(run: Run) -> None:
    frame = 'm.frames.makeFrame("A", [m.frames.makeField("Value", "number", [1], {a: "${__field.name}"})])'
    named = _configured(run, {"defaults": {"displayName": "${__field.labels.a}"}}, frame)
    assert named[0]["displayName"] == "${__field.name}"


@pytest.mark.parametrize(
    ("matcher", "matched"),
    [
        ({"id": "byName", "options": "high"}, ["high"]),
        ({"id": "byName", "options": "Time"}, ["Time"]),
        ({"id": "byName", "options": "count"}, ["count low"]),
        ({"id": "byRegexp", "options": "/(^|\\s)low$/"}, ["count low"]),
        ({"id": "byRegexp", "options": "/HIGH/i"}, ["high"]),
        ({"id": "byRegexp", "options": "/(/"}, []),
        ({"id": "byType", "options": "number"}, ["high", "count low"]),
        ({"id": "byFrameRefID", "options": "B"}, []),
        ({"id": "__proto__", "options": "x"}, []),
    ],
    ids=[
        "name",
        "time",
        "own-name",
        "pattern",
        "flags",
        "broken-pattern",
        "type",
        "other-query",
        "unknown",
    ],
)
def test_override_is_for_the_fields_that_its_matcher_finds(
    run: Run, matcher: dict[str, str], matched: list[str]
) -> None:
    override = {"matcher": matcher, "properties": [{"id": "custom.width", "value": 90}]}
    fields = _configured(run, {"overrides": [override]})
    assert [field["displayName"] for field in fields if field["config"]["custom"].get("width")] == matched


def test_override_by_the_name_that_a_template_gives(run: Run) -> None:
    override = {
        "matcher": {"id": "byName", "options": "is high"},
        "properties": [{"id": "unit", "value": "s"}],
    }
    config = {"defaults": {"displayName": "is ${__field.labels.severity}"}, "overrides": [override]}
    assert [field["config"].get("unit") for field in _configured(run, config)] == [None, "s", None]


def test_later_override_wins_and_defaults_hold_elsewhere(run: Run) -> None:
    def width(pixels: int) -> dict[str, Any]:
        properties = [{"id": "custom.width", "value": pixels}]
        return {"matcher": {"id": "byName", "options": "high"}, "properties": properties}

    config = {"defaults": {"unit": "short", "custom": {"width": 1}}, "overrides": [width(2), width(3)]}
    fields = _configured(run, config)
    assert [(field["config"]["unit"], field["config"]["custom"]["width"]) for field in fields] == [
        ("short", 1),
        ("short", 3),
        ("short", 1),
    ]


def test_property_cannot_reach_a_prototype(run: Run) -> None:
    properties = [{"id": "custom.__proto__", "value": {"bad": 1}}, {"id": "__proto__", "value": {"bad": 1}}]
    config = {"overrides": [{"matcher": {"id": "byName", "options": "high"}, "properties": properties}]}
    assert run(f"(m.fields.applyFieldConfig([{SEVERITIES}], {json.dumps(config)}), ({{}}).bad)") is None


@pytest.mark.parametrize(
    ("mapping", "value", "text"),
    [
        ({"type": "value", "options": {"2": {"text": "live"}}}, "2", "live"),
        ({"type": "value", "options": {"2": {"text": "live"}}}, "3", None),
        ({"type": "value", "options": {}}, '"__proto__"', None),
        ({"type": "value", "options": {"null": {"text": "x"}}}, "null", None),
        ({"type": "range", "options": {"from": 1, "to": None, "result": {"text": "some"}}}, "9", "some"),
        ({"type": "range", "options": {"from": 1, "to": 2, "result": {"text": "some"}}}, '"1"', None),
        ({"type": "regex", "options": {"pattern": "/^a/", "result": {"text": "A"}}}, '"ab"', "A"),
        ({"type": "special", "options": {"match": "null", "result": {"text": "no"}}}, "null", "no"),
        ({"type": "special", "options": {"match": "nan", "result": {"text": "no"}}}, "NaN", "no"),
        ({"type": "nothing", "options": {}}, "1", None),
    ],
    ids=[
        "value", "other-value", "prototype", "null-is-no-value", "open-range", "range-is-for-numbers",
        "pattern", "null", "nan", "unknown",
    ],
)  # fmt: skip
def test_mapping_gives_its_text_to_the_values_it_is_for(
    run: Run, mapping: dict[str, Any], value: str, text: str | None
) -> None:
    assert run(f"m.mappings.mapped({json.dumps([mapping])}, {value})?.text") == text


STEPS = {
    "mode": "absolute",
    "steps": [{"value": None, "color": "#0000ff"}, {"value": 10, "color": "#ff0000"}],
}


@pytest.mark.parametrize(
    ("value", "color"), [(9.99, "#0000ff"), (10, "#ff0000"), (-1e9, "#0000ff"), (None, None), ("x", None)]
)
def test_threshold_gives_its_colour_from_its_value_on(run: Run, value: Any, color: str | None) -> None:
    assert run(f"m.fields.colorOf({json.dumps({'thresholds': STEPS})}, {json.dumps(value)})") == color


def test_percentages_are_of_the_range(run: Run) -> None:
    config = {"thresholds": STEPS | {"mode": "percentage"}, "min": 0, "max": 1000}
    assert run(f"[99, 100].map((v) => m.fields.colorOf({json.dumps(config)}, v))") == ["#0000ff", "#ff0000"]


def test_mappings_colour_goes_before_thresholds(run: Run) -> None:
    config = {
        "thresholds": STEPS,
        "mappings": [{"type": "value", "options": {"12": {"color": "#00ff00"}}}],
    }
    assert run(f"m.fields.colorOf({json.dumps(config)}, 12)") == "#00ff00"


def test_missing_value_is_what_the_field_calls_it(run: Run) -> None:
    shown = run('m.fields.display({type: "number", config: {noValue: "no price", unit: "s"}}, null)')
    assert shown["text"] == "no price"
    assert run('m.fields.display({type: "number", config: {}}, null)')["text"] == "\u2013"


def test_time_without_a_unit_is_a_time(run: Run) -> None:
    field = '{type: "time", config: {unit: "short"}}'
    assert run(f"m.fields.display({field}, 1795000000000)")["text"] == "2026-11-18 11:06:40"


def test_series_get_the_palettes_colours_in_turn_and_their_own_when_fixed(run: Run) -> None:
    fixed = {"id": "color", "value": {"mode": "fixed", "fixedColor": "#ff0000"}}
    config = {"overrides": [{"matcher": {"id": "byName", "options": "high"}, "properties": [fixed]}]}
    colors = run(
        f"m.fields.applyFieldConfig([{SEVERITIES}], {json.dumps(config)})[0].fields.map(m.fields.seriesColor)"
    )
    assert colors == ["#4a86f0", "#ff0000", "#f0d57a"]


def _organize(**options: Any) -> dict[str, Any]:
    return {"id": "organize", "options": options}


@pytest.mark.parametrize(
    ("transformation", "names"),
    [
        (_organize(indexByName={"count low": 0, "high": 1}), ["count low", "high", "Time"]),
        (_organize(excludeByName={"high": True}), ["Time", "count low"]),
        (_organize(renameByName={"high": "High!"}), ["Time", "High!", "count low"]),
        ({"id": "filterFieldsByName", "options": {"include": {"names": ["high"]}}}, ["high"]),
        ({"id": "filterFieldsByName", "options": {"exclude": {"pattern": "/low/"}}}, ["Time", "high"]),
        (_organize(excludeByName={"high": True}) | {"disabled": True}, ["Time", "high", "count low"]),
        ({"id": "constructor", "options": {}}, ["Time", "high", "count low"]),
    ],
    ids=["order", "exclude", "rename", "include", "pattern", "disabled", "unknown"],
)  # fmt: skip
def test_transformation_changes_the_fields(
    run: Run, transformation: dict[str, Any], names: list[str]
) -> None:
    asked = f"m.transformations.transform([{SEVERITIES}], {json.dumps([transformation])})[0]"
    assert run(f"{asked}.fields.map((field) => m.fields.plainName(field))") == names


def test_rows_are_sorted_and_cut_with_what_is_missing_last(run: Run) -> None:
    frame = """m.frames.makeFrame("A", [
        m.frames.makeField("n", "number", [2, null, 3]),
        m.frames.makeField("t", "string", ["b", "x", "a"])])"""
    steps = [
        {"id": "sortBy", "options": {"sort": [{"field": "n", "desc": False}]}},
        {"id": "limit", "options": {"limitField": 2}},
    ]
    cut = run(f"m.transformations.transform([{frame}], {json.dumps(steps)})[0]")
    assert cut["length"] == 2
    assert [field["values"] for field in cut["fields"]] == [[2, 3], ["b", "a"]]
