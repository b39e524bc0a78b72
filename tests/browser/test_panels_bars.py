"""Horizontal bars: their lengths, their names and numbers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import Stage, field, frame


def _policies(**numbers: list[object]) -> dict[str, Any]:
    count = len(next(iter(numbers.values())))
    names = [f"policy-{i}" for i in range(count)]
    return frame(
        field("Policy", "string", names), *[field(name, "number", values) for name, values in numbers.items()]
    )


def _widths(stage: Stage) -> list[float]:
    found: list[float] = stage.host.locator(".p-bar").evaluate_all(
        "(bars) => bars.map((bar) => bar.getBoundingClientRect().width)"
    )
    return found


def test_bars_are_as_long_as_their_numbers_say(stage: Stage) -> None:
    stage.show("barchart", _policies(Violations=[40, 20, 10]), options={"xField": "Policy"})
    longest, *others = _widths(stage)
    assert longest > 400
    assert others == pytest.approx([longest / 2, longest / 4], abs=3)


def test_each_row_has_its_name_and_number(stage: Stage) -> None:
    stage.show("barchart", _policies(Violations=[40_000, 20]), defaults={"unit": "short"})
    assert stage.host.locator("tr").all_inner_texts() == ["policy-0\t\n40 K", "policy-1\t\n20"]


def test_negative_number_goes_left_of_zero(stage: Stage) -> None:
    stage.show("barchart", _policies(Change=[-10, 10]))
    left, right = (stage.host.locator(".p-bar").nth(i).bounding_box() for i in (0, 1))
    assert left and right
    assert left["x"] + left["width"] == pytest.approx(right["x"], abs=2)


@pytest.mark.parametrize("stacking", ["normal", "percent"])
def test_stacked_bars_follow_each_other_and_say_numbers_on_pointing(stage: Stage, stacking: str) -> None:
    frames = _policies(Blocked=[10, 0], Allowed=[30, 20])
    stage.show("barchart", frames, options={"stacking": stacking, "showValue": "never"})
    first, second = (stage.host.locator("tr").first.locator(".p-bar").nth(i).bounding_box() for i in (0, 1))
    assert first and second
    assert first["x"] + first["width"] == pytest.approx(second["x"], abs=1)
    assert second["width"] == pytest.approx(3 * first["width"], rel=0.02)
    stage.host.locator("tr").first.hover()
    assert stage.host.locator(".p-tip").inner_text().split() == ["policy-0", "Blocked", "10", "Allowed", "30"]
    assert "Blocked 10, Allowed 30" in stage.host.locator("tr").first.inner_text()


def test_name_leads_where_its_field_does(stage: Stage) -> None:
    links = {"Policy": [{"title": "Open policy", "href": "#/d/promethios-policies?row=ROW"}]}
    stage.show("barchart", _policies(Violations=[1, 2]), links=links)
    link = stage.host.get_by_role("link", name="policy-1")
    assert link.get_attribute("href") == "#/d/promethios-policies?row=1"


def test_legend_tells_series_apart_and_is_not_there_for_one(stage: Stage) -> None:
    stage.show("barchart", _policies(Violations=[1], Blocked=[1]))
    assert stage.host.locator(".p-legend li").all_inner_texts() == ["Violations", "Blocked"]
    stage.show("barchart", _policies(Violations=[1]))
    assert stage.host.locator(".p-legend").is_hidden()


def test_hundreds_of_rows_scroll_and_the_rest_is_counted(stage: Stage) -> None:
    stage.show("barchart", _policies(Violations=list(range(500))))
    assert stage.host.locator("tr").count() == 200
    assert stage.host.get_by_text("and 300 more").count() == 1
    region = stage.host.get_by_role("region", name="A panel: bars")
    assert region.evaluate("(node) => node.scrollHeight > node.clientHeight && node.tabIndex === 0")
