"""Every query of every panel and variable, asked of a real receiver as Grafana would ask it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.boards import BOARDS, OVERVIEW, TRACE, panel, panels
from tests.support.infinity import Frame, Infinity

#: What a panel needs to draw at all.
NEEDS = {
    "stat": {"number"},
    "timeseries": {"time", "number"},
    "state-timeline": {"time", "number"},
    "barchart": {"string", "number"},
    "table": {"string"},
    "logs": {"time", "string"},
    "traces": {"string", "number"},
}


def _panels(*kinds: str) -> list[Any]:
    return [
        pytest.param(found, id=f"{name.removesuffix('.json')}-{found['id']}-{found['type']}")
        for name, board in BOARDS.items()
        for found in panels(board, *kinds)
    ]


def _ask(infinity: Infinity, drawn: dict[str, Any]) -> Frame:
    return infinity.run(drawn["targets"][0])


@pytest.mark.parametrize("drawn", _panels())
def test_panel_has_values_of_the_kinds_it_draws(drawn: dict[str, Any], seeded: Any) -> None:
    frame = _ask(seeded.infinity(), drawn)
    assert frame.rows > 0
    assert NEEDS[drawn["type"]] <= frame.kinds


@pytest.mark.parametrize("drawn", _panels())
def test_panel_overrides_name_fields_that_exist(drawn: dict[str, Any], seeded: Any) -> None:
    names = _ask(seeded.infinity(), drawn).names()
    for override in drawn.get("fieldConfig", {}).get("overrides", []):
        if override["matcher"]["id"] == "byName":
            assert override["matcher"]["options"] in names


@pytest.mark.parametrize("drawn", _panels("timeseries"))
def test_each_coloured_label_has_a_line(drawn: dict[str, Any], seeded: Any) -> None:
    labels = {v for f in _ask(seeded.infinity(), drawn).fields for v in f.labels.values()}
    coloured = [
        override["matcher"]["options"].removeprefix("/(^|\\s)").removesuffix("$/")
        for override in drawn["fieldConfig"]["overrides"]
        if override["matcher"]["id"] == "byRegexp"
    ]
    assert set(coloured) == labels


@pytest.mark.parametrize("agent", ["kyc-screener", '<script>alert("x")</script>&var-agent=other'])
@pytest.mark.parametrize("drawn", _panels())
def test_panel_has_its_shape_for_one_agent(drawn: dict[str, Any], agent: str, seeded: Any) -> None:
    frame = _ask(seeded.infinity(agent), drawn)
    assert frame.rows > 0
    assert NEEDS[drawn["type"]] <= frame.kinds


@pytest.mark.parametrize("drawn", _panels("stat", "timeseries"))
def test_numbers_are_numbers_for_an_unknown_agent(drawn: dict[str, Any], seeded: Any) -> None:
    """An empty answer would lose its number field, and with it an alert's rule."""
    assert NEEDS[drawn["type"]] <= _ask(seeded.infinity("nobody"), drawn).kinds


@pytest.mark.parametrize("drawn", panels(OVERVIEW, "table", "logs", "barchart", "state-timeline"))
def test_lists_are_empty_for_an_unknown_agent(drawn: dict[str, Any], seeded: Any) -> None:
    assert _ask(seeded.infinity("nobody"), drawn).rows == 0


def test_agent_variable_lists_every_agent(seeded: Any) -> None:
    variable = next(v for v in OVERVIEW["templating"]["list"] if v["name"] == "agent")
    frame = seeded.infinity("nobody").run(variable["query"]["infinityQuery"])
    assert {"billing-bot", "kyc-screener"} < set(frame.field("agent_id").values)


def test_table_rows_lead_to_a_trace_that_exists(seeded: Any) -> None:
    violations = panel(OVERVIEW, "Recent violations")
    traces = _ask(seeded.infinity("kyc-screener"), violations).field("Trace").values
    assert seeded.trace_id in traces


def test_blocked_tool_call_is_shown_with_its_reason(seeded: Any) -> None:
    violations = panel(OVERVIEW, "Recent violations")
    frame = _ask(seeded.infinity("kyc-screener"), violations)
    at = frame.field("Enforced").values.index("block")
    shown = {f.name: f.values[at] for f in frame.fields}
    assert shown["Severity"] == "critical"
    assert shown["Tool"] == "shell.exec"
    assert shown["Reason"] == "tool 'shell.exec' is not on the list"


def test_decisions_per_second_is_the_count_over_the_interval(seeded: Any) -> None:
    fields = _ask(seeded.infinity("kyc-screener"), panel(OVERVIEW, "Decisions per second")).fields[1:]
    counts = sum(v for f in fields if f.name == "count" for v in f.values)
    rates = sum(v for f in fields if f.name == "Value" for v in f.values)
    assert counts == 5
    assert rates == pytest.approx(counts / 300)


def test_trace_of_an_unknown_id_is_an_error_that_says_so(seeded: Any) -> None:
    asked = seeded.infinity()
    asked = Infinity(asked.url, asked.key, {**asked.variables, "trace_id": "0" * 32})
    with pytest.raises(AssertionError, match="404"):
        _ask(asked, TRACE["panels"][0])


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Live", 1),
        ("Stale", 0),
        ("Down", 0),
        ("Critical", 1),
        ("Blocked", 1),
        ("Coverage", pytest.approx(5 / 6)),
        ("Policy p95", pytest.approx(80.5)),
        ("Tokens", 4 * (812 + 93)),
    ],
)
def test_strip_shows_what_one_agent_did(title: str, shown: float, seeded: Any) -> None:
    fields = _ask(seeded.infinity("kyc-screener"), panel(OVERVIEW, title)).fields
    assert fields[-1].name == title
    assert fields[-1].values == [shown]


def test_latency_is_that_of_the_decisions(seeded: Any) -> None:
    lines = _ask(seeded.infinity("kyc-screener"), panel(OVERVIEW, "Evaluation latency")).fields[1:]
    assert {(f.labels["quantile"], v) for f in lines for v in f.values if v is not None} == {
        ("p50", 80.5),
        ("p95", 80.5),
        ("p99", 80.5),
    }


def test_severities_over_time_add_up_to_the_violations(seeded: Any) -> None:
    lines = _ask(seeded.infinity("kyc-screener"), panel(OVERVIEW, "Violations by severity")).fields[1:]
    assert {f.labels["severity"]: sum(f.values) for f in lines} == {
        "critical": 1,
        "high": 1,
        "medium": 1,
        "low": 0,
    }


def test_trace_has_its_operations_and_decisions(seeded: Any) -> None:
    frame = _ask(seeded.infinity(), panel(TRACE, "Spans"))
    operations = frame.field("Operation").values
    assert operations[0] == "invoke_agent kyc-screener"
    assert operations.count("promethios.decide") == 2
    assert "block" in frame.field("Verdict").values
