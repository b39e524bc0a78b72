"""Rules that every dashboard keeps, so that it provisions, explains itself and shows the right data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.boards import (
    BOARDS,
    annotations,
    columns,
    overrides,
    panels,
    targets,
    variables,
)

from promethios.dashboards.infinity import DATASOURCE_TYPE

_REFERENCE = {"type": DATASOURCE_TYPE, "uid": "${datasource}"}

#: Of https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts.
_UNITS = {
    "bytes",
    "cps",
    "currencyUSD",
    "dateTimeAsIso",
    "dateTimeFromNow",
    "ms",
    "none",
    "percentunit",
    "ops",
    "short",
    "string",
    "µs",
}
_KINDS = {
    "barchart",
    "heatmap",
    "logs",
    "stat",
    "state-timeline",
    "table",
    "timeseries",
    "traces",
}
#: Columns that hold times; those that may be null come as numbers, since Infinity has no null time.
_MOMENTS = {"time"}


@pytest.fixture(params=sorted(BOARDS))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard in turn."""
    return BOARDS[request.param]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def test_the_five_dashboards_are_there() -> None:
    names = ("agent", "compliance", "overview", "policies", "trace")
    assert sorted(BOARDS) == [f"promethios-{name}.json" for name in names]


def test_dashboards_have_a_uid_a_title_a_description_and_tags(board: dict[str, Any]) -> None:
    assert board is BOARDS[f"{board['uid']}.json"]
    assert board["title"].startswith("Promethios / ")
    assert board["description"].endswith(".")
    assert board["tags"] == ["promethios", "ai-agents", "governance"]


def test_dashboards_refresh_and_share_a_crosshair(board: dict[str, Any]) -> None:
    assert (board["refresh"], board["graphTooltip"], board["timezone"]) == ("30s", 1, "browser")
    assert board["time"] == {"from": "now-6h", "to": "now"}


def test_schema_version_is_one_that_grafana_imports_from_11_6_on(board: dict[str, Any]) -> None:
    assert board["schemaVersion"] == 42


