"""What holds for every panel: with odd data or none, in both themes, on a phone, when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.browser import screenshot
from tests.support.stage import START, Stage, field, frame, times

KINDS = ["stat", "timeseries", "barchart", "state-timeline", "heatmap", "table", "logs", "traces"]
ODD: dict[str, list[object]] = {
    "one": [5],
    "nulls": [None] * 4,
    "nan": [float("nan"), 1, float("nan"), 2],
    "infinite": [float("inf"), float("-inf"), 0, 1],
    "huge": [1.7e308, -1.7e308, 1e300, 5],
    "tiny": [5e-324, 0, -5e-324, 1e-20],
    "negative": [-5, -1, -7, -2],
    "same": [3, 3, 3, 3],
    "text": ["a", None, "b", ""],
}


def _frame(kind: str, values: Sequence[object]) -> dict[str, Any]:
    count = len(values)
    if kind == "logs":
        return frame(field("Time", "time", times(count)), field("body", "string", values))
    if kind == "traces":
        ids = [f"s{i}" for i in range(count)]
        return frame(
            field("spanID", "string", ids),
            field("startTime", "number", [START + i for i in range(count)]),
            field("duration", "number", values),
            field("operationName", "string", values),
        )
    return frame(
        field("Time", "time", times(count)),
        field("Name", "string", [f"n{i}" for i in range(count)]),
        field("10", "number", values),
        field("100", "number", values),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_odd_values_are_no_trouble(stage: Stage, kind: str) -> None:
    for values in ODD.values():
        stage.show(kind, _frame(kind, values), defaults={"unit": "ms"})
        stage.host.hover()
        for focusable in stage.host.locator("[tabindex='0']").all():
            for key in ("ArrowRight", "ArrowDown", "End"):
                focusable.press(key)
    stage.show(kind, _frame(kind, [1, 2, 3]))
    assert stage.host.inner_text() != ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "stat"])
@pytest.mark.parametrize("frames", [[], [frame()], None], ids=["no-frame", "no-field", "no-row"])
def test_nothing_says_so_and_something_comes_back(stage: Stage, kind: str, frames: Any) -> None:
    empty = [_frame(kind, [])] if frames is None else frames
    said = {"noValue": "None in this range"}
    stage.show(kind, *empty, defaults=said)
    assert stage.host.inner_text() == "None in this range"
    stage.show(kind, _frame(kind, [1, 2]), defaults=said)
    assert "None in this range" not in stage.host.inner_text()


@pytest.mark.parametrize("kind", KINDS)
def test_panel_leaves_nothing_behind(stage: Stage, kind: str) -> None:
    stage.show(kind, _frame(kind, [1, 2]))
    stage.page.evaluate("() => window.stage.end()")
    assert stage.host.inner_html() == ""
    assert stage.page.evaluate("() => window.stage.listening()") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_both_themes_can_be_read(stage: Stage, kind: str) -> None:
    """Every text that stands on the panel itself has the contrast that WCAG 2 asks of it."""
    for theme in ("dark", "light"):
        stage.show(kind, _frame(kind, [1, 2, 30]), theme=theme, defaults={"unit": "ms"})
        screenshot(stage.host, f"panel-{kind}-{theme}")
        worst = stage.page.evaluate(
            """() => {
                const light = (css) => {
                    const [r, g, b] = css.match(/[\\d.]+/g).map(Number)
                        .map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const host = document.getElementById("host");
                const ground = light(getComputedStyle(host).backgroundColor);
                const elsewhere = ".sr, .p-badge, .p-stretch, .p-wf-track, .p-values, button, input";
                const texts = [...host.querySelectorAll("*")].filter((node) =>
                    node.checkVisibility() && !node.closest(elsewhere)
                    && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
                return texts.reduce((least, node) => {
                    const ink = light(getComputedStyle(node).color);
                    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
                    const large = parseFloat(getComputedStyle(node).fontSize) >= 24;
                    return Math.min(least, large ? ratio * 1.5 : ratio);
                }, 21);
            }"""
        )
        assert worst >= 4.5


@pytest.mark.parametrize("kind", KINDS)
def test_what_takes_the_focus_has_a_name_and_a_role(stage: Stage, kind: str) -> None:
    stage.show(kind, _frame(kind, [1, 2]), title="Latency")
    nameless = stage.host.locator("[tabindex='0'], button, input, a").evaluate_all(
        """(all) => all.filter((node) => {
            const named = node.ariaLabel || node.textContent.trim();
            return !named || (node.matches("div, ol") && !node.role);
        }).map((node) => node.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_panel_is_wider_than_a_phone(stage: Stage, kind: str) -> None:
    stage.page.set_viewport_size({"width": 360, "height": 700})
    try:
        stage.resize(344, 260)
        stage.show(kind, _frame(kind, [1, 2, 30]))
        assert stage.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    finally:
        stage.page.set_viewport_size({"width": 1280, "height": 900})
