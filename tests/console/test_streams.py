"""Events as they come, questions that are asked once, and calls that are not too many."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.console.conftest import Run

MODULES = ("events", "api", "throttle", "hover", "session")


def _events(run: Run, *pieces: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = run(
        f"(() => {{ const seen = []; const push = m.events.parser((e) => seen.push(e)); "
        f"{json.dumps(pieces)}.forEach(push); return seen; }})()"
    )
    return events


@pytest.mark.parametrize(
    "pieces",
    [
        ['event: changed\ndata: {"a":1}\nid: 7\n\n'],
        ["event: chan", "ged\nda", 'ta: {"a":1}\nid: 7\n', "\n"],
        ['event: changed\r\ndata: {"a":1}\r\nid: 7\r\n\r\n'],
        [': hello\nretry: 10\nevent:changed\ndata:{"a":1}\nid:7\n\n'],
    ],
    ids=["whole", "in-pieces", "carriage-returns", "with-comments"],
)
def test_event_is_read(run: Run, pieces: list[str]) -> None:
    assert _events(run, *pieces) == [{"event": "changed", "data": '{"a":1}', "id": "7"}]


def test_lines_of_data_are_joined_and_an_event_without_data_is_none(run: Run) -> None:
    assert _events(run, "data: a\ndata: b\n\nevent: x\n\ndata: c\n\n") == [
        {"event": "message", "data": "a\nb", "id": ""},
        {"event": "message", "data": "c", "id": ""},
    ]


def test_what_is_not_complete_is_not_told(run: Run) -> None:
    assert _events(run, "data: a\n") == []


# The browser's fetch, made of a counter: how many requests there were, and which were ended.
FETCH = """
globalThis.asked = []; globalThis.ended = 0;
globalThis.fetch = (address, { signal } = {}) => new Promise((resolve, reject) => {
  globalThis.asked.push(address);
  signal?.addEventListener("abort", () => {
    globalThis.ended += 1;
    reject(new DOMException("ended", "AbortError"));
  });
  setTimeout(() => resolve(new Response(JSON.stringify({ data: [1] }))), 20);
});
const busy = [];
const client = m.api.connect((yes) => busy.push(yes));
"""


def _asked(run: Run, body: str) -> Any:
    return run(f"(async () => {{ {FETCH} {body} }})()")


def test_equal_questions_under_way_are_asked_once(run: Run) -> None:
    told = _asked(
        run,
        'const stats = () => client.get("stats", [["a", "1"]]);'
        'const both = await Promise.all([stats(), stats(), client.get("agents")]);'
        "await new Promise((done) => setTimeout(done, 5)); return [both, globalThis.asked, busy];",
    )
    assert told == [[{"data": [1]}] * 3, ["/api/v1/stats?a=1", "/api/v1/agents"], [True, False]]


def test_question_ends_when_nobody_waits_for_it(run: Run) -> None:
    told = _asked(
        run,
        "const one = new AbortController(), other = new AbortController();"
        'const first = client.get("stats", [], one.signal).catch((e) => e.name);'
        'const second = client.get("stats", [], other.signal).catch((e) => e.name);'
        "one.abort(); const before = globalThis.ended; other.abort();"
        "return [before, globalThis.ended, await first, await second];",
    )
    assert told == [0, 1, "AbortError", "AbortError"]


def test_question_that_one_leaves_is_answered_to_the_other(run: Run) -> None:
    told = _asked(
        run,
        "const one = new AbortController();"
        'const first = client.get("stats", [], one.signal).catch((e) => e.name);'
        'const second = client.get("stats"); one.abort();'
        "return [await first, await second, globalThis.ended];",
    )
    assert told == ["AbortError", {"data": [1]}, 0]


TRY = '(async () => { FETCH try { await m.api.ask("/x"); } catch (e) { return [e.status, e.message]; } })()'


def test_problem_of_an_answer_is_told(run: Run) -> None:
    problem = 'JSON.stringify({detail: "`from` is after `to`"})'
    refuse = f"globalThis.fetch = async () => new Response({problem}, {{status: 400}});"
    assert run(TRY.replace("FETCH", refuse)) == [400, "`from` is after `to`"]


def test_receiver_that_is_gone_is_told(run: Run) -> None:
    fail = 'globalThis.fetch = async () => { throw new TypeError("x"); };'
    assert run(TRY.replace("FETCH", fail)) == [0, "The receiver cannot be reached. Is it running?"]


def test_calls_in_a_gap_are_one_at_its_end(run: Run) -> None:
    told = run(
        "(async () => { let calls = 0; const call = m.throttle.throttle(() => { calls += 1; }, () => 50);"
        "const wait = (ms) => new Promise((done) => setTimeout(done, ms));"
        "call(); await wait(10); const first = calls; for (let i = 0; i < 9; i++) call();"
        "while (calls < 2) await wait(5); await wait(60); const second = calls;"
        "call(); call.cancel(); await wait(60); return [first, second, calls]; })()"
    )
    assert told == [1, 2, 2]


def test_crosshair_is_heard_until_one_stops_listening(run: Run) -> None:
    told = run(
        "(() => { const hover = m.hover.makeHover(); const seen = [];"
        "const off = hover.on((t) => seen.push(t));"
        "hover.set(5); off(); hover.set(6); return seen; })()"
    )
    assert told == [5]


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("pmk_live_abc_def", True),
        ("", False),
        ("short", False),
        ("with blank inside", False),
        ("naïve_key", False),
    ],
)
def test_only_text_that_a_header_can_carry_is_taken_for_a_key(run: Run, text: str, accepted: bool) -> None:
    assert run(f"m.session.isKey({json.dumps(text)})") is accepted
