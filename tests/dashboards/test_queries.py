"""Every query of every panel, variable and annotation, asked of a real receiver as Grafana would ask it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.support.boards import (
    AGENT,
    BOARDS,
    COMPLIANCE,
    OVERVIEW,
    POLICIES,
    TRACE,
    annotations,
    every_panel,
    in_order,
    overrides,
    panel,
    variables,
)
from tests.support.infinity import BadAnswer, Frame
from tests.support.seeded import AGENTS, GONE, HOSTILE, UNKNOWN, Seeded

#: What a panel needs to draw at all.
NEEDS = {
    "stat": {"number"},
    "timeseries": {"time", "number"},
    "state-timeline": {"time", "number"},
    "heatmap": {"time", "number"},
    "barchart": {"string", "number"},
    "table": {"string"},
    "logs": {"time", "string"},
    "traces": {"string", "number"},
}
_PANELS = every_panel()
#: Of no agent, or of one trace, whoever is chosen.
_OF_NO_AGENT = {"compliance-41-table", "trace-2-table", "trace-3-table"}
_LISTS = {*every_panel("table", "logs", "barchart", "state-timeline")} - _OF_NO_AGENT
#: Series with a line for each agent.
_LINES_OF_AGENTS = {
    name
    for name, drawn in every_panel("timeseries").items()
    if drawn["targets"][0]["columns"][1]["selector"] == "agent_id"
}
_CHOICES = sorted(
    (name, variable)
    for name, board in BOARDS.items()
    for variable in variables(board)
    if variable in ("agent", "policy")
)
_MARKS = sorted((name, mark["name"]) for name, board in BOARDS.items() for mark in annotations(board))


def _ask(seeded: Seeded, drawn: dict[str, Any], agent: str = ".*") -> Frame:
    return seeded.frame(drawn["targets"][0], agent)


@pytest.mark.parametrize("name", sorted(_PANELS))
def test_panel_has_values_of_the_kinds_it_draws(name: str, seeded: Seeded) -> None:
    frame = _ask(seeded, _PANELS[name])
    assert frame.rows > 0
    assert NEEDS[_PANELS[name]["type"]] <= frame.kinds
    assert any(
        value is not None for field in frame.fields if field.kind == "number" for value in field.values
    ) or ("number" not in frame.kinds)


@pytest.mark.parametrize("name", sorted(_PANELS))
def test_panel_overrides_name_fields_that_exist(name: str, seeded: Seeded) -> None:
    names = _ask(seeded, _PANELS[name]).names()
    for matcher, _ in overrides(_PANELS[name]):
        if matcher["id"] == "byName":
            assert matcher["options"] in names
        else:
            assert any(re.search(matcher["options"].strip("/"), found) for found in names)


@pytest.mark.parametrize("name", sorted(every_panel("timeseries")))
def test_each_coloured_label_has_a_line(name: str, seeded: Seeded) -> None:
    labels = {v for f in _ask(seeded, _PANELS[name]).fields for v in f.labels.values()}
    coloured = {
        matcher["options"].removeprefix("/(^|\\s)").removesuffix("$/")
        for matcher, prop in overrides(_PANELS[name])
        if prop["id"] == "color"
    }
    assert not coloured or coloured == labels


@pytest.mark.parametrize("name", sorted(every_panel("table")))
def test_each_word_of_a_badge_has_a_colour(name: str, seeded: Seeded) -> None:
    frame = _ask(seeded, _PANELS[name])
    for matcher, prop in overrides(_PANELS[name]):
        if prop["id"] == "mappings":
            words = set(prop["value"][0]["options"])
            assert set(frame.field(matcher["options"]).values) <= words | {None, ""}


@pytest.mark.parametrize("name", sorted(every_panel("table", "logs")))
def test_times_of_tables_are_in_milliseconds(name: str, seeded: Seeded) -> None:
    frame = _ask(seeded, _PANELS[name])
    units = {m["options"]: p["value"] for m, p in overrides(_PANELS[name]) if p["id"] == "unit"}
    now = int(seeded.infinity().variables["__to"])
    for field in frame.fields:
        if field.kind == "time" or units.get(field.name, "").startswith("dateTime"):
            assert all(v is None or now - 6 * 3_600_000 < v <= now for v in field.values), field.name


@pytest.mark.parametrize("agent", ["kyc-screener", HOSTILE], ids=["ordinary", "hostile"])
@pytest.mark.parametrize("name", sorted(_PANELS))
def test_panel_has_its_shape_for_one_agent(name: str, agent: str, seeded: Seeded) -> None:
    frame = _ask(seeded, _PANELS[name], agent)
    assert frame.rows > 0
    assert NEEDS[_PANELS[name]["type"]] <= frame.kinds


@pytest.mark.parametrize("name", sorted({*every_panel("stat", "timeseries", "heatmap")} - _LINES_OF_AGENTS))
def test_numbers_are_numbers_for_an_unknown_agent(name: str, seeded: Seeded) -> None:
    """An empty answer would lose its number field, and with it an alert's rule."""
    assert NEEDS[_PANELS[name]["type"]] <= _ask(seeded, _PANELS[name], UNKNOWN).kinds


