"""Counts by bucket and time: cells, their order, what pointing and keys say."""

from __future__ import annotations

from tests.support.stage import MINUTE, START, Stage, series

OPTIONS = {"yAxis": {"unit": "ms"}, "cellGap": 0, "filterValues": {"le": 1e-9}}


def test_most_is_brightest_and_nothing_is_not_drawn(stage: Stage) -> None:
    stage.show("heatmap", series(**{"10": [0, 100], "100": [0, 0]}), options=OPTIONS)
    colors = stage.colors()
    area = stage.host.locator("canvas").evaluate("(node) => node.width * node.height")
    assert set(colors) <= {"254,232,56"} | {key for key, count in colors.items() if count < area / 20}
    assert area * 0.2 < colors["254,232,56"] < area * 0.3  # One cell of four.


def test_lowest_bucket_is_at_the_bottom_whatever_the_names_order(stage: Stage) -> None:
    stage.show("heatmap", series(**{"1000": [1], "5": [1], "25": [1], "+Inf": [1]}), options=OPTIONS)
    marks = stage.host.locator(".p-heat-rows span")
    assert marks.all_inner_texts() == ["5 ms", "25 ms", "1 s", "+Inf"]
    heights = marks.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert heights == sorted(heights, reverse=True)


def test_pointing_tells_bucket_time_and_count(stage: Stage) -> None:
    stage.show("heatmap", series(**{"10": [3, 4], "100": [5, 6]}), options=OPTIONS)
    box = stage.host.locator(".p-heat").bounding_box()
    assert box
    stage.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    words = stage.host.locator(".p-tip").inner_text().split("\n")
    assert [word for word in words if word] == ["2026-11-18 11:07:40", "10 ms to 100 ms", "6"]
    assert stage.seen("hovered")[-1] == START + MINUTE


def test_arrow_keys_read_cells(stage: Stage) -> None:
    stage.show("heatmap", series(**{"10": [3, None], "100": [5, 6]}), options=OPTIONS)
    plot, told = stage.host.locator(".p-heat"), stage.host.locator("[aria-live]")
    plot.press("ArrowRight")
    assert told.inner_text() == "2026-11-18 11:06:40, up to 10 ms: 3"
    plot.press("ArrowRight")
    assert told.inner_text() == "2026-11-18 11:07:40, up to 10 ms: no data"
    plot.press("ArrowUp")
    assert told.inner_text() == "2026-11-18 11:07:40, 10 ms to 100 ms: 6"


def test_values_are_there_as_a_table_and_the_scale_has_its_ends(stage: Stage) -> None:
    stage.show("heatmap", series(**{"10": [3], "100": [2000]}), options=OPTIONS, defaults={"unit": "short"})
    stage.host.get_by_role("button", name="Values as a table").press("Enter")
    rows = stage.host.get_by_role("region", name="A panel: values").locator("tr").all_inner_texts()
    assert rows == ["Time\t10\t100", "2026-11-18 11:06:40\t3\t2 K"]
    assert stage.host.locator(".p-heat-key").inner_text().split() == ["0", "2", "K"]
