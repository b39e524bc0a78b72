"""`/metrics`: every figure of the receiver itself, for its operator, and nothing that anyone told it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from tests.support.otlp import span, trace_request

from promethios.receiver.ingest.figures import COMMIT_BOUNDS, WriterFigures
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.refusal import unavailable
from promethios.receiver.services import Services
from promethios.receiver.telemetry.counts import Counts
from promethios.receiver.telemetry.figures import Figures, Observer
from promethios.receiver.telemetry.instruments import INSTRUMENTS, Kind
from promethios.receiver.telemetry.prometheus import CONTENT_TYPE, exposition

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def figures(**changed: Any) -> Figures:
    """Figures that tell each field from the others."""
    counts = Counts()
    counts.received("spans", 512, 600_000)
    counts.stored("spans", 500)
    refusal = unavailable("full", crowded=True)
    refusal.items = 12
    counts.refused_request("spans", refusal)
    writer = WriterFigures(
        queued_bytes=11,
        queued_requests=2,
        oldest_seconds=0.25,
        commits=4,
        failed_commits=1,
        rows=77,
        commit_seconds_sum=12.75,
        commit_buckets=(0, 2, *[0] * (len(COMMIT_BOUNDS) - 3), 1, 1),
    )
    values: dict[str, Any] = {
        "counted": counts.look(),
        "writer": writer,
        "memory_bytes": 33,
        "connections": 5,
        "database_bytes": 4096,
        "wal_bytes": 8192,
        "free_bytes": 1 << 40,
        "resident_bytes": 100_000_000,
        "cpu_seconds": 1.5,
        "uptime_seconds": 60.25,
        "schema": "0001",
    }
    return Figures(**{**values, **changed})


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """What Prometheus' own parser reads: values by name and the values of labels."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_every_instrument_with_its_type_and_words() -> None:
    families = {family.name: family for family in text_string_to_metric_families(exposition(figures()))}
    assert len(families) == len(INSTRUMENTS)
    for instrument in INSTRUMENTS:
        family = families[instrument.prometheus.removesuffix("_total")]
        assert (family.type, family.documentation) == (instrument.kind, instrument.about)
        assert family.samples, instrument.name


def test_each_figure_is_under_its_name() -> None:
    read = samples(exposition(figures()))
    assert read["promethios_receiver_items_received_total", ("spans",)] == 512
    assert read["promethios_receiver_received_bytes_total", ("spans",)] == 600_000
    assert read["promethios_receiver_items_stored_total", ("spans",)] == 500
    assert read["promethios_receiver_items_refused_total", ("spans", "queue_full")] == 12
    assert read["promethios_receiver_requests_refused_total", ("spans", "queue_full")] == 1
    expected = {
        "queue_bytes": 11,
        "queue_requests": 2,
        "queue_oldest_seconds": 0.25,
        "commits_failed_total": 1,
        "rows_total": 77,
        "held": 0,
        "memory_requests_bytes": 33,
        "connections": 5,
        "database_bytes": 4096,
        "wal_bytes": 8192,
        "free_bytes": 1 << 40,
        "memory_resident_bytes": 100_000_000,
        "cpu_seconds_total": 1.5,
        "uptime_seconds": 60.25,
    }
    assert {name: read[f"promethios_receiver_{name}", ()] for name in expected} == expected


def test_a_histogram_is_cumulative_and_ends_with_everything() -> None:
    read = samples(exposition(figures()))
    name = "promethios_receiver_commit_duration_seconds"
    assert [read[f"{name}_bucket", (bound,)] for bound in ("0.001", "0.0025", "5.0", "10.0", "+Inf")] == [
        0, 2, 2, 3, 4,
    ]  # fmt: skip
    assert (read[f"{name}_count", ()], read[f"{name}_sum", ()]) == (4, 12.75)


def test_what_never_happened_is_there_as_zero() -> None:
    """Without it, the first refusal would not be seen by a rate."""
    read = samples(exposition(figures()))
    assert read["promethios_receiver_items_stored_total", ("logs",)] == 0
    assert read["promethios_receiver_items_refused_total", ("metrics", "invalid_item")] == 0
    assert read["promethios_receiver_requests_refused_total", ("other", "unauthenticated")] == 0


def test_what_is_not_known_has_no_value_rather_than_zero() -> None:
    read = samples(exposition(figures(free_bytes=None, resident_bytes=None)))
    assert not [name for name, _ in read if "free" in name or "resident" in name]


def test_a_held_writer_shows() -> None:
    held = figures().writer.__class__(0, 0, 0.0, 0, 0, 0, 0.0, (0,) * (len(COMMIT_BOUNDS) + 1), "disk full")
    text = exposition(figures(writer=held))
    assert samples(text)["promethios_receiver_held", ()] == 1
    assert "disk full" not in text


