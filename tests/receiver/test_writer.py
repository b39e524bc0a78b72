"""The writer: one commit for many, each on its own, and refusals that say when to try again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection

from promethios.receiver.ingest.writer import Writer
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services


def insert(name: str) -> Any:
    def work(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO tenants (name, created_unix_nano) VALUES (?, 1)", (name,))
        return name

    return work


def names(services: Services) -> list[str]:
    with services.readers.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT name FROM tenants ORDER BY name")]


def test_work_is_committed_when_it_returns(services: Services) -> None:
    assert services.writer.do(insert("a")) == "a"
    assert names(services) == ["a"]


def test_work_that_fails_takes_back_only_its_own_rows(services: Services) -> None:
    held = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(services.writer.do, lambda _: held.wait(10))
        good = [pool.submit(services.writer.do, insert(name)) for name in ("a", "b")]
        bad = pool.submit(services.writer.do, lambda connection: (insert("c")(connection), 1 / 0))
        held.set()
        assert first.result()
        assert [each.result() for each in good] == ["a", "b"]
        with pytest.raises(Refusal, match="the database cannot store this now") as caught:
            bad.result()
    assert (caught.value.kind, caught.value.retry_after) == (Kind.UNAVAILABLE, 2)
    assert names(services) == ["a", "b"]


def test_a_refusal_of_the_work_reaches_who_asked(services: Services) -> None:
    def refuse(_: Connection) -> None:
        raise Refusal(Kind.FORBIDDEN, "not yours")

    with pytest.raises(Refusal, match="not yours"):
        services.writer.do(refuse)


def test_a_full_queue_says_so(services: Services) -> None:
    writer = Writer(services.store.writer, queue_bytes=100, commit_seconds=0)
    entered, held = threading.Event(), threading.Event()

    def block(_: Connection) -> bool:
        entered.set()
        return held.wait(10)

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(writer.do, block)
        assert entered.wait(10)
        waiting = pool.submit(writer.do, insert("a"), 90)
        while not writer._queue:
            pass
        with pytest.raises(Refusal, match="the receiver's queue is full") as caught:
            writer.do(insert("b"), 20)
        held.set()
        assert (running.result(), waiting.result()) == (True, "a")
    writer.stop()
    assert (caught.value.kind, caught.value.retry_after) == (Kind.UNAVAILABLE, 2)


def test_a_writer_that_ends_commits_what_waits_and_takes_no_more(services: Services) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(services.writer.do, insert(str(number))) for number in range(8)]
        assert len({each.result() for each in results}) == 8
    services.writer.stop()
    with pytest.raises(Refusal, match="the receiver is shutting down"):
        services.writer.do(insert("late"))
    assert len(names(services)) == 8


def test_ready_is_who_can_commit(client: Any, services: Services) -> None:
    assert client.get("/health/ready").get_json() == {"status": "ok"}
    services.writer.stop()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "unavailable"})
    assert client.get("/health/live").status_code == 200


def test_bytes_in_memory_are_bounded() -> None:
    budget = Budget(100)
    with budget.share() as first:
        first.take(150)  # one request alone may always go on
        with (
            budget.share() as second,
            pytest.raises(Refusal, match="too many bytes of requests are in memory"),
        ):
            second.take(1)
    with budget.share() as third:
        third.take(100)
