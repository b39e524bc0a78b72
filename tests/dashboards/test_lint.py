"""Rules that every dashboard keeps, so that it provisions, explains itself and shows the right data."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.support.boards import BOARDS, OVERVIEW, TRACE, panels
from tests.support.colors import closest, contrast

from promethios.dashboards import palette
from promethios.dashboards.infinity import DATASOURCE_TYPE

_REFERENCE = {"type": DATASOURCE_TYPE, "uid": "${datasource}"}


@pytest.fixture(params=sorted(BOARDS))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard in turn."""
    return BOARDS[request.param]


def test_dashboards_have_a_uid_a_title_a_description_and_tags(board: dict[str, Any]) -> None:
    assert re.fullmatch(r"promethios-[a-z]+", board["uid"])
    assert board["title"].startswith("Promethios / ")
    assert board["description"].endswith(".")
    assert "promethios" in board["tags"]


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


def test_every_panel_has_a_title_a_description_and_a_unit(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_titles_of_panels_are_unique(board: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert sorted(titles) == sorted(set(titles))


def test_no_panel_is_without_a_query(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert [target["refId"] for target in panel["targets"]] == ["A"], panel["title"]


def test_everything_asks_the_data_source_of_the_variable(board: dict[str, Any]) -> None:
    variables = board["templating"]["list"]
    assert variables[0]["name"] == "datasource"
    assert variables[0]["query"] == DATASOURCE_TYPE
    for panel in panels(board):
        assert panel["datasource"] == _REFERENCE
        assert panel["targets"][0]["datasource"] == _REFERENCE
    for variable in variables:
        assert variable.get("datasource", _REFERENCE) == _REFERENCE


def test_no_dashboard_asks_to_be_filled_in_at_import(board: dict[str, Any]) -> None:
    """Provisioning from files never substitutes ``__inputs`` or ``${DS_...}``."""
    assert "__inputs" not in board
    assert "${DS_" not in json.dumps(board)


def test_queries_are_relative_and_for_the_backend_parser(board: dict[str, Any]) -> None:
    for panel in panels(board):
        target = panel["targets"][0]
        assert target["url"].startswith("/api/v1/")
        assert (target["type"], target["source"], target["parser"]) == ("json", "url", "backend")
        assert target["root_selector"] == "data"


def test_times_are_asked_as_epochs_in_milliseconds(board: dict[str, Any]) -> None:
    for panel in panels(board):
        for column in panel["targets"][0]["columns"]:
            assert (column["type"] == "timestamp_epoch") == (column["selector"] in ("time", "last_seen"))


def test_series_begin_with_the_time_then_the_label_then_the_number() -> None:
    for panel in panels(OVERVIEW, "timeseries", "state-timeline"):
        types = [column["type"] for column in panel["targets"][0]["columns"]]
        assert types == ["timestamp_epoch", "string", "number"]


def test_every_query_of_the_overview_follows_the_range_and_the_agents() -> None:
    for panel in panels(OVERVIEW):
        params = {p["key"]: p["value"] for p in panel["targets"][0]["url_options"]["params"]}
        assert params["from"] == "${__from}"
        assert params["to"] == "${__to}"
        assert params["agent"] == "${agent:pipe}"


def test_variables_used_are_variables_that_exist(board: dict[str, Any]) -> None:
    known = {v["name"] for v in board["templating"]["list"]}
    for panel in panels(board):
        used = set(re.findall(r"\$\{([a-z]\w*)", json.dumps(panel["targets"])))
        assert used <= known, panel["title"]


def test_links_are_on_single_columns_and_lead_to_our_dashboards() -> None:
    uids = {board["uid"] for board in BOARDS.values()}
    for board in BOARDS.values():
        for panel in panels(board):
            assert "links" not in panel["fieldConfig"]["defaults"], "would turn every cell into a link"
            for override in panel["fieldConfig"]["overrides"]:
                for prop in override["properties"]:
                    if prop["id"] == "links":
                        assert re.findall(r"^/d/([\w-]+)\?", prop["value"][0]["url"])[0] in uids


def test_values_of_cells_are_encoded_in_links() -> None:
    """An agent's name may hold ``&`` and ``#``: it must stay one value."""
    urls = re.findall(r'"url": "(/d/[^"]+__data[^"]+)"', json.dumps([OVERVIEW, TRACE]))
    assert urls
    for url in urls:
        for cell in re.findall(r"\$\{__data[^}]*\}", url):
            assert cell.endswith(":percentencode}")


def test_rows_of_violations_and_decisions_lead_to_the_trace() -> None:
    for title in ("Recent violations", "Recent decisions"):
        panel = next(p for p in panels(OVERVIEW) if p["title"] == title)
        trace = next(o for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == "Trace")
        assert "/d/promethios-trace?" in json.dumps(trace)


def test_legends_are_tables_on_the_right() -> None:
    for panel in panels(OVERVIEW, "timeseries"):
        legend = panel["options"]["legend"]
        assert (legend["placement"], legend["displayMode"]) == ("right", "table"), panel["title"]


def test_no_dashboard_holds_an_address_or_a_key(board: dict[str, Any]) -> None:
    text = json.dumps(board)
    assert "http://" not in text
    assert "https://" not in text
    assert "pmk_" not in text


@pytest.mark.parametrize(
    "scale", ["SEVERITIES", "VERDICTS", "STATUSES", "QUANTILES", "DIRECTIONS", "SIGNALS"]
)
def test_colours_of_a_scale_can_be_told_apart_by_everybody(scale: str) -> None:
    colors = getattr(palette, scale).values()
    assert closest(colors) >= 18
    assert min(contrast(color, "#181b1f") for color in colors) >= 3, "against Grafana's dark panels"