def test_labels_and_words_are_escaped() -> None:
    text = exposition(figures(schema='a"b\\c\nd'))
    assert 'schema="a\\"b\\\\c\\nd"' in text
    (read,) = [labels for name, labels in samples(text) if name.endswith("build_info")]
    assert read[-1] == 'a"b\\c\nd'


def test_names_follow_one_rule_and_are_unlike() -> None:
    names = [instrument.prometheus for instrument in INSTRUMENTS]
    assert len(set(names)) == len(names)
    for instrument in INSTRUMENTS:
        assert instrument.name.startswith("promethios.receiver.")
        assert instrument.prometheus.endswith("_total") is (instrument.kind is Kind.COUNTER)
        assert not set(instrument.labels) - {"signal", "reason", "version", "python", "sqlite", "schema"}


def test_k20_metrics_needs_a_key_also_from_this_machine(client: FlaskClient) -> None:
    """A proxy on this machine would make everybody come from loopback."""
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "promethios_receiver" not in answer.text


@pytest.mark.parametrize("scope", ["read", "admin"])
def test_k20_a_key_of_the_operator_that_may_read_gets_them(
    client: FlaskClient, make_key: Callable[..., dict[str, str]], scope: str
) -> None:
    answer = client.get("/metrics", headers=make_key("default", scope))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert samples(answer.text)["promethios_receiver_uptime_seconds", ()] >= 0


def test_k20_a_key_that_only_sends_does_not_get_them(
    client: FlaskClient, make_key: Callable[..., dict[str, str]]
) -> None:
    assert client.get("/metrics", headers=make_key("default", "ingest")).status_code == 403


@pytest.mark.parametrize(("tenant", "agent"), [("acme", None), ("default", "clerk")])
def test_k20_they_are_about_all_tenants_and_so_for_none_of_them(
    client: FlaskClient, make_key: Callable[..., dict[str, str]], tenant: str, agent: str | None
) -> None:
    answer = client.get("/metrics", headers=make_key(tenant, "read", agent=agent))
    assert answer.status_code == 403
    assert answer.get_json()["detail"] == (
        "/metrics is about all tenants: use a key of the tenant 'default', which is the operator's, "
        "that is not made for one agent"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_they_are_only_read(
    client: FlaskClient, make_key: Callable[..., dict[str, str]], method: str
) -> None:
    answer = client.open("/metrics", method=method, headers=make_key("default", "admin"))
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_k20_health_says_nothing_of_them(client: FlaskClient) -> None:
    assert client.get("/health/live").get_json() == {"status": "ok"}
    assert client.get("/health/ready").get_json() == {"status": "ok"}


def test_nothing_that_clients_say_is_in_them(
    client: FlaskClient, services: Services, make_key: Callable[..., dict[str, str]]
) -> None:
    """Neither content, nor names of tenants, agents and addresses: labels are of fixed sets."""
    mark = "qzxmarkqzx"
    told = trace_request(
        span(name=mark, attributes={"gen_ai.agent.name": mark, "gen_ai.input.messages": mark, mark: mark})
    )
    headers = {**PROTOBUF, **make_key(mark, "ingest", agent=mark)}
    assert client.post("/v1/traces", data=told.SerializeToString(), headers=headers).status_code == 200
    assert client.post("/v1/traces", data=mark.encode(), headers=headers).status_code == 400
    assert client.get(f"/{mark}", headers=headers).status_code == 404
    assert client.get("/api/v1/agents", headers={"x-api-key": mark}).status_code == 401
    text = client.get("/metrics", headers=make_key("default", "read")).text
    assert mark not in text
    assert 'reason="undecodable"} 1\n' in text


def test_the_number_of_series_does_not_grow(
    client: FlaskClient, make_key: Callable[..., dict[str, str]]
) -> None:
    reader = make_key("default", "read")
    before = set(samples(client.get("/metrics", headers=reader).text))
    for number in range(20):
        client.post(f"/v1/{number}", headers=make_key(f"tenant-{number}", "ingest"))
        client.post("/v1/logs", data=b"\xff", headers={**PROTOBUF, **make_key(f"t{number}", "ingest")})
    assert set(samples(client.get("/metrics", headers=reader).text)) == before


def test_a_look_at_a_receiver_finds_its_files_and_memory(services: Services) -> None:
    budget = Budget(1_000)
    observer = Observer(services, budget)
    with budget.share() as share:
        share.take(700)
        seen = observer.look()
    assert seen.memory_bytes == 700
    assert observer.look().memory_bytes == 0
    assert seen.database_bytes > 0
    assert seen.wal_bytes > 0
    assert seen.free_bytes is not None
    assert seen.free_bytes > 0
    assert seen.schema == services.store.revision
    assert seen.counted == services.counts.look()


def test_a_look_where_files_are_gone_is_no_error(services: Services) -> None:
    observer = Observer(services, Budget(1))
    services.settings.path.with_name("promethios.db-wal").unlink()
    assert observer.look().wal_bytes == 0