@pytest.mark.parametrize("name", sorted(_LISTS | _LINES_OF_AGENTS))
def test_lists_are_empty_for_an_unknown_agent(name: str, seeded: Seeded) -> None:
    assert _ask(seeded, _PANELS[name], UNKNOWN).rows == 0


@pytest.mark.parametrize(("board", "variable"), _CHOICES)
def test_variables_list_all_there_is_whoever_is_chosen(board: str, variable: str, seeded: Seeded) -> None:
    asked = variables(BOARDS[board])[variable]["query"]["infinityQuery"]
    (field,) = seeded.frame(asked, UNKNOWN).fields
    known = {"agent": {*AGENTS, GONE}, "policy": {"tool-allowlist", "no-cards", "injection", "budget"}}
    assert set(field.values) == known[variable]


@pytest.mark.parametrize(
    "agent", [".*", "kyc-screener", HOSTILE, UNKNOWN], ids=["all", "ordinary", "hostile", "unknown"]
)
@pytest.mark.parametrize(("board", "mark"), _MARKS)
def test_marks_have_a_time_and_a_text(board: str, mark: str, agent: str, seeded: Seeded) -> None:
    target = next(m["target"] for m in annotations(BOARDS[board]) if m["name"] == mark)
    frame = seeded.frame(target, agent)
    assert frame.rows > 0 or agent == UNKNOWN
    if frame.rows:
        assert frame.field("time").kind == "time"
        assert all(frame.field("title").values)
        assert all(isinstance(tags, str) for tags in frame.field("tags").values)


def test_severities_are_listed_worst_first(seeded: Seeded) -> None:
    drawn = panel(OVERVIEW, "Violations by severity")
    names = [f.labels["severity"] for f in _ask(seeded, drawn).fields[1:]]
    assert in_order(drawn, names) == ["critical", "high", "medium", "low"]


def test_table_rows_lead_to_a_trace_that_exists(seeded: Seeded) -> None:
    traces = _ask(seeded, panel(OVERVIEW, "Recent violations"), "kyc-screener").field("Trace").values
    assert seeded.trace_id in traces


def test_blocked_tool_call_is_shown_with_its_reason(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(OVERVIEW, "Recent violations"), "kyc-screener")
    at = frame.field("Enforced").values.index("block")
    shown = {f.name: f.values[at] for f in frame.fields}
    assert shown["Severity"] == "critical"
    assert shown["Tool"] == "shell.exec"
    assert shown["Reason"] == "tool 'shell.exec' is not on the list"


def test_decisions_per_second_is_the_count_over_the_interval(seeded: Seeded) -> None:
    fields = _ask(seeded, panel(OVERVIEW, "Decisions per second"), "kyc-screener").fields[1:]
    counts = sum(v for f in fields if f.name == "count" for v in f.values)
    rates = sum(v for f in fields if f.name == "Value" for v in f.values)
    assert counts == 5
    assert rates == pytest.approx(counts / 300)


def test_trace_of_an_unknown_id_is_an_error_that_says_so(seeded: Seeded) -> None:
    with pytest.raises(BadAnswer, match="404"):
        seeded.infinity(trace_id="0" * 32).run(TRACE["panels"][0]["targets"][0])


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Critical", 1),
        ("Blocked", 1),
        ("Coverage", pytest.approx(5 / 6)),
    ],
)
def test_strip_shows_what_one_agent_did(title: str, shown: float, seeded: Seeded) -> None:
    fields = _ask(seeded, panel(OVERVIEW, title), "kyc-screener").fields
    assert fields[-1].name == title
    assert fields[-1].values == [shown]


