"""The address, time ranges, variables in texts, and links: any agent's name stays one value."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from tests.console.conftest import Run

MODULES = ("address", "timerange", "template", "variables", "links", "view", "frames", "fields")

NOW = 1_795_000_000_000
HOUR = 3_600_000

HOSTILE = [
    "plain", "a&var-agent=b", "100%", "#/d/x", "<script>alert(1)</script>", "ü?x=1", "a+b c", "a|b",
    "${agent}",
    "$__all ", "%00", "javascript:alert(1)", "'\"`", "(a)[b]{c}", "\u202e", "/../..", "=", "",
]  # fmt: skip


def test_address_is_read(run: Run) -> None:
    hash_ = "#/d/promethios-agent?var-agent=a&var-agent=b%7Cc&from=now-6h&to=now&refresh=10s&viewPanel=3"
    assert run(f"m.address.read({json.dumps(hash_)})") == {
        "uid": "promethios-agent",
        "vars": [["agent", ["a", "b|c"]]],
        "range": {"from": "now-6h", "to": "now"},
        "refresh": "10s",
        "viewPanel": 3,
    }


@pytest.mark.parametrize(
    "hash_",
    [
        "", "#", "#/", "#/d", "#/d/", "#/d/../x", "#/d/a%20b", "#/x/promethios-agent", "#/d/" + "a" * 65,
        "#/?from=yesterday&to=now", "#/?from=now&to=now-1h", "#/?from=0&to=99999999999999", "#/?refresh=1ms",
        "#/?refresh=often", "#/?viewPanel=-1", "#/?viewPanel=1e3", "#/?var-=x", "#/?agent=x",
        "#/?from=now-9999999y",
    ],
)  # fmt: skip
def test_what_is_malformed_is_left_out(run: Run, hash_: str) -> None:
    empty = {"uid": None, "vars": [], "range": None, "refresh": None, "viewPanel": None}
    assert run(f"m.address.read({json.dumps(hash_)})") == empty


def test_any_value_survives_the_address(run: Run) -> None:
    states = [
        {
            "uid": "promethios-agent",
            "vars": [["agent", [value]], ["ü & =", [value, "other"]]],
            "range": {"from": "now-24h", "to": "now"},
            "refresh": "",
            "viewPanel": 7,
        }
        for value in [*HOSTILE, *_random_texts(200)]
    ]
    written = (
        f"{json.dumps(states)}.map((s) => m.address.read(m.address.write({{...s, vars: new Map(s.vars)}})))"
    )
    assert run(written) == states


def _random_texts(many: int) -> list[str]:
    chance = random.Random(20261123)
    letters = "ab01 &=+%#?/\\|.:;,'\"<>$[]{}()~ü\u4e2d\U0001f525\t"
    return ["".join(chance.choices(letters, k=chance.randint(1, 20))) for _ in range(many)]


@pytest.mark.parametrize(
    ("url", "href", "external"),
    [
        ("/d/promethios-agent?var-agent=x", "#/d/promethios-agent?var-agent=x", False),
        ("https://example.org/", "https://example.org/", True),
    ],
    ids=["dashboard", "elsewhere"],
)
def test_link_leads_to_a_dashboard_or_away(run: Run, url: str, href: str, external: bool) -> None:
    assert run(f"m.address.linkTo({json.dumps(url)})") == {"href": href, "external": external}


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "//example.org", "/api/v1/keys",
        "/d/",
        "vbscript:x", " https://example.org", "blob:x", "", "\\\\example.org",
    ],
)  # fmt: skip
def test_everything_else_is_no_link(run: Run, url: str) -> None:
    assert run(f"m.address.linkTo({json.dumps(url)})") is None


@pytest.mark.parametrize(
    ("text", "down", "up"),
    [
        ("now", NOW, NOW),
        ("now-6h", NOW - 6 * HOUR, NOW - 6 * HOUR),
        ("now+1m", NOW + 60_000, NOW + 60_000),
        ("now/h", NOW - NOW % HOUR, NOW - NOW % HOUR + HOUR - 1),
        ("now-1d/d", 1_794_873_600_000, 1_794_959_999_999),
        ("now/w", 1_794_787_200_000, 1_795_391_999_999),
        ("now/M", 1_793_491_200_000, 1_796_083_199_999),
        ("now-1y", 1_763_464_000_000, 1_763_464_000_000),
        (str(NOW), NOW, NOW),
        ("2026-11-18 11:06:40", NOW, NOW),
        ("2026-11-18T11:06:40Z", NOW, NOW),
        ("now-6x", None, None),
        ("noon", None, None),
        ("12", None, None),
        ("", None, None),
    ],
)
def test_time_is_read_and_rounded(run: Run, text: str, down: int | None, up: int | None) -> None:
    asked = f"[false, true].map((up) => m.timerange.timeOf({json.dumps(text)}, {NOW}, up))"
    assert run(asked) == [down, up]


def test_range_goes_earlier_and_later_and_not_beyond_now(run: Run) -> None:
    moving = '{from: "now-6h", to: "now"}'
    earlier = run(f"m.timerange.shift({moving}, -1, {NOW})")
    assert earlier == {"from": str(NOW - 9 * HOUR), "to": str(NOW - 3 * HOUR)}
    assert run(f"m.timerange.shift({json.dumps(earlier)}, 1, {NOW})")["to"] == str(NOW)
    assert run(f"m.timerange.shift({moving}, 1, {NOW})") == {"from": "now-6h", "to": "now"}


def test_zooming_out_doubles_the_range_around_its_middle(run: Run) -> None:
    fixed = json.dumps({"from": str(NOW - 20 * HOUR), "to": str(NOW - 18 * HOUR)})
    wider = run(f"m.timerange.zoomOut({fixed}, {NOW})")
    assert wider == {"from": str(NOW - 21 * HOUR), "to": str(NOW - 17 * HOUR)}
    assert run(f"m.timerange.zoomOut({{from: 'now-6h', to: 'now'}}, {NOW})") == {
        "from": str(NOW - 12 * HOUR),
        "to": str(NOW),
    }


def test_range_chosen_in_a_chart_is_in_order_and_at_least_a_second(run: Run) -> None:
    assert run("m.timerange.between(9000.4, 5000)") == {"from": "5000", "to": "9000"}
    assert run("m.timerange.between(5000, 5001)") == {"from": "5000", "to": "6000"}


@pytest.mark.parametrize(
    ("from_", "to", "words"),
    [
        ("now-6h", "now", "Last 6 hours"),
        ("now-1d", "now", "Last day"),
        ("now/d", "now", "Today"),
        ("now-1d/d", "now-1d/d", "Yesterday"),
        (str(NOW), str(NOW + 2 * HOUR), "2026-11-18 11:06:40 to 13:06:40"),
        (str(NOW), str(NOW + 48 * HOUR), "2026-11-18 11:06:40 to 2026-11-20 11:06:40"),
        ("now-3h/h", "now-1h", "now-3h/h to now-1h"),
    ],
)
def test_range_is_told_in_words(run: Run, from_: str, to: str, words: str) -> None:
    assert run(f"m.timerange.describe({json.dumps({'from': from_, 'to': to})})") == words


_MANY = {"type": "query", "multi": True, "includeAll": True, "current": {"value": ["$__all"]}}
DEFINITIONS = [
    {"name": "datasource", "type": "datasource", "current": {"value": "promethios"}},
    {"name": "agent", **_MANY, "allValue": ".*"},
    {"name": "policy", **_MANY},
    {"name": "trace_id", "type": "textbox", "query": ""},
]  # fmt: skip


def _filled(run: Run, text: str, vars_: dict[str, list[str]]) -> str:
    state = (
        f"{{definitions: d, values: m.variables.chosen(d, new Map({json.dumps(list(vars_.items()))})), "
        'options: new Map([["policy", ["p1", "p2"]]]), range: {from: 1000, to: 2000}, '
        'asked: {from: "now-6h", to: "now"}, interval: 300000}'
    )
    filled: str = run(
        f"((d) => m.template.fill({json.dumps(text)}, m.variables.lookup({state})))"
        f"({json.dumps(DEFINITIONS)})"
    )
    return filled


@pytest.mark.parametrize(
    ("text", "vars_", "filled"),
    [
        ("${agent:pipe}", {}, ".*"),
        ("${agent:pipe}", {"agent": ["a", "b"]}, "a|b"),
        ("${agent:pipe}", {"agent": [""]}, ".*"),
        ("${agent:pipe}", {"agent": ["a", "$__all"]}, ".*"),
        ("${agent}", {"agent": ["a", "b"]}, "{a,b}"),
        ("$agent", {"agent": ["a"]}, "a"),
        ("[[agent]]", {"agent": ["a"]}, "a"),
        ("${agent:csv}", {"agent": ["a", "b"]}, "a,b"),
        ("${agent:json}", {"agent": ["a"]}, '["a"]'),
        ("${agent:regex}", {"agent": ["a.b", "c"]}, "(a\\.b|c)"),
        ("${agent:text}", {}, "All"),
        ("${agent:queryparam}", {}, "var-agent=%24__all"),
        ("${agent:queryparam}", {"agent": ["a&b", "c"]}, "var-agent=a%26b&var-agent=c"),
        ("${agent:percentencode}", {"agent": ["a/b'(c)"]}, "a%2Fb%27%28c%29"),
        ("${policy:pipe}", {}, "p1|p2"),
        ("${datasource:queryparam}", {}, "var-datasource=promethios"),
        ("${trace_id}", {"trace_id": ["abc"]}, "abc"),
        ("${__from} ${__to} ${__interval_ms} ${__interval}", {}, "1000 2000 300000 5m"),
        ("${__from:date:seconds} ${__from:date:iso}", {}, "1 1970-01-01T00:00:01.000Z"),
        ("${__url_time_range}", {}, "from=now-6h&to=now"),
        ("${__proto__} ${constructor} $5 100% ${}", {}, "${__proto__} ${constructor} $5 100% ${}"),
        ("${agent}", {"agent": ["${trace_id}"]}, "${trace_id}"),
    ],
)
def test_text_is_filled_in(run: Run, text: str, vars_: dict[str, list[str]], filled: str) -> None:
    assert _filled(run, text, vars_) == filled


LINK = {
    "title": "Open",
    "url": "/d/promethios-agent?${__url_time_range}&var-agent=${__data.fields.Agent:percentencode}",
}


def _links(run: Run, value: Any, link: dict[str, Any] = LINK) -> list[dict[str, Any]]:
    frame = f"""m.frames.makeFrame("A", [
        {{...m.frames.makeField("Agent", "string", {json.dumps([value])}),
          config: {{links: {json.dumps([link])}}}}},
        m.frames.makeField("Time", "time", [5])])"""
    look = (
        "m.variables.lookup({definitions: [], values: new Map(), range: {from: 1, to: 2}, "
        'asked: {from: "now-6h", to: "now"}})'
    )
    links: list[dict[str, Any]] = run(f"((f) => m.links.linksOf(f, f.fields[0], 0, {look}))({frame})")
    return links


@pytest.mark.parametrize("agent", [text for text in HOSTILE if text])
def test_link_of_any_agent_sets_that_agent_and_nothing_else(run: Run, agent: str) -> None:
    (link,) = _links(run, agent)
    read = run(f"m.address.read({json.dumps(link['href'])})")
    assert read["vars"] == [["agent", [agent]]]
    assert read["range"] == {"from": "now-6h", "to": "now"}


@pytest.mark.parametrize(
    "field",
    [
        "${__data.fields.Agent}",
        "${__data.fields[0]}",
        '${__data.fields["Agent"]}',
        "${__value.raw}",
        "${__value.text}",
    ],
)
def test_value_without_a_format_is_encoded_too(run: Run, field: str) -> None:
    (link,) = _links(run, "a&b=c", {"title": "${__value.raw}", "url": f"/d/x?var-agent={field}"})
    assert link == {"title": "a&b=c", "href": "#/d/x?var-agent=a%26b%3Dc", "external": False}


@pytest.mark.parametrize("value", [None, ""])
def test_cell_without_a_value_has_no_link(run: Run, value: str | None) -> None:
    assert _links(run, value) == []


def test_value_cannot_be_the_links_scheme(run: Run) -> None:
    assert _links(run, "javascript:alert(1)", {"title": "x", "url": "${__value.raw}"}) == []


def test_links_of_a_dashboard_keep_time_and_variables(run: Run) -> None:
    known = [
        {"uid": "promethios-agent", "title": "Agent", "tags": ["promethios"]},
        {"uid": "other", "title": "Other", "tags": []},
        {"uid": "promethios-overview", "title": "Overview", "tags": ["promethios"]},
    ]
    board = {
        "uid": "promethios-overview",
        "links": [
            {"type": "dashboards", "tags": ["promethios"], "keepTime": True},
            {"type": "link", "title": "Docs", "url": "https://example.org/a", "includeVars": True},
            {"type": "link", "title": "Bad", "url": "javascript:x"},
        ],
    }
    look = (
        "((d) => m.variables.lookup({definitions: d, "
        "values: m.variables.chosen(d, new Map([['agent', ['a&b']]])), "
        f"range: {{from: 1, to: 2}}, asked: {{from: 'now-6h', to: 'now'}}}}))({json.dumps(DEFINITIONS[1:2])})"
    )
    assert run(f"m.links.dashboardLinks({json.dumps(board)}, {json.dumps(known)}, {look})") == [
        {"title": "Agent", "href": "#/d/promethios-agent?from=now-6h&to=now", "external": False},
        {"title": "Docs", "href": "https://example.org/a?var-agent=a%26b", "external": True},
    ]


def test_tab_keeps_range_and_choices_and_not_defaults(run: Run) -> None:
    dashboard = {
        "templating": {"list": DEFINITIONS},
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
    }
    asked = f"m.view.viewOf({json.dumps(dashboard)}, m.address.read(HASH))"
    plain = run(f'm.view.elsewhere("x", {asked.replace("HASH", json.dumps("#/d/y"))})')
    assert plain == "#/d/x"
    chosen = "#/d/y?var-agent=a&var-trace_id=t&from=now-24h&to=now&viewPanel=2"
    assert run(f'm.view.elsewhere("x", {asked.replace("HASH", json.dumps(chosen))})') == (
        "#/d/x?var-agent=a&from=now-24h&to=now"
    )


def test_dashboards_own_range_and_refresh_hold_where_the_address_is_silent(run: Run) -> None:
    dashboard = {"time": {"from": "now-1h", "to": "now"}, "refresh": "30s"}
    view = run(f'm.view.viewOf({json.dumps(dashboard)}, m.address.read("#/d/y"))')
    assert (view["range"], view["refresh"]) == ({"from": "now-1h", "to": "now"}, "30s")
    off = run(f'm.view.viewOf({json.dumps(dashboard)}, m.address.read("#/d/y?refresh=&from=now-6h"))')
    assert (off["range"], off["refresh"]) == ({"from": "now-6h", "to": "now"}, "")


@pytest.mark.parametrize(
    ("sort", "options"),
    [
        (0, ["b", "A", "a10", "a9"]),
        (1, ["A", "a10", "a9", "b"]),
        (2, ["b", "a9", "a10", "A"]),
        (5, ["A", "a10", "a9", "b"]),
    ],
)
def test_options_are_distinct_filtered_and_sorted(run: Run, sort: int, options: list[str]) -> None:
    values = json.dumps(["b", "A", None, "a10", "", "b", "a9", "skip-me"])
    definition = json.dumps({"sort": sort, "regex": "/^(?!skip)/"})
    frame = f'm.frames.makeFrame("A", [m.frames.makeField("x", "string", {values})])'
    assert run(f"m.variables.optionsOf({definition}, {frame})") == options
