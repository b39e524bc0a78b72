"""Retention: what goes and when, what stays, whose clock is believed, and that trust stays right."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)

from promethios.receiver.access.keyring import KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.app import create_app
from promethios.receiver.maintenance.clock import DAY, HOUR, Moment, SteadyClock, load, now
from promethios.receiver.maintenance.marks import EVIDENCE
from promethios.receiver.maintenance.retention import Keep, Retention
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.store.sqlite import SQLiteStore
from promethios.receiver.trust.replay import acknowledge_alarm, differences

KEEP = Keep(retention_days=30, evidence_days=183)


class Machine:
    """The clocks of a machine: time passes, somebody sets the clock, it is switched off and on."""

    def __init__(self) -> None:
        self.moment = now()

    def __call__(self) -> Moment:
        return self.moment

    def passes(self, days: float) -> None:
        """So much time passes."""
        boot, running, wall = self.moment
        self.moment = Moment(boot, running + int(days * DAY), wall + int(days * DAY))

    def is_set(self, days: float) -> None:
        """The clock is set ahead, or back."""
        self.moment = self.moment._replace(wall_unix_nano=self.moment.wall_unix_nano + int(days * DAY))

    def restarts(self, days: float, boot: str = "another start") -> None:
        """It is off for so many days, as far as its clock says."""
        self.moment = Moment(boot, 0, self.moment.wall_unix_nano + int(days * DAY))


class Kept:
    """A database, filled by a receiver, and retention at work on it while no receiver runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.machine = Machine()
        self.clock = SteadyClock(self.machine)

    def receive(self, *requests: tuple[str, Any]) -> None:
        """Store requests, each with the path that it goes to."""
        services = Services.open(Settings(db=str(self.path), commit_ms=0, min_free_bytes=0), self.machine)
        client = create_app(services, Budget(services.settings.memory_bytes)).test_client()
        request = KeyRequest("default", frozenset({Scope.INGEST}))
        key = services.writer.do(lambda connection: create_key(connection, request)).reveal()
        headers = {"x-api-key": key, "Content-Type": "application/x-protobuf"}
        for path, message in requests:
            answer = client.post(path, data=message.SerializeToString(), headers=headers)
            assert answer.status_code == 200, answer.data
        services.close()
        # Long enough for a mark that has all of it.
        self.machine.passes(0.01)

    def retain(self, keep: Keep = KEEP, most_steps: int = 10_000) -> Retention:
        """Do all that there is to do now."""
        retention = Retention(keep, self.clock)
        self.write(lambda connection: self._steps(retention, connection, most_steps))
        return retention

    def write(self, work: Callable[[Connection], Any]) -> Any:
        """Do something with the writing connection."""
        store = SQLiteStore(self.path)
        try:
            with store.writer.connect() as connection:
                return work(connection)
        finally:
            store.close()

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.ask(f"SELECT count(*) FROM {table}")[0][0])

    def ask(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    @staticmethod
    def _steps(retention: Retention, connection: Connection, most: int) -> None:
        for _ in range(most):
            if not retention.step(connection):
                return


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "promethios.db")


def some(number: int = 4, service: str = "clerk", **fields: Any) -> Iterator[tuple[str, Any]]:
    """A few of everything, and decisions of an agent."""
    resource = {"service.name": service, "gen_ai.agent.name": service}
    spans = [span(**fields) for _ in range(number)]
    decisions = [decision_span("block", ({"promethios.policy.severity": "high"},)) for _ in range(number)]
    yield "/v1/traces", trace_request(*spans, *decisions, resource=resource)
    points = [gauge("load", each, time_unix_nano=time.time_ns() + each) for each in range(number)]
    yield "/v1/metrics", metrics_request(*points, resource=resource)
    records = [record(f"{service} {each} {time.time_ns()}") for each in range(number)]
    yield "/v1/logs", logs_request(*records, resource=resource)


def test_d08_telemetry_goes_by_its_age_and_evidence_stays(kept: Kept) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.passes(29)
    kept.receive(*some(2))
    kept.retain()
    assert [kept.rows(table) for table in ("spans", "metric_points", "logs", "decisions")] == [12, 6, 6, 6]
    kept.machine.passes(1.1)
    kept.retain()
    assert [kept.rows(table) for table in ("spans", "metric_points", "logs")] == [4, 2, 2]
    assert [kept.rows(table) for table in EVIDENCE] == [6, 6]


def test_d08_evidence_goes_after_its_own_time_only(kept: Kept) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.passes(182.9)
    kept.retain()
    assert [kept.rows(table) for table in EVIDENCE] == [4, 4]
    kept.machine.passes(0.2)
    kept.retain()
    # The newest stays: ids are not given away twice.
    assert [kept.rows(table) for table in EVIDENCE] == [1, 1]


