"""Log records: order, level, fields, lines."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import Stage, field, frame, times

LONG = "word " * 200


def _records(*bodies: str, **others: list[object]) -> dict[str, Any]:
    levels = others.pop("level", ["INFO"] * len(bodies))
    return frame(
        field("Time", "time", times(len(bodies))),
        field("body", "string", bodies),
        field("level", "string", levels),
        *[field(name, "string", values) for name, values in others.items()],
    )


def _bodies(stage: Stage) -> list[str]:
    return stage.host.locator(".p-log-body").all_inner_texts()


def test_newest_record_is_first_unless_the_panel_says_otherwise(stage: Stage) -> None:
    stage.show("logs", _records("first", "second", "third"))
    assert _bodies(stage) == ["third", "second", "first"]
    stage.show("logs", _records("first", "second"), options={"sortOrder": "Ascending"})
    assert _bodies(stage) == ["first", "second"]


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        ("ERROR", "error"),
        ("Warn", "warning"),
        ("FATAL2", "critical"),
        ("info", "info"),
        ("DEBUG", "debug"),
        ("", "unknown"),
        ("x onload=1", "unknown"),
        (None, "unknown"),
    ],
)
def test_level_has_its_colour_and_its_word(stage: Stage, level: str | None, kind: str) -> None:
    stage.show("logs", _records("text", level=[level]))
    record = stage.host.locator(".p-log")
    assert record.get_attribute("class") == f"p-log p-level-{kind}"
    assert record.locator(".p-log-level").all_inner_texts() == ([level] if level else [])


def test_record_opens_to_its_fields_and_stays_open(stage: Stage) -> None:
    links = {"trace": [{"title": "Open trace", "href": "#/d/promethios-trace?var-trace_id=abc"}]}
    frames = _records("one", "two", agent=["bot", ""], trace=["abc", None])
    stage.show("logs", frames, links=links)
    line = stage.host.get_by_role("button", name="one")
    line.press("Enter")
    pairs = stage.host.locator(".p-log-fields > div").all_inner_texts()
    assert [pair.split("\n") for pair in pairs] == [
        ["level", "INFO"],
        ["agent", "bot"],
        ["trace", "abc"],
        ["body", "one"],
    ]
    assert stage.host.get_by_role("link", name="abc").get_attribute("href").endswith("trace_id=abc")
    stage.show("logs", frames, links=links)
    assert line.get_attribute("aria-expanded") == "true"
    line.click()
    assert stage.host.locator(".p-log-fields").count() == 0


def test_lines_wrap_on_request(stage: Stage) -> None:
    stage.show("logs", _records(LONG))
    flat = stage.host.locator(".p-log").bounding_box()
    stage.host.get_by_role("button", name="Wrap lines").click()
    wrapped = stage.host.locator(".p-log").bounding_box()
    assert flat and wrapped
    assert wrapped["height"] > 2 * flat["height"]
    assert wrapped["width"] < flat["width"]


def test_arrow_keys_go_from_record_to_record(stage: Stage) -> None:
    stage.show("logs", _records("one", "two", "three"))
    lines = stage.host.locator(".p-log-line")
    lines.first.focus()
    stage.page.keyboard.press("ArrowDown")
    assert lines.nth(1).evaluate("(node) => node === document.activeElement")
    stage.page.keyboard.press("ArrowUp")
    stage.page.keyboard.press("ArrowUp")
    assert lines.first.evaluate("(node) => node === document.activeElement")


def test_thousand_records_come_bit_by_bit(stage: Stage) -> None:
    stage.show("logs", _records(*[f"record {i}" for i in range(1000)]))
    assert len(_bodies(stage)) == 200
    stage.host.get_by_role("button", name="Show more").click()
    assert len(_bodies(stage)) == 400
    assert stage.host.locator(".p-count").inner_text() == "400 of 1000 records"


def test_text_of_several_lines_keeps_them(stage: Stage) -> None:
    stage.show("logs", _records("Traceback:\n  File x\nError"))
    assert _bodies(stage) == ["Traceback:\n  File x\nError"]