def test_agent_is_counted_once_in_the_strip(seeded: Seeded) -> None:
    """Live at first, stale after a while: it may change between two questions, but not twice."""

    def counted() -> int:
        asked = (panel(OVERVIEW, title)["targets"][0] for title in ("Live", "Stale", "Down"))
        return sum(seeded.infinity("kyc-screener").run(target).fields[-1].values[0] for target in asked)

    assert counted() == 1 or counted() == 1


@pytest.mark.parametrize("title", ["Live", "Stale", "Down"])
def test_agent_that_said_goodbye_is_none_of_the_strip(title: str, seeded: Seeded) -> None:
    assert _ask(seeded, panel(OVERVIEW, title), GONE).fields[-1].values == [0]


def test_tokens_are_those_in_and_those_out(seeded: Seeded) -> None:
    assert _ask(seeded, panel(AGENT, "Tokens"), "kyc-screener").fields[-1].values == [4 * (812 + 93)]


def test_strip_has_no_numbers_where_there_is_nothing(seeded: Seeded) -> None:
    for title in ("Lowest trust", "Coverage", "Policy p95"):
        assert _ask(seeded, panel(OVERVIEW, title), UNKNOWN).fields[-1].values == [None]


def test_severities_over_time_add_up_to_the_violations(seeded: Seeded) -> None:
    lines = _ask(seeded, panel(OVERVIEW, "Violations by severity"), "kyc-screener").fields[1:]
    assert {f.labels["severity"]: sum(f.values) for f in lines} == {
        "critical": 1,
        "high": 1,
        "medium": 1,
        "low": 1,
    }


def test_agent_that_said_goodbye_is_stopped_and_not_down(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(OVERVIEW, "Agents"))
    assert (
        dict(zip(frame.field("Agent").values, frame.field("Status").values, strict=True))[GONE] == "stopped"
    )
    (line,) = (
        f for f in _ask(seeded, panel(OVERVIEW, "Agent liveness")).fields[1:] if GONE in f.labels.values()
    )
    assert line.values[-1] == 3


def test_heatmap_has_each_decision_once(seeded: Seeded) -> None:
    lines = _ask(seeded, panel(POLICIES, "Latency of decisions"), "kyc-screener").fields[1:]
    counted = {f.labels["le"]: sum(f.values) for f in lines if sum(f.values)}
    assert counted == {"100": 4, "5000": 1}


def test_shadow_would_have_flagged_what_nobody_did(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(POLICIES, "Would have been stopped or changed"), "kyc-screener")
    assert frame.field("Would be").values == ["flag"]
    assert frame.field("Policy").values == ["injection"]


def test_a_policy_chosen_narrows_its_dashboard(seeded: Seeded) -> None:
    asked = panel(POLICIES, "Recent violations")["targets"][0]
    frame = seeded.infinity("kyc-screener", policy="no-cards").run(asked)
    assert frame.field("Policy").values == ["no-cards"]


def test_a_policy_chosen_narrows_lines_too(seeded: Seeded) -> None:
    asked = panel(POLICIES, "Violations by severity")["targets"][0]
    lines = seeded.infinity("kyc-screener", policy="no-cards").run(asked).fields[1:]
    assert {f.labels["severity"]: sum(f.values) for f in lines if sum(f.values)} == {"high": 1}


def test_lost_decision_is_a_gap_in_the_evidence(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(COMPLIANCE, "Evidence"), "kyc-screener")
    assert frame.field("Missing").values == [1]


def test_call_without_a_decision_is_listed(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(COMPLIANCE, "Ungoverned operations"), "kyc-screener")
    assert frame.field("Model").values == ["gpt-4o-mini"]


def test_controls_are_named_by_their_framework(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(COMPLIANCE, "Controls"), "kyc-screener")
    named = set(zip(frame.field("Framework").values, frame.field("Control").values, strict=True))
    assert named == {("EU-AI-Act", "Art.15"), ("ISO-42001", "A.9")}


def test_trace_has_its_operations_and_decisions(seeded: Seeded) -> None:
    frame = _ask(seeded, panel(TRACE, "Spans"))
    operations = frame.field("Operation").values
    assert operations[0] == "invoke_agent kyc-screener"
    assert operations.count("promethios.decide") == 2
    assert "block" in frame.field("Verdict").values
    decided = _ask(seeded, panel(TRACE, "Decisions"))
    assert sorted(decided.field("Verdict").values) == ["block", "flag"]


def test_name_of_a_hostile_agent_is_only_a_name(seeded: Seeded) -> None:
    assert _ask(seeded, panel(AGENT, "State"), HOSTILE).field("Agent").values == [HOSTILE]