def test_d08_ids_are_never_used_again(kept: Kept) -> None:
    kept.receive(*some())
    kept.retain()
    tables = ("spans", "metric_points", "logs", "decisions", "violations")
    newest = {table: kept.ask(f"SELECT max(id) FROM {table}")[0][0] for table in tables}
    kept.machine.passes(200)
    kept.retain()
    kept.receive(*some())
    for table, before in newest.items():
        if before:
            assert kept.ask(f"SELECT count(*) FROM {table} WHERE id > {before}") == [
                (4 if table != "spans" else 8,)
            ]


def test_d08_for_ever_is_for_ever(kept: Kept) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.passes(4_000)
    kept.retain(Keep(retention_days=0, evidence_days=36_500))
    assert [kept.rows(table) for table in ("spans", "decisions")] == [8, 4]


def test_d08_what_is_late_is_kept_from_when_it_came(kept: Kept) -> None:
    """A spool may bring what is months old: by its own time it would go at once."""
    old = time.time_ns() - 100 * DAY
    kept.receive(*some(start_time_unix_nano=old, end_time_unix_nano=old + 1))
    kept.retain()
    kept.machine.passes(29)
    kept.retain()
    assert kept.rows("spans") == 8


@pytest.mark.parametrize("days", [1, 365, 36_500, -1, -365])
def test_f19_a_clock_that_jumps_while_it_runs_deletes_nothing(
    kept: Kept, days: int, caplog: pytest.LogCaptureFixture
) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.passes(1)
    kept.machine.is_set(days)
    kept.retain()
    kept.receive(*some(1))
    kept.retain()
    assert [kept.rows(table) for table in ("spans", "decisions")] == [10, 5]
    assert f"{abs(days) * 24:.1f} h {'ahead of' if days > 0 else 'behind'} what has passed" in caplog.text
    kept.machine.passes(29.5)
    kept.retain()
    assert kept.rows("spans") == 2


def test_f19_a_clock_that_was_wrong_and_is_set_right_deletes_nothing(kept: Kept) -> None:
    for days in (365, -365, -365, 365):
        kept.receive(*some(1))
        kept.retain()
        kept.machine.is_set(days)
    kept.retain()
    assert [kept.rows(table) for table in ("spans", "decisions")] == [8, 4]


@pytest.mark.parametrize(("off", "counted"), [(0.5, 0.5), (60, 1), (365, 1), (-3, 0)])
def test_f19_of_the_time_that_a_machine_was_off_a_day_counts_at_most(
    kept: Kept, off: float, counted: float
) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.restarts(off)
    kept.clock = SteadyClock(kept.machine)
    kept.receive(*some(1))
    kept.retain()
    assert kept.rows("spans") == 10
    kept.machine.passes(29.9 - counted)
    kept.retain()
    assert kept.rows("spans") == 10
    kept.machine.passes(0.2)
    kept.retain()
    assert kept.rows("spans") <= 2


def test_f19_a_process_that_starts_again_knows_how_long_it_was_gone(kept: Kept) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.passes(31)
    kept.clock = SteadyClock(kept.machine)
    kept.retain()
    assert kept.rows("spans") == 1


def test_f19_the_last_jump_is_kept_for_the_doctor(kept: Kept) -> None:
    kept.receive(*some())
    kept.retain()
    kept.machine.is_set(2)
    kept.machine.passes(1)
    kept.retain()
    steady = kept.write(load)
    assert steady is not None
    assert abs(steady.jump - 2 * DAY) < HOUR
    assert steady.jumped == steady.time