def test_every_panel_and_row_has_an_id_of_its_own(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert all(ids)
    assert len(ids) == len(set(ids))


def test_panels_do_not_overlap_and_stay_within_24_columns(board: dict[str, Any]) -> None:
    taken: dict[tuple[int, int], int] = {}
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for cell in (
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        ):
            assert cell not in taken, f"{panel['id']} lies on {taken[cell]}"
            taken[cell] = panel["id"]


def test_lines_of_panels_fill_the_width(board: dict[str, Any]) -> None:
    """A hole in a line of panels is a panel that was forgotten."""
    widths: dict[int, int] = {}
    for panel in board["panels"]:
        at = panel["gridPos"]
        for y in range(at["y"], at["y"] + at["h"]):
            widths[y] = widths.get(y, 0) + at["w"]
    assert {y: width for y, width in widths.items() if width != 24} == {}
    assert sorted(widths) == list(range(len(widths)))


def test_every_panel_has_a_title_a_description_and_a_unit(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        assert drawn["title"]
        assert not drawn["title"].endswith(".")
        assert drawn["description"].endswith(".")
        assert drawn["description"][0].isupper()
        assert drawn["fieldConfig"]["defaults"]["unit"] in _UNITS


def test_every_panel_says_what_it_shows_without_data(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        assert drawn["fieldConfig"]["defaults"]["noValue"]


def test_panels_are_of_the_kinds_that_both_renderers_draw(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        assert drawn["type"] in _KINDS


def test_units_of_columns_are_on_grafanas_list(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        assert {prop["value"] for _, prop in overrides(drawn) if prop["id"] == "unit"} <= _UNITS


def test_texts_have_no_blanks_too_many(board: dict[str, Any]) -> None:
    assert [text for text in _texts(board) if text != text.strip() or "  " in text] == []


def test_titles_of_panels_and_rows_are_unique(board: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in board["panels"]]
    assert sorted(titles) == sorted(set(titles))


def test_no_panel_is_without_a_query(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        assert [target["refId"] for target in drawn["targets"]] == ["A"]


def test_everything_asks_the_data_source_of_the_variable(board: dict[str, Any]) -> None:
    assert board["templating"]["list"][0]["name"] == "datasource"
    assert board["templating"]["list"][0]["query"] == DATASOURCE_TYPE
    for variable in variables(board).values():
        assert variable.get("datasource", _REFERENCE) == _REFERENCE
    for asking in (*panels(board), *annotations(board), *targets(board)):
        assert asking["datasource"] == _REFERENCE


def test_no_dashboard_asks_to_be_filled_in_at_import(board: dict[str, Any]) -> None:
    """Provisioning from files never substitutes ``__inputs`` or ``${DS_...}``."""
    assert "__inputs" not in board
    assert "${DS_" not in json.dumps(board)


def test_queries_are_relative_and_for_the_backend_parser(board: dict[str, Any]) -> None:
    for target in targets(board):
        assert target["url"].startswith("/api/v1/")
        assert (target["type"], target["source"], target["parser"]) == ("json", "url", "backend")
        assert target["root_selector"] == "data"


def test_times_are_asked_as_epochs_in_milliseconds(board: dict[str, Any]) -> None:
    for target in targets(board):
        for column in target["columns"]:
            assert (column["type"] == "timestamp_epoch") == (column["selector"] in _MOMENTS)


def test_other_moments_are_shown_as_times(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        shown = {
            matcher["options"]: prop["value"] for matcher, prop in overrides(drawn) if prop["id"] == "unit"
        }
        for name, selector in columns(drawn).items():
            if re.search(r"_seen$|^since$|^oldest$|^last_ungoverned$", selector):
                assert shown[name].startswith("dateTime"), name


def test_series_begin_with_the_time_then_the_label_then_the_number(board: dict[str, Any]) -> None:
    for drawn in panels(board, "timeseries", "state-timeline", "heatmap"):
        target = drawn["targets"][0]
        assert [column["type"] for column in target["columns"]] == ["timestamp_epoch", "string", "number"]
        assert target["format"] == "timeseries"


def test_queries_follow_the_range_and_the_agents(board: dict[str, Any]) -> None:
    """All but those of one trace, which is where and when it is."""
    for target in targets(board):
        params = {p["key"]: p["value"] for p in target["url_options"]["params"]}
        if "trace_id" in target["url"] or "trace" in params or target["refId"] == "variable":
            continue
        assert params["from"] == "${__from}"
        assert params["to"] == "${__to}"
        assert params["agent"] == "${agent:pipe}"


def test_no_query_gives_a_parameter_twice(board: dict[str, Any]) -> None:
    for target in targets(board):
        keys = [p["key"] for p in target["url_options"]["params"]]
        assert sorted(keys) == sorted(set(keys))


def test_variables_used_are_variables_that_exist(board: dict[str, Any]) -> None:
    asked = json.dumps([*targets(board), *(panel["title"] for panel in board["panels"])])
    assert set(re.findall(r"\$\{([a-z]\w*)", asked)) <= set(variables(board))


def test_variables_that_exist_are_used(board: dict[str, Any]) -> None:
    for name in variables(board):
        assert f"${{{name}" in json.dumps([panels(board), annotations(board)])


def test_choices_are_many_and_all_of_them_is_one_word(board: dict[str, Any]) -> None:
    for variable in variables(board).values():
        if variable["type"] == "query":
            assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".*")
            assert variable["current"] == {"selected": True, "text": ["All"], "value": ["$__all"]}


def test_overrides_name_columns_that_are_asked_for(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        names = {*columns(drawn), *(column["text"] for column in drawn["targets"][0]["computed_columns"])}
        named = {matcher["options"] for matcher, _ in overrides(drawn) if matcher["id"] == "byName"}
        assert named <= names
        assert {matcher["id"] for matcher, _ in overrides(drawn)} <= {"byName", "byRegexp"}


def test_legends_are_tables_on_the_right(board: dict[str, Any]) -> None:
    for panel in panels(board, "timeseries"):
        legend = panel["options"]["legend"]
        assert (legend["placement"], legend["displayMode"]) == ("right", "table"), panel["title"]


def test_lines_of_known_words_are_in_the_order_of_their_colours(board: dict[str, Any]) -> None:
    """Worst first: the data source sorts by name, and "low" would come before "medium"."""
    for panel in panels(board, "timeseries"):
        coloured = [
            matcher["options"].removeprefix("/(^|\\s)").removesuffix("$/")
            for matcher, prop in overrides(panel)
            if prop["id"] == "color"
        ]
        if coloured:
            (organize,) = panel["transformations"]
            placed = sorted(organize["options"]["indexByName"].items(), key=lambda place: place[1])
            assert [name for name, _ in placed] == ["Time", *coloured]


def test_columns_of_tables_are_in_the_order_of_their_queries(board: dict[str, Any]) -> None:
    """The data source sorts them by name: an agent would not come before its alerts."""
    for panel in panels(board, "table", "barchart"):
        (organize,) = panel["transformations"]
        computed = [column["text"] for column in panel["targets"][0]["computed_columns"]]
        placed = sorted(organize["options"]["indexByName"].items(), key=lambda place: place[1])
        assert [name for name, _ in placed] == [*columns(panel), *computed]


def test_policy_changes_and_alerts_are_marked_on_lines(board: dict[str, Any]) -> None:
    marks = [(mark["name"], mark["enable"]) for mark in annotations(board)]
    lines = panels(board, "timeseries", "heatmap", "state-timeline")
    assert marks == ([("Policy changes", True), ("Alerts", True)] if lines else [])


def test_marks_name_their_fields_as_grafana_looks_for_them(board: dict[str, Any]) -> None:
    for mark in annotations(board):
        names = [column["text"] for column in mark["target"]["columns"]]
        assert names == ["time", "timeEnd", "title", "text", "tags"]


def test_no_dashboard_holds_an_address_or_a_key(board: dict[str, Any]) -> None:
    text = json.dumps(board)
    assert "http://" not in text
    assert "https://" not in text
    assert "pmk_" not in text
