"""Values over time: what is drawn, what pointing and keys say, what pressing and dragging do."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import MINUTE, START, Stage, field, frame, series, times

RED, BLUE = "#ff0000", "#0000ff"
BARS = {"drawStyle": "bars", "fillOpacity": 100, "lineWidth": 0, "stacking": {"mode": "normal"}}
TABLE = {"legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]}}


def _colored(**names: str) -> list[dict[str, Any]]:
    return [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
        }
        for name, color in names.items()
    ]


def _chart(stage: Stage) -> Any:
    return stage.host.locator(".p-plot")


def _tip(stage: Stage) -> str:
    return stage.host.locator(".p-tip").inner_text()


def test_line_is_drawn_in_its_colour(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, 5, 2, 8]), overrides=_colored(a=RED))
    assert stage.colors()["255,0,0"] > 300


def test_gap_in_the_values_is_a_gap_in_the_line(stage: Stage) -> None:
    flat: list[object] = [5] * 40
    stage.show("timeseries", series(a=flat), overrides=_colored(a=RED), defaults={"min": 0})
    whole = stage.colors()["255,0,0"]
    stage.show("timeseries", series(a=flat[:10] + [None] * 20 + flat[:10]), overrides=_colored(a=RED))
    assert stage.colors()["255,0,0"] < whole * 0.7


def test_lone_value_between_gaps_is_seen(stage: Stage) -> None:
    stage.show("timeseries", series(a=[None, None, 5, None, None]), overrides=_colored(a=RED))
    assert stage.colors()["255,0,0"] > 10


def test_stacked_bars_stand_on_each_other(stage: Stage) -> None:
    given: dict[str, Any] = {
        "overrides": _colored(a=RED, b=BLUE),
        "defaults": {"custom": BARS, "min": 0, "max": 10},
    }
    stage.show("timeseries", series(a=[5] * 6, b=[5] * 6), **given)
    both = stage.colors()
    # Of the same height: neither is drawn over the other, and they fill all that one of twice the size would.
    assert both["255,0,0"] == pytest.approx(both["0,0,255"], rel=0.05)
    stage.show("timeseries", series(a=[10] * 6, b=[0] * 6), **given)
    assert stage.colors()["255,0,0"] == pytest.approx(both["255,0,0"] + both["0,0,255"], rel=0.05)


def test_threshold_is_drawn_as_a_line(stage: Stage) -> None:
    steps = {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": BLUE, "value": 5}]}
    style = {"thresholdsStyle": {"mode": "line"}}
    stage.show("timeseries", series(a=[1, 9]), defaults={"thresholds": steps, "custom": style})
    assert stage.colors()["0,0,255"] > 300


def test_legend_has_the_panels_figures_worst_first(stage: Stage) -> None:
    overrides = _colored(critical="#d841a2", low="#4a86f0")
    frames = series(low=[3, 1], critical=[1, 7], other=[None, None])
    given = {"unit": "ms", "noValue": "None in this range"}
    stage.show("timeseries", frames, overrides=overrides, options=TABLE, defaults=given)
    rows = stage.host.locator(".p-legend-table tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["Series", "Last", "Max"],
        ["critical", "7", "ms", "7", "ms"],
        ["low", "1", "ms", "3", "ms"],
        ["other", "\u2013", "\u2013"],
    ]


@pytest.mark.parametrize(("width", "beside"), [(900, True), (344, False)], ids=["wide", "phone"])
def test_legend_stands_beside_the_chart_where_there_is_room(stage: Stage, width: int, beside: bool) -> None:
    stage.resize(width, 300)
    stage.show("timeseries", series(a=[1, 2]), options=TABLE)
    chart, legend = _chart(stage).bounding_box(), stage.host.locator(".p-legend").bounding_box()
    assert (legend["x"] >= chart["x"] + chart["width"]) is beside


def test_name_in_the_legend_shows_its_series_alone_and_all_again(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, 5], b=[5, 1]), overrides=_colored(a=RED, b=BLUE))
    name = stage.host.get_by_role("button", name="b", exact=True)
    name.click()
    assert "255,0,0" not in stage.colors()
    assert stage.colors()["0,0,255"] > 300
    assert stage.host.get_by_role("button", name="a", exact=True).get_attribute("aria-pressed") == "false"
    name.press("Enter")
    assert stage.colors()["255,0,0"] > 300


def test_series_keeps_its_link_in_the_legend(stage: Stage) -> None:
    links = {"a": [{"title": "Open agent", "href": "#/d/promethios-agent?var-agent=a"}]}
    stage.show("timeseries", series(a=[1, None]), links=links)
    link = stage.host.get_by_role("link", name="Open agent: a")
    assert link.get_attribute("href") == "#/d/promethios-agent?var-agent=a"


def test_pointing_tells_the_values_sorted(stage: Stage) -> None:
    options = {"tooltip": {"mode": "multi", "sort": "desc"}}
    stage.show("timeseries", series(low=[1] * 9, high=[9] * 9, none=[None] * 9), options=options)
    _chart(stage).hover()
    words = _tip(stage).split()
    assert words[2:] == ["high", "9", "low", "1"]
    assert START <= stage.seen("hovered")[-1] <= START + 9 * MINUTE


def test_pointing_elsewhere_moves_the_crosshair_here(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, 2, 3]))
    stage.page.evaluate("(time) => window.stage.hover.set(time)", START + MINUTE)
    hair = stage.host.locator(".u-cursor-x")
    assert hair.is_visible()
    assert stage.host.locator(".p-tip").is_hidden()
    middle = hair.bounding_box()["x"]
    stage.page.evaluate("(time) => window.stage.hover.set(time)", START + 2 * MINUTE)
    assert hair.bounding_box()["x"] > middle
    assert stage.seen("hovered") == [START + MINUTE, START + 2 * MINUTE]  # No echo.


def test_arrow_keys_read_the_values(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, 2, 30]))
    chart, told = _chart(stage), stage.host.locator("[aria-live]")
    chart.press("ArrowRight")
    assert told.inner_text() == "2026-11-18 11:06:40: a 1"
    chart.press("ArrowRight")
    assert told.inner_text() == "2026-11-18 11:07:40: a 2"
    chart.press("End")
    assert told.inner_text() == "2026-11-18 11:08:40: a 30"
    assert "a\n30" in _tip(stage)
    chart.press("Escape")
    assert stage.host.locator(".p-tip").is_hidden()


def test_dragging_and_plus_and_minus_choose_a_range(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1] * 60))
    over = stage.host.locator(".u-over").bounding_box()
    stage.page.mouse.move(over["x"] + over["width"] * 0.25, over["y"] + 50)
    stage.page.mouse.down()
    stage.page.mouse.move(over["x"] + over["width"] * 0.75, over["y"] + 60, steps=4)
    stage.page.mouse.up()
    _chart(stage).press("Home")
    _chart(stage).press("+")
    _chart(stage).press("-")
    dragged, closer, wider = stage.seen("zoomed")
    hour = 60 * MINUTE
    assert dragged == pytest.approx([START + hour / 4, START + hour * 3 / 4], abs=MINUTE)
    assert closer == [START - hour / 4, START + hour / 4]
    assert wider == [START - hour, START + hour]


def test_annotation_has_a_mark_with_its_text(stage: Stage) -> None:
    notes = [
        {
            "time": START + MINUTE,
            "timeEnd": START + MINUTE,
            "title": "Bundle",
            "text": "version 2",
            "color": RED,
        },
        {"time": START - MINUTE, "timeEnd": START - MINUTE, "title": "Before", "text": "", "color": RED},
    ]
    stage.show("timeseries", series(a=[1, 2, 3]), annotations=notes)
    assert stage.host.locator(".p-mark").count() == 1
    mark = stage.host.get_by_role("button", name="Bundle. 2026-11-18 11:07:40. version 2")
    over = stage.host.locator(".u-over").bounding_box()
    at = mark.bounding_box()
    assert at["x"] + at["width"] / 2 == pytest.approx(over["x"] + over["width"] / 3, abs=2)
    mark.focus()
    assert _tip(stage).split("\n\n") == ["Bundle", "2026-11-18 11:07:40", "version 2"]
    assert stage.colors()["255,0,0"] > 50


def test_values_are_there_as_a_table(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, None], b=[3, 4]))
    stage.host.get_by_role("button", name="Values as a table").press("Enter")
    rows = stage.host.get_by_role("region", name="A panel: values").locator("tr").all_inner_texts()
    assert rows == ["Time\ta\tb", "2026-11-18 11:07:40\t\u2013\t4", "2026-11-18 11:06:40\t1\t3"]


def test_chart_is_named_with_what_it_shows(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, 2]), title="Latency")
    label = stage.host.get_by_role("group", name="Latency: 1 series").get_attribute("aria-label")
    assert label is not None
    assert "Latest: a 2" in label


def test_frames_with_other_times_share_the_axis_and_lines_run_on(stage: Stage) -> None:
    first = frame(field("Time", "time", times(3, 2 * MINUTE)), field("a", "number", [1, 1, 1]))
    second = frame(field("Time", "time", [START + MINUTE]), field("b", "number", [7]))
    stage.show("timeseries", first, second, overrides=_colored(a=RED, b=BLUE))
    colors = stage.colors()
    assert colors["255,0,0"] > 300
    assert colors["0,0,255"] > 10


def test_two_hundred_series_are_drawn_and_the_tooltip_stays_short(stage: Stage) -> None:
    stage.show("timeseries", series(**{f"agent-{i}": [i, i + 1, i] for i in range(200)}))
    assert stage.host.locator(".p-key").count() == 200
    _chart(stage).hover()
    assert "and 176 more" in _tip(stage)


def test_hidden_field_is_neither_drawn_nor_listed(stage: Stage) -> None:
    hide = {"id": "custom.hideFrom", "value": {"viz": True, "legend": True, "tooltip": True}}
    overrides = [{"matcher": {"id": "byName", "options": "count"}, "properties": [hide]}]
    stage.show("timeseries", series(a=[1, 2], count=[5, 5]), overrides=overrides)
    assert stage.host.locator(".p-key").all_inner_texts() == ["a"]


@pytest.mark.parametrize(("unit", "value", "mark"), [("short", 4e9, "Bil"), ("percentunit", 0.9, "%")])
def test_axis_is_marked_in_the_unit(stage: Stage, unit: str, value: float, mark: str) -> None:
    stage.show("timeseries", series(a=[value / 2, value]), defaults={"unit": unit})
    label = _chart(stage).get_attribute("aria-label")
    assert mark in label


def test_new_size_is_drawn(stage: Stage) -> None:
    stage.show("timeseries", series(a=[1, 2]))
    for width, height in ((344, 200), (1200, 500)):
        stage.resize(width, height)
        canvas = stage.host.locator("canvas").bounding_box()
        assert canvas["width"] == pytest.approx(width - 20, abs=4)


def test_many_updates_leave_one_chart(stage: Stage) -> None:
    for i in range(20):
        stage.show("timeseries", series(a=[1, i], **({"b": [1, 2]} if i % 2 else {})))
    assert stage.host.locator("canvas").count() == 1
    assert stage.page.evaluate("() => window.stage.listening()") == 1
    stage.page.evaluate("() => window.stage.end()")
    assert stage.host.inner_html() == ""
    assert stage.page.evaluate("() => window.stage.listening()") == 0


def test_annotations_that_overlap_do_not_hide_what_they_lie_over(stage: Stage) -> None:
    notes = [
        {"time": START + at, "timeEnd": START + 30 * MINUTE, "title": "Alert", "color": BLUE}
        for at in range(100)
    ]
    stage.show("timeseries", series(a=[5] * 40), overrides=_colored(a=RED), annotations=notes)
    # What is opaque: the lines where they begin, and not the stretch behind the values.
    assert stage.colors().get("0,0,255", 0) < 2_000
