"""Rows: order, filters, pages, badges, gauges, links, widths, and use without a mouse."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import Stage, field, frame, times

COLORS = {"critical": {"color": "#d841a2"}, "low": {"color": "#4a86f0"}}
BADGE = [
    {"id": "custom.cellOptions", "value": {"type": "color-background"}},
    {"id": "mappings", "value": [{"type": "value", "options": COLORS}]},
]
GAUGE = [
    {"id": "custom.cellOptions", "value": {"type": "gauge"}},
    {"id": "unit", "value": "percentunit"},
    {"id": "min", "value": 0},
    {"id": "max", "value": 1},
]


def _override(name: str, *properties: dict[str, Any]) -> dict[str, Any]:
    return {"matcher": {"id": "byName", "options": name}, "properties": list(properties)}


def _agents() -> dict[str, Any]:
    return frame(
        field("Agent", "string", ["agent-2", "agent-10", "agent-1"]),
        field("Cost", "number", [5, None, 40]),
        field("Severity", "string", ["low", "critical", "low"]),
    )


def _column(stage: Stage, at: int) -> list[str]:
    return stage.host.locator(f"tbody tr td:nth-child({at + 1})").all_inner_texts()


def _heading(stage: Stage, name: str) -> Any:
    return stage.host.get_by_role("button", name=name, exact=True)


def test_heading_sorts_up_down_and_not(stage: Stage) -> None:
    stage.show("table", _agents())
    shown = [_column(stage, 0)]
    for _ in range(3):
        _heading(stage, "Agent").click()
        shown.append(_column(stage, 0))
    as_it_came = ["agent-2", "agent-10", "agent-1"]
    up = ["agent-1", "agent-2", "agent-10"]
    assert shown == [as_it_came, up, up[::-1], as_it_came]


def test_sorting_by_key_tells_so_and_missing_values_are_last_both_ways(stage: Stage) -> None:
    stage.show("table", _agents(), defaults={"noValue": "none"})
    _heading(stage, "Cost").press("Enter")
    assert _column(stage, 1) == ["5", "40", "none"]
    header = stage.host.get_by_role("columnheader", name="Cost")
    assert header.get_attribute("aria-sort") == "ascending"
    assert stage.host.get_by_role("status").inner_text() == "Sorted by Cost, ascending"
    stage.page.keyboard.press("Enter")  # The focus is still on the heading.
    assert _column(stage, 1) == ["40", "5", "none"]
    assert header.get_attribute("aria-sort") == "descending"


def test_order_and_filters_outlive_an_update(stage: Stage) -> None:
    stage.show("table", _agents())
    _heading(stage, "Agent").click()
    _heading(stage, "Filter").click()
    stage.host.get_by_label("Filter Agent").fill("AGENT-1")
    stage.show("table", _agents())
    assert _column(stage, 0) == ["agent-1", "agent-10"]
    assert stage.host.locator(".p-count").inner_text() == "2 of 3 rows"
    assert stage.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Filter Agent"


def test_filter_looks_at_what_is_shown(stage: Stage) -> None:
    stage.show("table", _agents(), overrides=[_override("Cost", {"id": "unit", "value": "currencyUSD"})])
    _heading(stage, "Filter").click()
    stage.host.get_by_label("Filter Cost").fill("$4")
    assert _column(stage, 0) == ["agent-1"]
    stage.host.get_by_label("Filter Agent").fill("nobody")
    assert stage.host.get_by_text("No row passes the filters").is_visible()


def test_word_has_its_colour_and_can_be_read(stage: Stage) -> None:
    stage.show("table", _agents(), overrides=[_override("Severity", *BADGE)])
    style = stage.host.locator("tbody tr").nth(1).locator("td").nth(2)
    ground = style.evaluate(
        "(node) => [getComputedStyle(node).backgroundColor, getComputedStyle(node).color]"
    )
    assert ground == ["rgb(216, 65, 162)", "rgb(0, 0, 0)"]


@pytest.mark.parametrize(
    ("trust", "share", "said"),
    [(0.5, 50, "50%"), (0, 0, "0%"), (7, 100, "700%"), (None, 0, "\u2013")],
    ids=["half", "zero", "above", "missing"],
)
def test_gauge_is_as_long_as_its_number_and_no_longer(
    stage: Stage, trust: float | None, share: float, said: str
) -> None:
    stage.show("table", frame(field("Trust", "number", [trust])), overrides=[_override("Trust", *GAUGE)])
    track, fill = (stage.host.locator(name).bounding_box() for name in (".p-gauge-track", ".p-gauge-fill"))
    assert track and fill
    assert fill["width"] == pytest.approx(track["width"] * share / 100, abs=1)
    assert stage.host.locator("tbody td").inner_text() == said


def test_cells_link_to_their_row_whatever_the_order(stage: Stage) -> None:
    links = {"Agent": [{"title": "Open agent", "href": "#/d/promethios-agent?row=ROW"}]}
    stage.show("table", _agents(), links=links)
    _heading(stage, "Agent").click()
    link = stage.host.get_by_role("link", name="agent-10")
    assert link.get_attribute("href") == "#/d/promethios-agent?row=1"
    link.focus()
    assert link.evaluate("(node) => node === document.activeElement")


def test_second_link_of_a_cell_can_be_reached_too(stage: Stage) -> None:
    links = {"Agent": [{"title": "Open", "href": "#/a"}, {"title": "Its traces", "href": "#/b"}]}
    stage.show("table", _agents(), links=links)
    assert stage.host.get_by_role("link", name="Its traces").count() == 3


def test_columns_have_their_widths_and_the_table_scrolls(stage: Stage) -> None:
    stage.resize(344, 200)
    stage.show("table", _agents(), overrides=[_override("Agent", {"id": "custom.width", "value": 300})])
    assert stage.host.locator("th").first.bounding_box()["width"] == 300
    region = stage.host.get_by_role("region", name="A panel: table")
    assert region.evaluate("(node) => node.scrollWidth > node.clientWidth && node.tabIndex === 0")
    assert stage.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_heading_stays_when_rows_scroll(stage: Stage) -> None:
    stage.show("table", frame(field("Time", "time", times(80)), field("n", "number", list(range(80)))))
    region = stage.host.locator(".p-scroll")
    before = stage.host.locator("th").first.bounding_box()["y"]
    region.evaluate("(node) => { node.scrollTop = 500 }")
    assert stage.host.locator("th").first.bounding_box()["y"] == before


def test_ten_thousand_rows_come_in_pages(stage: Stage) -> None:
    stage.show("table", frame(field("n", "number", list(range(10_000)))))
    assert stage.host.locator("tbody tr").count() == 100
    _heading(stage, "Next").click()
    assert _column(stage, 0)[0] == "100"
    assert stage.host.get_by_text("Page 2 of 100").is_visible()
    _heading(stage, "n").click()
    _heading(stage, "n").click()
    assert _column(stage, 0)[0] == "9999"  # All rows are sorted, and the first page shows.


def test_hidden_columns_are_not_there(stage: Stage) -> None:
    stage.show("table", _agents(), overrides=[_override("Cost", {"id": "custom.hidden", "value": True})])
    assert stage.host.locator("th").all_inner_texts() == ["Agent", "Severity"]


def test_frames_beside_each_other_can_be_chosen(stage: Stage) -> None:
    stage.show("table", _agents(), frame(field("Tool", "string", ["search"])))
    stage.host.get_by_label("Which part").select_option(index=1)
    assert _column(stage, 0) == ["search"]
