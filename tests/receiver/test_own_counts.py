"""Whatever is refused is counted once, by signal and reason, over HTTP and gRPC."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from promethios.receiver.refusal import Kind, Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.telemetry.counts import Counts, Reason, reason_of, signal_at


def test_counts_are_kept_by_signal_and_reason() -> None:
    counts = Counts()
    counts.received("spans", 5, 700)
    counts.stored("spans", 2)
    counts.duplicate("spans", 1)
    counts.refused("spans", Reason.INVALID_ITEM, 2)
    counts.received("logs", 1, 40)
    seen = counts.look()
    assert (seen.received, seen.received_bytes) == ({"spans": 5, "logs": 1}, {"spans": 700, "logs": 40})
    assert (seen.stored, seen.duplicate) == ({"spans": 2}, {"spans": 1})
    assert seen.refused == {("spans", "invalid_item"): 2}
    assert seen.refused_requests == {}


def test_a_refused_request_is_counted_with_the_items_that_it_had() -> None:
    counts, refusal = Counts(), unavailable("later")
    refusal.items = 7
    counts.refused_request("metrics", refusal)
    counts.refused_request("metrics", unavailable("later"))
    seen = counts.look()
    assert seen.refused_requests == {("metrics", "unavailable"): 2}
    assert seen.refused == {("metrics", "unavailable"): 7}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.UNDECODABLE, Reason.UNDECODABLE),
        (Kind.UNSUPPORTED, Reason.UNDECODABLE),
        (Kind.UNAUTHENTICATED, Reason.UNAUTHENTICATED),
        (Kind.FORBIDDEN, Reason.FORBIDDEN),
        (Kind.TOO_LARGE, Reason.TOO_LARGE),
        (Kind.HEADERS_TOO_LARGE, Reason.TOO_LARGE),
        (Kind.UNAVAILABLE, Reason.UNAVAILABLE),
        (Kind.NOT_FOUND, None),
        (Kind.WRONG_METHOD, None),
        (Kind.CONFLICT, None),
    ],
)
def test_each_kind_of_refusal_has_its_reason(kind: Kind, reason: Reason | None) -> None:
    assert reason_of(Refusal(kind, "no")) == reason


def test_what_waits_too_long_a_queue_is_told_from_what_is_broken() -> None:
    assert reason_of(unavailable("full", crowded=True)) is Reason.QUEUE_FULL


def test_counting_from_many_threads_loses_nothing() -> None:
    counts = Counts()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(lambda: [counts.stored("spans", 1) for _ in range(2_000)])
    assert counts.look().stored == {"spans": 16_000}


@pytest.mark.parametrize(
    ("path", "signal"),
    [
        ("/v1/traces", "spans"),
        ("/v1/metrics", "metrics"),
        ("/v1/logs", "logs"),
        ("/api/v1/violations", "spans"),
        ("/api/v1/heartbeat", "metrics"),
        ("/api/v1/agents", "other"),
        ("//v1/traces", "other"),
        ("/" + "x" * 10_000, "other"),
    ],
)
def test_a_path_has_a_signal_of_a_small_set(path: str, signal: str) -> None:
    assert signal_at(path) == signal


def test_a_refusal_of_the_application_is_counted(client: FlaskClient, services: Services) -> None:
    assert client.post("/v1/traces").status_code == 401
    assert client.get("/api/v1/agents").status_code == 401
    assert client.get("/nowhere").status_code == 404
    assert services.counts.look().refused_requests == {
        ("spans", "unauthenticated"): 1,
        ("other", "unauthenticated"): 1,
    }
