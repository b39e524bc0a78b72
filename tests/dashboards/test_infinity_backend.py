"""Every query of the dashboards and alert rules as Grafana's own frames, and the same from our stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.boards import BOARDS, annotations, every_panel, variables
from tests.support.golang import NotBuilt
from tests.support.infinity import BadAnswer, Frame
from tests.support.infinity_backend.running import InfinityBackend, Made, Replayed
from tests.support.seeded import UNKNOWN, Seeded

from promethios.dashboards.alerts import signal
from promethios.governance.alerting import RULES

_PANELS = {name: drawn["targets"][0] for name, drawn in every_panel().items()}
_VARIABLES = {
    f"{board}-{name}": variable["query"]["infinityQuery"]
    for board, drawn in BOARDS.items()
    for name, variable in variables(drawn).items()
    if isinstance(variable.get("query"), dict)
}
_MARKS = {
    f"{board}-{mark['name']}": mark["target"]
    for board, drawn in BOARDS.items()
    for mark in annotations(drawn)
}
_SIGNALS = {f"signal-{rule.id}": signal(rule) for rule in RULES}
QUERIES = {**_PANELS, **_VARIABLES, **_MARKS, **_SIGNALS}
_AGENTS = pytest.mark.parametrize("agent", [".*", UNKNOWN], ids=["all", "unknown"])


@pytest.fixture(scope="module")
def backend(seeded: Seeded) -> Iterator[InfinityBackend]:
    infinity = seeded.infinity()
    try:
        running = InfinityBackend(infinity.url, infinity.key)
    except NotBuilt as reason:
        pytest.skip(str(reason))
    with running:
        yield running


def _made(backend: InfinityBackend, seeded: Seeded, name: str, agent: str = ".*") -> Made:
    return backend.ask(QUERIES[name], seeded.infinity(agent))


def _content(frame: Frame) -> dict[Any, list[Any]]:
    """Each field by what tells it from the others; their order is another matter."""
    keys = [(f.name, f.kind, tuple(sorted(f.labels.items()))) for f in frame.fields]
    assert len(set(keys)) == len(keys)
    values = [
        [float(v) if f.kind == "number" and v is not None else v for v in f.values] for f in frame.fields
    ]
    return dict(zip(keys, values, strict=True))


@_AGENTS
@pytest.mark.parametrize("name", sorted(QUERIES))
def test_stand_in_gives_the_frame_that_grafana_gets(
    name: str, agent: str, seeded: Seeded, backend: InfinityBackend
) -> None:
    made = _made(backend, seeded, name, agent)
    assert made.swallowed == ""
    infinity = seeded.infinity(agent)
    stood_in = Replayed(infinity.url, infinity.key, infinity.variables, made.answer).run(QUERIES[name])
    assert _content(made.frame) == _content(stood_in)


@pytest.mark.parametrize("name", sorted(_SIGNALS))
def test_each_row_of_a_signal_can_be_an_alert(name: str, seeded: Seeded, backend: InfinityBackend) -> None:
    made = _made(backend, seeded, name)
    assert made.alerts
    labels = [
        tuple(row) for row in zip(*(f.values for f in made.frame.fields if f.kind == "string"), strict=True)
    ]
    assert labels
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    "name", sorted(name for name, query in QUERIES.items() if query["format"] == "timeseries")
)
def test_series_become_a_time_and_numbers_with_labels(
    name: str, seeded: Seeded, backend: InfinityBackend
) -> None:
    time, *lines = _made(backend, seeded, name).frame.fields
    assert time.kind == "time"
    assert lines
    assert {line.kind for line in lines} == {"number"}
    assert all(line.labels for line in lines)


def test_unsorted_series_is_swallowed_which_is_why_the_receiver_sorts(
    seeded: Seeded, backend: InfinityBackend
) -> None:
    """The trap itself: rows that go back in time give a long frame and no error."""
    decisions = {
        "refId": "A", "format": "timeseries", "url": "/api/v1/decisions", "root_selector": "data",
        "columns": [
            {"selector": "time", "text": "Time", "type": "timestamp_epoch"},
            {"selector": "agent_id", "text": "agent_id", "type": "string"},
            {"selector": "duration_us", "text": "Value", "type": "number"},
        ],
        "computed_columns": [], "url_options": {"params": []},
    }  # fmt: skip
    made = backend.ask(decisions, seeded.infinity())
    assert "sorted" in made.swallowed
    assert {field.kind for field in made.frame.fields} == {"time", "string", "number"}


def test_fields_come_in_the_order_of_their_names(seeded: Seeded, backend: InfinityBackend) -> None:
    """Not in that of the query's columns: a table that wants another order says so (`organize`)."""
    names = [field.name for field in _made(backend, seeded, "signal-heartbeat-lost").frame.fields]
    assert names == sorted(names)


def test_log_lines_are_told_from_other_text_by_name(seeded: Seeded, backend: InfinityBackend) -> None:
    """By order the first text would be the line, and the order is that of names."""
    logs = [name for name, query in _PANELS.items() if query["format"] == "logs"]
    assert logs
    for name in logs:
        kinds = {field.name: field.kind for field in _made(backend, seeded, name).frame.fields}
        assert (kinds.get("timestamp"), kinds.get("body")) == ("time", "string")


def test_refusal_is_an_error_and_no_empty_frame(seeded: Seeded) -> None:
    infinity = seeded.infinity()
    try:
        running = InfinityBackend(infinity.url, "pmk_wrong")
    except NotBuilt as reason:
        pytest.skip(str(reason))
    with running, pytest.raises(BadAnswer, match="401"):
        running.ask(_SIGNALS["signal-heartbeat-lost"], infinity)
