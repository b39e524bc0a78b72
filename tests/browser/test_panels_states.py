"""States over time: stretches, names, what pointing and keys say."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import MINUTE, START, Stage, series

STATES: dict[str, Any] = {
    "mappings": [
        {
            "type": "value",
            "options": {
                "0": {"text": "down", "color": "#da252e", "index": 2},
                "1": {"text": "stale", "color": "#f2c027", "index": 1},
                "2": {"text": "live", "color": "#45b7a6", "index": 0},
            },
        }
    ]
}
QUIET = {"mergeValues": True, "showValue": "never"}


def _stretches(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.host.locator(".p-stretch").evaluate_all(
        """(all) => all.map((one) => ({
            state: one.dataset.state,
            width: parseFloat(one.style.width),
            color: getComputedStyle(one).backgroundColor,
        }))"""
    )
    return found


def test_equal_neighbours_are_one_stretch_in_the_states_colour(stage: Stage) -> None:
    stage.show("state-timeline", series(bot=[2, 2, 1, 0]), options=QUIET, defaults=STATES)
    assert [one["state"] for one in _stretches(stage)] == ["live", "stale", "down"]
    assert [one["width"] for one in _stretches(stage)] == pytest.approx([50, 25, 25], abs=0.5)
    assert _stretches(stage)[2]["color"] == "rgb(218, 37, 46)"


def test_neighbours_stay_apart_where_the_panel_says_so(stage: Stage) -> None:
    options = {"mergeValues": False, "showValue": "auto"}
    stage.show("state-timeline", series(bot=[2, 2]), options=options, defaults=STATES)
    assert stage.host.locator(".p-stretch").all_inner_texts() == ["live", "live"]


def test_missing_value_is_a_gap(stage: Stage) -> None:
    stage.show("state-timeline", series(bot=[2, None, 2, 2]), options=QUIET, defaults=STATES)
    assert [one["width"] for one in _stretches(stage)] == pytest.approx([25, 50], abs=0.5)


def test_legend_names_each_state_in_the_order_of_the_mappings(stage: Stage) -> None:
    stage.show("state-timeline", series(a=[0, 2], b=[1, 1]), options=QUIET, defaults=STATES)
    assert stage.host.locator(".p-legend li").all_inner_texts() == ["live", "stale", "down"]


def test_pointing_tells_state_and_time_and_moves_the_crosshair(stage: Stage) -> None:
    stage.show("state-timeline", series(bot=[2, 2, 1, 0]), options=QUIET, defaults=STATES)
    stage.host.locator(".p-stretch").nth(1).hover()
    words = stage.host.locator(".p-tip").inner_text().splitlines()
    assert [word for word in words if word] == [
        "bot",
        "2026-11-18 11:08:40 to 2026-11-18 11:09:40",
        "stale",
        "1 min",
    ]
    assert START + 2 * MINUTE <= stage.seen("hovered")[-1] <= START + 3 * MINUTE
    assert stage.host.locator(".p-hair").is_visible()


def test_pointing_elsewhere_shows_the_moment_here(stage: Stage) -> None:
    stage.show("state-timeline", series(bot=[2, 2, 1, 0]), options=QUIET, defaults=STATES)
    stage.page.evaluate("(time) => window.stage.hover.set(time)", START + 2 * MINUTE)
    assert stage.host.locator(".p-hair").is_visible()
    stage.page.evaluate("() => window.stage.hover.set(null)")
    assert stage.host.locator(".p-hair").is_hidden()


def test_arrow_keys_read_rows_and_states(stage: Stage) -> None:
    stage.show("state-timeline", series(a=[2, 1], b=[0, 0]), options=QUIET, defaults=STATES)
    grid, told = stage.host.locator(".p-states"), stage.host.locator("[aria-live]")
    grid.press("ArrowRight")
    assert told.inner_text() == "a: live, 1 min, 2026-11-18 11:06:40 to 2026-11-18 11:07:40"
    grid.press("ArrowRight")
    assert told.inner_text().startswith("a: stale, 1 min")
    grid.press("ArrowDown")
    assert told.inner_text() == "b: now down; down for 2 min"
    grid.press("End")
    assert told.inner_text().startswith("b: down, 2 min")


def test_row_says_its_states_to_a_screen_reader_and_leads_on(stage: Stage) -> None:
    links = {"bot": [{"title": "Open agent", "href": "#/d/promethios-agent?var-agent=bot"}]}
    stage.show("state-timeline", series(bot=[2, 1]), options=QUIET, defaults=STATES, links=links)
    row = stage.host.locator(".p-state-row")
    assert "now stale; live for 1 min, stale for 1 min" in row.inner_text()
    assert row.get_by_role("link", name="bot").get_attribute("href") == "#/d/promethios-agent?var-agent=bot"


def test_many_rows_come_in_pages(stage: Stage) -> None:
    rows = {f"agent-{i}": [2, 2] for i in range(45)}
    stage.show("state-timeline", series(**rows), options={**QUIET, "perPage": 20}, defaults=STATES)
    assert stage.host.locator(".p-state-row").count() == 20
    forth = stage.host.get_by_role("button", name="Next")
    forth.click()
    forth.click()
    assert stage.host.locator(".p-state-row").count() == 5
    assert stage.host.get_by_text("3 of 3").is_visible()
    assert forth.is_disabled()


def test_two_hundred_rows_without_pages_scroll(stage: Stage) -> None:
    rows = {f"agent-{i}": [i % 3] * 60 for i in range(200)}
    stage.show("state-timeline", series(**rows), options=QUIET, defaults=STATES)
    grid = stage.host.locator(".p-states")
    assert grid.evaluate("(node) => node.scrollHeight > node.clientHeight")
    assert stage.host.locator(".p-stretch").count() == 200