def test_d08_what_is_too_much_goes_oldest_first_and_evidence_never(kept: Kept) -> None:
    filling = "x" * 4_000
    for _ in range(6):
        kept.receive(*some(200, status={"message": filling}))
        kept.retain()
        kept.machine.passes(0.01)
    decided = kept.rows("decisions")
    before = kept.ask("SELECT min(id), count(*) FROM spans")[0]
    size = kept.path.stat().st_size
    retention = kept.retain(Keep(30, 183, max_db_bytes=size // 2))
    after = kept.ask("SELECT min(id), max(id), count(*) FROM spans")[0]
    assert after[0] > before[0]
    assert after[1] - after[0] + 1 == after[2] < before[1]
    assert (kept.rows("decisions"), kept.rows("violations")) == (decided, decided)
    # What is free within is what comes next may use.
    assert kept.path.stat().st_size <= size // 2 + 128 * 4096
    assert not retention.over


def test_d08_evidence_alone_may_be_more_than_the_limit(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    kept.receive(*some(50))
    kept.retain()
    retention = kept.retain(Keep(30, 183, max_db_bytes=10_000))
    assert retention.over
    assert kept.rows("decisions") == 50
    assert kept.rows("spans") == 1
    assert caplog.text.count("is larger than max_db_bytes = 10000, and holds nothing that may go") == 1


def test_d08_space_is_given_back_in_short_steps(kept: Kept) -> None:
    kept.receive(*some(1_500, status={"message": "x" * 4_000}))
    kept.retain()
    size = kept.path.stat().st_size
    kept.machine.passes(31)
    kept.retain(most_steps=3)
    assert kept.rows("spans") > 1, "a step deletes a part"
    kept.retain()
    assert kept.rows("spans") == 1
    assert kept.path.stat().st_size < size / 3
    assert kept.ask("PRAGMA integrity_check") == [("ok",)]


def test_d08_what_no_row_names_any_more_goes_too(kept: Kept) -> None:
    kept.receive(*some(service="first"))
    kept.retain()
    kept.machine.passes(20)
    kept.receive(*some(service="second"))
    kept.retain()
    assert kept.ask("SELECT service_name FROM resources ORDER BY 1") == [("first",), ("second",)]
    kept.machine.passes(11)
    kept.retain()
    assert kept.ask("SELECT service_name FROM resources ORDER BY 1") == [("second",)]
    assert kept.rows("metric_series") == 1
    assert kept.rows("resource_uses") == 1
    left = "SELECT count(*) FROM spans s LEFT JOIN resources r ON r.id = s.resource_id WHERE r.id IS NULL"
    assert kept.ask(left) == [(0,)]


def test_d08_a_resource_that_comes_again_is_stored_again(kept: Kept) -> None:
    for service in ("first", "second", "first"):
        kept.receive(*some(service=service))
        kept.retain()
        kept.machine.passes(31)
        kept.retain()
    assert kept.ask("SELECT service_name FROM resources") == [("first",)]


def test_trust_is_still_what_the_decisions_say_after_the_first_are_gone(kept: Kept) -> None:
    kept.receive(*some(20, "clerk"), *some(5, "buyer"))
    kept.write(acknowledged)
    kept.retain()
    kept.machine.passes(100)
    kept.receive(*some(7, "clerk"), *some(3, "seller"))
    kept.retain()
    standings = kept.ask("SELECT * FROM trust_standings ORDER BY agent_id")
    kept.machine.passes(90)
    kept.retain()
    assert kept.rows("decisions") == 10
    assert kept.ask("SELECT agent_id, decisions FROM trust_bases ORDER BY agent_id") == [
        ("buyer", 5),
        ("clerk", 20),
    ]
    assert kept.write(differences) == (3, [])
    assert kept.ask("SELECT * FROM trust_standings ORDER BY agent_id") == standings
    kept.receive(*some(4, "buyer"))
    kept.machine.passes(200)
    kept.retain()
    kept.machine.passes(200)
    kept.retain()
    assert kept.rows("decisions") == 1
    assert kept.write(differences) == (3, [])


def acknowledged(connection: Connection) -> None:
    """Somebody looks into the alarm of the clerk."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    assert acknowledge_alarm(connection, 1, "clerk", time.time_ns(), "looked into it") is not None
    connection.exec_driver_sql("COMMIT")


def test_an_acknowledgement_after_the_last_decision_that_is_gone_counts_still(kept: Kept) -> None:
    kept.receive(*some(20, "clerk"))
    kept.retain()
    kept.receive(*some(1, "last"))
    kept.machine.passes(184)
    kept.retain()
    kept.write(acknowledged)
    assert kept.write(differences) == (2, [])
    assert kept.ask("SELECT count(*) FROM trust_scores WHERE cause = 'acknowledged'") == [(1,)]


def test_a_standing_that_was_forged_is_found_after_decisions_are_gone_too(kept: Kept) -> None:
    kept.receive(*some(20, "clerk"), *some(1, "last"))
    kept.retain()
    kept.machine.passes(184)
    kept.retain()
    with closing(sqlite3.connect(kept.path)) as connection, connection:
        connection.execute("UPDATE trust_standings SET s = 0 WHERE agent_id = 'clerk'")
    assert kept.write(differences) == (2, [(1, "clerk")])


def test_scores_go_with_their_decisions_and_the_latest_of_each_agent_stays(kept: Kept) -> None:
    kept.receive(*some(20, "clerk"), *some(1, "last"))
    before = kept.ask("SELECT max(id), count(*) FROM trust_scores WHERE agent_id = 'clerk'")[0]
    assert before[1] > 2
    kept.retain()
    kept.machine.passes(184)
    kept.retain()
    left = kept.ask("SELECT max(id), count(*) FROM trust_scores WHERE agent_id = 'clerk'")[0]
    assert left[0] == before[0]
    assert left[1] <= 2
