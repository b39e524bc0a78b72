"""A trace: the tree, its bars, the decisions in it, and what a span carries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.stage import START, Stage, field, frame

Span = dict[str, Any]


def _span(span_id: str, parent: str = "", start: float = 0, **given: Any) -> Span:
    return {"spanID": span_id, "parentSpanID": parent, "startTime": START + start, "duration": 100, **given}


def _trace(*spans: Span) -> dict[str, Any]:
    defaults = {
        "traceID": "ab" * 16,
        "operationName": "work",
        "serviceName": "bot",
        "statusCode": 0,
        "statusMessage": "",
        "verdict": "",
        "attributes": "{}",
        "events": "[]",
    }
    rows = [{**defaults, **span} for span in spans]
    numbers = ("startTime", "duration", "statusCode")
    return frame(
        *[field(n, "number" if n in numbers else "string", [row[n] for row in rows]) for n in rows[0]]
    )


RUN = _trace(
    _span("a", operationName="agent.run", duration=1000, statusCode=2),
    _span("b", "a", 10, operationName="promethios.decide", duration=5, verdict="allow"),
    _span("c", "a", 100, operationName="execute_tool", serviceName="tools", duration=400),
    _span(
        "d",
        "c",
        110,
        operationName="promethios.decide",
        serviceName="tools",
        duration=10,
        verdict="block",
        attributes=json.dumps({"promethios.decision.enforced": "block", "point": "tool.before"}),
        events=json.dumps(
            [
                {
                    "name": "promethios.policy.match",
                    "time": START + 115,
                    "attributes": {"gen_ai.guardrail.policy.id": "no-shell"},
                }
            ]
        ),
    ),
)


def _rows(stage: Stage) -> list[str]:
    return stage.host.locator(".p-wf-op").all_inner_texts()


def _grid(stage: Stage) -> Any:
    return stage.host.get_by_role("treegrid")


def _active(stage: Stage) -> str:
    found: str = stage.host.locator(".p-active .p-wf-op").inner_text()
    return found


def test_spans_are_a_tree_by_start_with_bars_where_they_were(stage: Stage) -> None:
    stage.show("traces", RUN)
    assert _rows(stage) == ["agent.run", "promethios.decide", "execute_tool", "promethios.decide"]
    levels = stage.host.get_by_role("row").evaluate_all("(all) => all.map((row) => row.ariaLevel)")
    assert levels == ["1", "2", "2", "3"]
    bars = stage.host.locator(".p-wf-bar").evaluate_all("(all) => all.map((one) => one.style.cssText)")
    assert bars[2].startswith("left: 10%; width: 40%")


def test_head_sums_up_the_trace(stage: Stage) -> None:
    stage.show("traces", RUN)
    facts = dict(text.split("\n") for text in stage.host.locator(".p-trace-facts > div").all_inner_texts())
    assert facts["Root"] == "bot: agent.run"
    assert facts["Took"] == "1 s"
    assert (facts["Services"], facts["Spans"], facts["Errors"]) == ("2", "4", "1")
    assert facts["Decisions"] == "2, 1 not allowed"


def test_decision_shows_verdict_and_policy_and_an_error_its_mark(stage: Stage) -> None:
    stage.show("traces", RUN)
    rows = stage.host.get_by_role("row")
    assert rows.nth(3).locator(".p-badge").inner_text() == "block"
    assert rows.nth(3).locator(".p-wf-service").inner_text() == "no-shell"
    assert rows.nth(1).locator(".p-badge").inner_text() == "allow"
    assert rows.nth(0).locator(".p-wf-error").inner_text().split() == ["!", "error"]
    assert rows.nth(2).locator(".p-badge, .p-wf-error").count() == 0


def test_services_have_colours_of_their_own(stage: Stage) -> None:
    stage.show("traces", RUN)
    color = "(node) => getComputedStyle(node).backgroundColor"
    first, other = (stage.host.locator(".p-wf-bar").nth(i).evaluate(color) for i in (0, 2))
    assert first != other


def test_span_opens_to_attributes_and_events_and_closes_by_key(stage: Stage) -> None:
    stage.show("traces", RUN)
    _grid(stage).press("End")
    _grid(stage).press("Enter")
    detail = stage.host.get_by_role("complementary", name="Span")
    said = detail.inner_text()
    for expected in ("tool.before", "Event: promethios.policy.match", "no-shell", "110 ms after the start"):
        assert expected in said
    _grid(stage).press("ArrowUp")
    assert "execute_tool" in detail.inner_text()  # The details follow the row.
    _grid(stage).press("Escape")
    assert detail.is_hidden()


def test_keys_walk_open_and_close_the_tree(stage: Stage) -> None:
    stage.show("traces", RUN)
    grid = _grid(stage)
    for _ in range(2):
        grid.press("ArrowDown")
    assert _active(stage) == "execute_tool"
    grid.press("ArrowLeft")
    assert _rows(stage) == ["agent.run", "promethios.decide", "execute_tool"]
    assert stage.host.locator(".p-active").get_attribute("aria-expanded") == "false"
    grid.press("ArrowRight")
    grid.press("ArrowRight")
    assert _active(stage) == "promethios.decide"
    grid.press("ArrowLeft")
    assert _active(stage) == "execute_tool"
    grid.press("Home")
    assert _active(stage) == "agent.run"
    current = grid.get_attribute("aria-activedescendant")
    assert stage.page.locator(f"#{current}").get_attribute("aria-selected") == "true"


def test_arrow_of_a_row_closes_what_is_below_it(stage: Stage) -> None:
    stage.show("traces", RUN)
    stage.host.locator(".p-wf-arrow").first.click()
    assert _rows(stage) == ["agent.run"]
    stage.host.get_by_role("button", name="Expand all").click()
    assert len(_rows(stage)) == 4


def test_search_finds_in_attributes_and_goes_there_though_it_is_closed(stage: Stage) -> None:
    stage.show("traces", RUN)
    stage.host.get_by_role("button", name="Collapse all").click()
    field_ = stage.host.get_by_label("Find in spans")
    field_.fill("TOOL.before")
    assert stage.host.locator(".p-count").inner_text() == "1 found"
    field_.press("Enter")
    assert _active(stage) == "promethios.decide"
    assert stage.host.locator(".p-found").count() == 1
    assert len(_rows(stage)) == 4


def test_same_answer_again_leaves_what_a_person_opened(stage: Stage) -> None:
    stage.show("traces", RUN)
    stage.host.locator(".p-wf-arrow").nth(2).click()
    stage.show("traces", RUN)
    assert len(_rows(stage)) == 3
    more = _trace(_span("a", duration=1000), _span("c", "a"), _span("d", "c"), _span("e", "a", 500))
    stage.show("traces", more)
    assert len(_rows(stage)) == 3  # "c" stays closed, "e" is new.


def test_five_thousand_spans_are_there_and_few_are_made(stage: Stage) -> None:
    spans = [_span("0", duration=5000), *(_span(f"{i}", f"{(i - 1) // 3}", i) for i in range(1, 5000))]
    stage.show("traces", _trace(*spans))
    assert _grid(stage).get_attribute("aria-rowcount") == "5000"
    assert stage.host.get_by_role("row").count() < 60
    _grid(stage).press("End")
    assert stage.host.locator(".p-active").get_attribute("aria-rowindex") == "5000"
    assert stage.host.locator(".p-active").is_visible()


@pytest.mark.parametrize(
    "spans",
    [
        [_span("a", "missing")],
        [_span("a", "a")],
        [_span("a", "b"), _span("b", "a")],
        [_span("a"), _span("a")],
        [_span("a", duration=0)],
        [_span("a", attributes="{broken", events="null")],
        [_span("a", attributes="[1, null]", events='[1, {"attributes": 5}]')],
    ],
    ids=["orphan", "own-parent", "ring", "same-id", "no-time", "broken-json", "odd-json"],
)
def test_trace_that_is_not_whole_is_shown_all_the_same(stage: Stage, spans: list[Span]) -> None:
    stage.show("traces", _trace(*spans))
    assert len(_rows(stage)) == len(spans)
    _grid(stage).press("Enter")
    assert stage.host.get_by_role("complementary", name="Span").is_visible()


def test_spans_without_id_or_start_are_left_out(stage: Stage) -> None:
    nameless = frame(field("spanID", "string", ["", "b"]), field("startTime", "number", [1, None]))
    stage.show("traces", nameless)
    assert stage.host.inner_text() == "No spans"


def test_chain_ten_thousand_deep_is_drawn(stage: Stage) -> None:
    spans = [_span(f"{i}", f"{i - 1}" if i else "", i) for i in range(10_000)]
    stage.show("traces", _trace(*spans))
    assert _grid(stage).get_attribute("aria-rowcount") == "10000"


def test_on_a_phone_details_are_below_and_nothing_is_wider_than_it(stage: Stage) -> None:
    stage.page.set_viewport_size({"width": 360, "height": 700})
    try:
        stage.resize(344, 600)
        stage.show("traces", RUN)
        stage.host.get_by_role("row").first.click()
        detail = stage.host.get_by_role("complementary", name="Span").bounding_box()
        grid = _grid(stage).bounding_box()
        assert detail["y"] >= grid["y"] + grid["height"]
        assert stage.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    finally:
        stage.page.set_viewport_size({"width": 1280, "height": 900})
