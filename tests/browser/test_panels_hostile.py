"""K17: whatever an agent sends is text in every panel; nothing of it runs, becomes markup or a way out."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import START, Stage, field, frame, times

MARKUP = "<img src=x onerror=\"window.hacked='img'\"><script>window.hacked='script'</script>"
HOSTILE = [MARKUP, "{{7*7}}${7*7}", "javascript:window.hacked='url'", "__proto__", "constructor", "\u202etxt"]
LINKS = [
    {"title": MARKUP, "href": href}
    for href in ("javascript:window.hacked=1", "data:text/html,x", " jAvAscript:1")
]
MAPPED = [{"type": "value", "options": {"1": {"text": MARKUP, "color": "red;background:url(//x)"}}}]


def _lines() -> dict[str, Any]:
    return frame(field("Time", "time", times(3)), *[field(name, "number", [1, 2, 3]) for name in HOSTILE])


def _rows() -> dict[str, Any]:
    return frame(
        field("Time", "time", times(6)), field(MARKUP, "string", HOSTILE), field("n", "number", [1] * 6)
    )


def _logs() -> dict[str, Any]:
    return frame(
        field("Time", "time", times(6)), field("body", "string", HOSTILE), field("level", "string", HOSTILE)
    )


def _spans() -> dict[str, Any]:
    named = ("operationName", "serviceName", "statusMessage", "verdict", "attributes", "events", "traceID")
    odd = '[{"name": "<b>", "__proto__": {"x": 1}, "attributes": {"__proto__": "<i>", "k": "<img src=x>"}}]'
    return frame(
        field("spanID", "string", HOSTILE),
        field("startTime", "number", [START + i for i in range(6)]),
        *[field(name, "string", [*HOSTILE[:4], '{"__proto__": "<u>"}', odd]) for name in named],
    )


KINDS = {
    "stat": _lines,
    "timeseries": _lines,
    "barchart": _rows,
    "state-timeline": _lines,
    "heatmap": _lines,
    "table": _rows,
    "logs": _logs,
    "traces": _spans,
    "nobody-draws-this": _rows,
}


@pytest.mark.parametrize("kind", KINDS)
def test_k17_hostile_names_and_values_stay_text(stage: Stage, kind: str) -> None:
    made = KINDS[kind]()
    links = {one["name"]: LINKS for one in made["fields"]}
    notes = [{"time": START, "timeEnd": START, "title": MARKUP, "text": MARKUP, "color": "red;}"}]
    stage.show(kind, made, title=MARKUP, links=links, annotations=notes, defaults={"mappings": MAPPED})
    for control in stage.host.locator("button, [tabindex='0']").all()[:12]:
        control.focus()
        for key in ("ArrowRight", "ArrowDown", "Enter"):
            stage.page.keyboard.press(key)
    stage.host.hover()
    found = stage.page.evaluate(
        """() => {
            const inside = [...document.querySelectorAll("#host *")];
            const active = "img, script, iframe, object, embed, b, u, form";
            const odd = (node) => [...node.attributes].some(({ name }) => /^on|^srcdoc$/.test(name));
            return {
                made: inside.filter((node) => node.matches(active) || odd(node)).length,
                hrefs: inside.filter((node) => node.matches("a[href]")).map((node) => node.href),
                hacked: window.hacked ?? null,
                polluted: Object.keys(Object.prototype).length,
            };
        }"""
    )
    assert found == {"made": 0, "hrefs": [], "hacked": None, "polluted": 0}


def test_k17_markup_is_shown_as_it_was_sent(stage: Stage) -> None:
    stage.show("table", _rows())
    assert stage.host.locator("tbody td:nth-child(2)").all_inner_texts()[:2] == HOSTILE[:2]


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("#/d/promethios-agent?var-agent=a", True),
        ("https://example.com/x", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
        ("blob:x", False),
        ("http://[broken", False),
    ],
)
def test_k17_only_the_web_and_this_page_become_links(stage: Stage, href: str, kept: bool) -> None:
    made = frame(field("Agent", "string", ["bot"]))
    stage.show("table", made, links={"Agent": [{"title": "Open", "href": href}]})
    assert stage.host.locator("a").count() == int(kept)
    assert stage.host.locator("tbody td").inner_text() == "bot"
    if href.startswith("https:"):
        assert stage.host.locator("a").get_attribute("rel") == "noopener noreferrer"
