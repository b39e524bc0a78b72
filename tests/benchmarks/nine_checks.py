"""The nine checks with times: what the receiver takes to answer each, and what it stores a second.

Run it by hand: ``python -m tests.benchmarks.nine_checks --json FILE``. One client on one kept connection
sends one item a request, as an agent without OpenTelemetry does: nobody shares its commit and its fsync.
Then several send such items, and batches, at once. Beside each number stands what the first specification
asked of the original system: answers in less than 100 ms on average, and more than 1,000 database operations
a second, where each row that is stored is one operation.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any, Final
from urllib.parse import urlsplit

from tests.benchmarks.results import Result, table, write_json
from tests.support.otlp import decision_span, span, trace_request
from tests.support.receiver import RunningReceiver

ROUNDS: Final = 60
CLIENTS: Final = 4
BATCHES: Final = 40
BATCH: Final = 512
_MOST_MS: Final = 100.0
_LEAST_OPERATIONS: Final = 1_000.0

_ME: Final = {"agent_id": "clerk"}
_VIOLATION: Final = {"policy_id": "no-delete", "severity": "critical", "action": "block", "tool": "delete"}

#: The checks, by their names: where each goes, and what it sends; nothing where it asks.
CHECKS: Final[dict[str, tuple[str, dict[str, Any] | None]]] = {
    "health": ("/health/ready", None),
    "heartbeat": ("/api/v1/heartbeat", _ME),
    "governance metrics": ("/api/v1/metrics", {**_ME, "name": "promethios.decisions", "value": 1}),
    "performance metrics": ("/api/v1/metrics", {**_ME, "name": "answer.duration", "value": 0.8}),
    "system metrics": ("/api/v1/metrics", {**_ME, "name": "process.memory.usage", "value": 1 << 26}),
    "business metrics": ("/api/v1/metrics", {**_ME, "name": "shop.revenue", "value": 2.5}),
    "policy violation": ("/api/v1/violations", {**_ME, **_VIOLATION}),
    "structured logs": ("/api/v1/logs", {**_ME, "body": "order 7 taken"}),
}


class Client:
    """One connection that is kept, and what to send with every request."""

    def __init__(self, receiver: RunningReceiver) -> None:
        parts = urlsplit(receiver.http)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._keys = {"GET": receiver.admin, "POST": receiver.ingest}

    def send(self, path: str, body: bytes | None, kind: str = "application/json") -> float:
        """Send a request; how long its answer took, in milliseconds.

        Raises:
            RuntimeError: It was refused.
        """
        method = "GET" if body is None else "POST"
        started = time.perf_counter()
        self._connection.request(method, path, body, {**self._keys[method], "Content-Type": kind})
        answer = self._connection.getresponse()
        said = answer.read()
        took = (time.perf_counter() - started) * 1_000
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {said[:200]!r}")
        return took

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def answers(receiver: RunningReceiver, rounds: int) -> list[Result]:
    """How long each check's answer takes."""
    client, found, every = Client(receiver), [], []
    for name, (path, document) in CHECKS.items():
        body = None if document is None else json.dumps(document).encode()
        times = [client.send(path, body) for _ in range(rounds)]
        every += times
        found.append(_mean(name, times))
    client.close()
    p99 = quantiles(every, n=100)[-1]
    return [
        *found,
        _mean("all checks", every),
        Result("answers.p99", "all checks, 99th percentile", round(p99, 2), "ms"),
    ]


def _mean(name: str, times: list[float]) -> Result:
    key = f"answers.{name.replace(' ', '_')}"
    return Result(key, f"{name}, mean", round(fmean(times), 2), "ms", most=_MOST_MS)


def batches(receiver: RunningReceiver, number: int) -> list[Result]:
    """The ninth check: batches, one after the other, and at once: how many rows of the database a second."""
    requests = [_batch() for _ in range(2 * number)]
    alone = _send(receiver, requests[:number])
    before, started = _rows(receiver), time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        parts = [requests[number + first :: CLIENTS] for first in range(CLIENTS)]
        list(pool.map(lambda part: _send(receiver, part), parts))
    stored = (_rows(receiver) - before) / (time.perf_counter() - started)
    operations = Result(
        "operations.batches",
        "database operations, in batches, at once",
        round(stored),
        "/s",
        least=_LEAST_OPERATIONS,
    )
    return [_mean(f"batches of {BATCH} spans", alone), operations]


def _send(receiver: RunningReceiver, requests: list[bytes]) -> list[float]:
    client = Client(receiver)
    times = [client.send("/v1/traces", body, "application/x-protobuf") for body in requests]
    client.close()
    return times


def _batch() -> bytes:
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.agent.name": "clerk",
    }
    spans = [span(attributes=told) for _ in range(BATCH - BATCH // 10)]
    decided = [decision_span("block", ({},), told) for _ in range(BATCH // 10)]
    return trace_request(*spans, *decided).SerializeToString()


def one_by_one(receiver: RunningReceiver, rounds: int) -> list[Result]:
    """One item a request, from several clients at once: commits are shared by whoever waits. No target: what
    is counted is requests, and the first specification counted operations of the database."""
    path, document = CHECKS["policy violation"]
    body = json.dumps(document).encode()

    def send(_: int) -> None:
        client = Client(receiver)
        for _round in range(rounds):
            client.send(path, body)
        client.close()

    before, started = _rows(receiver), time.perf_counter()
    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        list(pool.map(send, range(2 * CLIENTS)))
    stored = (_rows(receiver) - before) / (time.perf_counter() - started)
    return [Result("operations.one_by_one", "rows, one violation a request, at once", round(stored), "/s")]


def _rows(receiver: RunningReceiver) -> int:
    """How many rows there are of what was sent: a violation is one, its decision and its span are others."""
    (status,) = receiver.data("status")
    names = ("spans", "metric_points", "logs", "decisions", "violations")
    return sum(status[name] for name in names)


def measure(folder: Path, rounds: int, number: int) -> list[Result]:
    """Everything, against a receiver on a new database in `folder`."""
    parts: list[Callable[[RunningReceiver], list[Result]]] = [
        lambda receiver: answers(receiver, rounds),
        lambda receiver: one_by_one(receiver, rounds),
        lambda receiver: batches(receiver, number),
    ]
    with RunningReceiver(folder / "nine.db", grpc="off") as receiver:
        Client(receiver).send("/api/v1/heartbeat", b'{"agent_id": "warm-up"}')
        return [result for part in parts for result in part(receiver)]


def main() -> None:
    """Measure, print a table, and write the results where ``--json`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="requests for each check")
    parser.add_argument("--batches", type=int, default=BATCHES, help=f"requests of {BATCH} spans")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), options.rounds, options.batches)
    print(table(results))
    if options.json:
        write_json(options.json, "nine_checks", results, rounds=options.rounds, batches=options.batches)


if __name__ == "__main__":
    main()
