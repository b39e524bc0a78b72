"""The console's modules that need no page, run by Node where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from promethios.receiver.console.assets import load_assets

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console's scripts in a folder that Node takes for ES modules."""
    folder = tmp_path_factory.mktemp("console")
    (folder / "package.json").write_text('{"type": "module"}')
    for name, asset in load_assets().items():
        (folder / name).write_bytes(asset.body)
    return folder


def _run(modules: Path, module: str, expression: str) -> Any:
    """The value of an expression over a module `m`, in UTC."""
    source = f'import * as m from "{modules / module}"; console.log(JSON.stringify({expression} ?? null))'
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", source],
        capture_output=True,
        text=True,
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _span(span_id: str, parent: str, start: float) -> dict[str, Any]:
    return {"spanID": span_id, "parentSpanID": parent, "startTime": start}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([_span("b", "a", 2), _span("a", "", 1)], [("a", 0), ("b", 1)]),
        ([_span("a", "", 1), _span("c", "a", 3), _span("b", "a", 2)], [("a", 0), ("b", 1), ("c", 1)]),
        ([_span("b", "missing", 1)], [("b", 0)]),
        ([_span("a", "a", 1)], [("a", 0)]),
        ([_span("a", "b", 1), _span("b", "a", 2)], [("a", 0), ("b", 1)]),
        ([_span("r", "", 0), _span("a", "b", 1), _span("b", "a", 2)], [("r", 0), ("a", 0), ("b", 1)]),
    ],
    ids=["none", "child-first", "siblings-by-start", "orphan", "own-parent", "ring", "ring-beside-a-root"],
)
def test_spans_become_rows_with_each_span_once(
    modules: Path, spans: list[dict[str, Any]], expected: list[tuple[str, int]]
) -> None:
    rows = _run(modules, "tree.js", f"m.flatten({json.dumps(spans)})")
    assert [(row["span"]["spanID"], row["depth"]) for row in rows] == expected


def test_trace_ten_thousand_spans_deep_does_not_overflow(modules: Path) -> None:
    span = "(_, i) => ({spanID: `${i}`, parentSpanID: i ? `${i - 1}` : '', startTime: i})"
    chain = f"Array.from({{length: 10000}}, {span})"
    assert _run(modules, "tree.js", f"m.flatten({chain}).length") == 10_000


@pytest.mark.parametrize(
    ("top", "integers", "expected"),
    [
        (0, False, [0, 1]),
        (1, True, [0, 1]),
        (9, True, [0, 3, 6, 9]),
        (100, False, [0, 25, 50, 75, 100]),
        (0.3, False, [0, 0.1, 0.2, 0.3]),
        (1234, True, [0, 500, 1000, 1500]),
    ],
)
def test_ticks_are_round_and_reach_the_top(
    modules: Path, top: float, integers: bool, expected: list[float]
) -> None:
    ticks = _run(modules, "scale.js", f"m.ticks({top}, 4, {json.dumps(integers)})")
    assert ticks == pytest.approx(expected)


def test_times_on_the_axis_are_round_and_within_it(modules: Path) -> None:
    start = 1_795_000_000_000
    found = _run(modules, "scale.js", f"m.timeTicks({start}, {start + 6 * 3_600_000}, 8)")
    assert found["daily"] is False
    assert 4 <= len(found["times"]) <= 8
    assert all(time % 3_600_000 == 0 and start <= time <= start + 6 * 3_600_000 for time in found["times"])


def test_long_rows_become_one_array_for_each_label_worst_first(modules: Path) -> None:
    rows = [
        {"time": 1, "severity": "low", "value": 3},
        {"time": 1, "severity": "critical", "value": 0},
        {"time": 2, "severity": "low", "value": 1},
        {"time": 2, "severity": "<b>", "value": 9},
    ]
    wide = _run(modules, "series.js", f'm.widen({json.dumps(rows)}, "severity", ["critical", "low"])')
    assert wide == {
        "times": [1, 2],
        "series": [
            {"name": "critical", "values": [0, None]},
            {"name": "low", "values": [3, 1]},
            {"name": "<b>", "values": [None, 9]},
        ],
    }


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("m.count(null)", "\u2013"),
        ("m.count(12840)", "12,840"),
        ("m.count(2_400_000)", "2.4M"),
        ("m.percent(0.99996)", "99.9 %"),
        ("m.percent(1)", "100 %"),
        ("m.percent(0)", "0 %"),
        ("m.percent(null)", "\u2013"),
        ("m.micros(61.3)", "61.3 µs"),
        ("m.micros(1500)", "1.50 ms"),
        ("m.millis(0)", "0 ms"),
        ("m.millis(0.08)", "80 µs"),
        ("m.millis(2400)", "2.40 s"),
        ("m.millis(125_000)", "2 min 5 s"),
        ("m.span(180_000)", "3 min"),
        ("m.span(93_600_000)", "1 d 2 h"),
        ("m.ago(0, 4000)", "just now"),
        ("m.ago(0, 3_600_000)", "1 h ago"),
        ("m.ago(5000, 0)", "just now"),
    ],
)
def test_values_are_written_as_people_read_them(modules: Path, expression: str, shown: str) -> None:
    assert _run(modules, "format.js", expression) == shown


@pytest.mark.parametrize(
    ("address", "state"),
    [
        ("", {"view": "overview", "range": "6h", "agents": []}),
        (
            "#/overview?range=1h&agent=a&agent=b%7Cc",
            {"view": "overview", "range": "1h", "agents": ["a", "b|c"]},
        ),
        ("#/overview?range=99y", {"view": "overview", "range": "6h", "agents": []}),
        ("#/trace/" + "a" * 32, {"view": "trace", "traceId": "a" * 32, "range": "6h", "agents": []}),
        ("#/trace/../../etc", {"view": "overview", "range": "6h", "agents": []}),
        ("#/trace/" + "A" * 32, {"view": "overview", "range": "6h", "agents": []}),
    ],
)
def test_address_is_read_and_what_is_malformed_left_out(
    modules: Path, address: str, state: dict[str, Any]
) -> None:
    assert _run(modules, "state.js", f"m.read({json.dumps(address)})") == state


@pytest.mark.parametrize("agent", ["plain", "a&range=7d", "100%", "#/trace", "<script>", "ü?x=1", "a+b c"])
def test_any_agents_name_survives_the_address(modules: Path, agent: str) -> None:
    state = {"view": "overview", "range": "24h", "agents": [agent]}
    assert _run(modules, "state.js", f"m.read(m.address({json.dumps(state)}))") == state


@pytest.mark.parametrize(
    ("name", "step"), [("15m", 10_000), ("6h", 180_000), ("24h", 900_000), ("7d", 7_200_000)]
)
def test_question_has_a_round_step_and_at_most_120_of_them(modules: Path, name: str, step: int) -> None:
    asked = _run(modules, "state.js", f'm.asked({{range: "{name}", agents: ["a", "b"]}}, 1e12)')
    assert asked["step"] == step
    assert (asked["to"] - asked["from"]) / step <= 120
    assert asked["agent"] == "a|b"


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
def test_only_text_that_a_header_can_carry_is_taken_for_a_key(
    modules: Path, text: str, accepted: bool
) -> None:
    assert _run(modules, "api.js", f"m.isKey({json.dumps(text)})") is accepted


def test_word_that_is_not_known_gets_no_class_of_its_own(modules: Path) -> None:
    assert _run(modules, "words.js", '["critical", "x onload=1", "__proto__"].map(m.colorOf)') == [
        "c-critical",
        "c-other",
        "c-other",
    ]
