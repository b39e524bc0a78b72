"""One number, large: what it says, in which colour, and that it fits."""

from __future__ import annotations

import pytest
from tests.support.stage import Stage, field, frame, series

STEPS = {"mode": "absolute", "steps": [{"color": "#45b7a6", "value": None}, {"color": "#da252e", "value": 1}]}
GREEN, RED = "rgb(69, 183, 166)", "rgb(218, 37, 46)"


def _value(stage: Stage) -> str:
    return stage.host.locator(".p-stat-value").inner_text()


def _style(stage: Stage, selector: str, name: str) -> str:
    found: str = stage.host.locator(selector).evaluate("(node, name) => getComputedStyle(node)[name]", name)
    return found


@pytest.mark.parametrize(("value", "color"), [(0, GREEN), (1, RED)], ids=["good", "bad"])
def test_threshold_colours_the_number(stage: Stage, value: int, color: str) -> None:
    stage.show("stat", series(Down=[value]), defaults={"thresholds": STEPS}, options={"colorMode": "value"})
    assert _style(stage, ".p-stat-value", "color") == color


def test_threshold_colours_the_ground_and_the_number_stays_legible(stage: Stage) -> None:
    stage.show("stat", series(Down=[2]), defaults={"thresholds": STEPS}, options={"colorMode": "background"})
    assert _style(stage, ".p-stat", "backgroundColor") == RED
    assert _style(stage, ".p-stat-value", "color") == "rgb(255, 255, 255)"


def test_reduce_options_choose_the_field_and_the_calculation(stage: Stage) -> None:
    frames = series(Live=[1, 2, None], Stale=[7, 7, 7])
    stage.show("stat", frames, options={"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/^Live$/"}})
    assert _value(stage) == "2"
    stage.show("stat", frames, options={"reduceOptions": {"calcs": ["sum"], "fields": "Stale"}})
    assert _value(stage) == "21"


def test_each_of_several_numbers_has_its_name(stage: Stage) -> None:
    stage.show("stat", series(Live=[1], Stale=[2]))
    assert stage.host.locator(".p-stat").all_inner_texts() == ["Live\n\n1", "Stale\n\n2"]


@pytest.mark.parametrize(
    ("values", "shown"),
    [([None], "nobody"), ([], "nobody"), ([float("nan")], "nobody")],
    ids=["null", "no-rows", "nan"],
)
def test_missing_number_says_what_the_panel_wants(stage: Stage, values: list[object], shown: str) -> None:
    stage.show("stat", frame(field("Live", "number", values)), defaults={"noValue": "nobody"})
    assert _value(stage) == shown


def test_answer_without_fields_says_so_too(stage: Stage) -> None:
    stage.show("stat", frame(), defaults={"noValue": "nobody"})
    assert _value(stage) == "nobody"


@pytest.mark.parametrize(("width", "height"), [(120, 60), (328, 90), (900, 300), (2400, 600)])
def test_number_fits_its_box(stage: Stage, width: int, height: int) -> None:
    stage.show("stat", series(Tokens=[-123_456_789_012.5]), defaults={"unit": "none", "decimals": 2})
    stage.resize(width, height)
    box, value = stage.host.bounding_box(), stage.host.locator(".p-stat-value").bounding_box()
    assert box and value
    assert value["width"] <= box["width"] or value["height"] < 16  # As small as can be read.
    assert value["height"] <= box["height"]
    assert value["height"] >= min(height * 0.15, 100) or value["width"] > width * 0.6


@pytest.mark.parametrize("height", [30, 50, 90])
def test_short_number_is_as_high_as_a_low_box_allows(stage: Stage, height: int) -> None:
    stage.show("stat", series(Live=[3]))
    stage.resize(300, height)
    value = stage.host.locator(".p-stat-value").bounding_box()
    assert value and height * 0.3 < value["height"] < height


def test_number_leads_where_its_field_does(stage: Stage) -> None:
    links = {"Live": [{"title": "Agents", "href": "#/d/promethios-agent"}]}
    stage.show("stat", series(Live=[3]), links=links)
    assert stage.host.get_by_role("link").get_attribute("href") == "#/d/promethios-agent"


def test_name_is_read_out_though_only_the_number_is_shown(stage: Stage) -> None:
    stage.show("stat", series(Live=[3]), title="Agents that live")
    assert stage.host.get_by_role("group", name="Agents that live").inner_text().split() == ["Live", "3"]
