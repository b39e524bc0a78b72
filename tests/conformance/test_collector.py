"""A real Collector between agents and the receiver, with the configurations that users are given.

Agents are answered by the Collector, which has then to deliver: so these tests wait for what must come, end
the Collector, which delivers what it still has, and then count.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.collector.build import NotBuilt, collector
from tests.support.collector.running import RunningCollector, fixed_port
from tests.support.exporters import over_grpc, over_http
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request
from tests.support.receiver import RunningReceiver
from tests.support.stock import send_everything

EXAMPLE = Path(__file__).parents[2] / "examples" / "collector"
CONFIGS = {"otlp_http": EXAMPLE / "config.yaml", "otlp_grpc": EXAMPLE / "config-grpc.yaml"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
COUNT = 1_300
#: The first run on a machine builds the Collector.
pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture(scope="module", autouse=True)
def built() -> Path:
    try:
        return collector()
    except NotBuilt as error:
        pytest.skip(str(error))


@pytest.fixture(params=CONFIGS, scope="module")
def config(request: pytest.FixtureRequest) -> Path:
    """Each example, one after the other."""
    return CONFIGS[request.param]


@pytest.fixture(scope="module")
def running(config: Path, receiver: RunningReceiver) -> Iterator[RunningCollector]:
    """A Collector that delivers to this file's receiver."""
    with between(config, receiver) as collector:
        yield collector


def between(config: Path, receiver: RunningReceiver, key: str | None = None) -> RunningCollector:
    """A Collector that delivers to a receiver, as the example's README says."""
    return RunningCollector(
        config,
        {
            "PROMETHIOS_API_KEY": receiver.ingest_key if key is None else key,
            "PROMETHIOS_ENDPOINT": receiver.http,
            "PROMETHIOS_GRPC": str(receiver.grpc),
        },
    )


def counts(receiver: RunningReceiver) -> dict[str, int]:
    """What the database holds, read from the file itself: also while nobody serves it."""
    with closing(sqlite3.connect(receiver.db)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("spans", "logs", "metric_points")
        }


def added(receiver: RunningReceiver, before: dict[str, int]) -> dict[str, int]:
    return {table: number - before[table] for table, number in counts(receiver).items()}


def wait_until(true: Callable[[], bool], what: str) -> None:
    for _ in range(600):
        if true():
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"waited in vain for {what}")


def post(collector: RunningCollector, signal: str, body: bytes) -> None:
    """Send a request to the Collector as it is."""
    answer = RunningReceiver.request(collector, "POST", f"/v1/{signal}", body, PROTOBUF)  # type: ignore[arg-type]
    assert answer.status == 200, answer.body


def test_what_agents_send_to_a_collector_is_what_is_stored(config: Path, receiver: RunningReceiver) -> None:
    """Every signal, from an agent over HTTP and one over gRPC, packed on both legs."""
    before, names = counts(receiver), [f"{how} {config.stem}" for how in ("http", "grpc")]
    with between(config, receiver) as running:
        one = send_everything(over_http(running.http, {}), names[0], COUNT)
        other = send_everything(over_grpc(running.grpc, {}), names[1], COUNT)
        sent = {name: one[name] + other[name] for name in one}
        wait_until(lambda: added(receiver, before) == sent, str(sent))
    assert added(receiver, before) == sent, "and no more, now that the Collector has delivered all it had"
    for name in names:
        (agent,) = receiver.data("agents", agent=name)
        assert agent["calls"] == COUNT
    assert "Dropping data" not in running.log


def test_what_comes_through_a_collector_is_what_comes_directly(
    running: RunningCollector, receiver: RunningReceiver
) -> None:
    """Row by row: what was sent through it is known when it is sent again without it."""
    resource = {"service.name": "bookshop", "depth": 3}
    several = {"text": "ä\u0000b", "number": -7, "share": 0.1, "bytes": b"\x00\xff", "list": ["a", 1]}
    requests = {
        "traces": trace_request(*(span(f"call {n}", several) for n in range(5)), resource=resource),
        "metrics": metrics_request(gauge("load", 0.25), gauge("load.other", 7), resource=resource),
        "logs": logs_request(record("one"), record("two"), resource=resource),
    }
    expected = {"spans": 5, "metric_points": 2, "logs": 2}
    before = counts(receiver)
    for signal, request in requests.items():
        post(running, signal, request.SerializeToString())
    wait_until(lambda: added(receiver, before) == expected, str(expected))
    for signal, request in requests.items():
        answer = receiver.post(f"/v1/{signal}", request.SerializeToString())
        assert (answer.status, answer.body) == (200, b""), "no warning about other content"
    assert added(receiver, before) == expected


def test_a_collector_tells_its_operator_of_partial_success(
    running: RunningCollector, receiver: RunningReceiver
) -> None:
    before = counts(receiver)
    bad = span("bad", start_time_unix_nano=2**63 + 1)
    post(running, "traces", trace_request(span("good"), bad).SerializeToString())
    running.wait_for("Partial success response")
    assert '"dropped_spans": 1' in running.log
    wait_until(lambda: added(receiver, before)["spans"] == 1, "the good span")


def test_with_a_wrong_key_nothing_is_stored_and_both_sides_say_so(
    config: Path, receiver: RunningReceiver
) -> None:
    """401 is final: the Collector drops the data at once, and does not try again."""
    before, heard = counts(receiver), refusals(receiver, "unauthenticated")
    with between(config, receiver, key="pmk_live_wrong") as running:
        post(running, "traces", trace_request(span()).SerializeToString())
        running.wait_for("Dropping data")
    assert "no valid API key" in running.log
    assert "pmk_live_wrong" not in running.log
    assert refusals(receiver, "unauthenticated") - heard == {"spans": 1}
    assert counts(receiver) == before


def test_a_receiver_that_refuses_ends_and_comes_back_loses_nothing(config: Path, tmp_path: Path) -> None:
    """503 or UNAVAILABLE while its disk is full, then nobody there, then a receiver on the same database."""
    where = ("--http", f"127.0.0.1:{fixed_port()}")
    target = f"127.0.0.1:{fixed_port()}"
    full = {"PROMETHIOS_MIN_FREE_BYTES": str(1 << 60)}
    db = tmp_path / "p.db"
    with RunningReceiver(db, *where, grpc=target, environment=full) as receiver:
        running = between(config, receiver)
        wait_until(lambda: "promethios_receiver_held 1\n" in metrics(receiver), "the guard of the disk")
        sent = send_everything(over_http(running.http, {}), "agent", COUNT)
        wait_until(lambda: len(refusals(receiver, "unavailable")) == 3, "every signal to be refused")
    with running:
        running.wait_for("Will retry the request after interval")
        assert sum(counts(receiver).values()) == 0
        with RunningReceiver(db, *where, grpc=target) as receiver:
            wait_until(lambda: counts(receiver) == sent, str(sent))
    assert counts(receiver) == sent
    assert "Dropping data" not in running.log


def refusals(receiver: RunningReceiver, reason: str, headers: dict[str, str] | None = None) -> Counter[str]:
    """How many requests it has refused for a reason, by signal."""
    pattern = rf'requests_refused_total{{signal="(\w+)",reason="{reason}"}} (\d+)'
    found = re.findall(pattern, metrics(receiver))
    return Counter({signal: int(number) for signal, number in found if number != "0"})


def metrics(receiver: RunningReceiver) -> str:
    return receiver.get("/metrics").body.decode()
