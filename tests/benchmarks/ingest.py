"""How many spans a second are stored, through HTTP and by SQLite alone.

Run it by hand: ``python -m tests.benchmarks.ingest``. Both sides write the same rows into the same schema
with ``synchronous=FULL``: over HTTP with gzip and four clients, a commit shared by whoever waits; alone with
`sqlite3`'s ``executemany``, one commit for each request. The ratio is what everything around SQLite costs.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import decision_span, span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.spans import add_spans
from promethios.receiver.store.schema import spans as spans_table
from promethios.receiver.store.sqlite import SQLiteStore

CLIENTS = 4
ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.agent.name": "clerk",
    "gen_ai.conversation.id": "5b8efff798038103d269b633813fc60c",
    "gen_ai.usage.input_tokens": 1234,
    "gen_ai.usage.output_tokens": 567,
    "gen_ai.request.temperature": 0.2,
    "server.address": "api.openai.com",
    "server.port": 443,
}


def bodies(requests: int, size: int, decisions: float = 0.0) -> list[bytes]:
    """Requests of `size` spans each, about 600 bytes a span; this share of them tells a decision."""
    told = round(size * decisions)
    return [
        trace_request(
            *(span(attributes=ATTRIBUTES) for _ in range(size - told)),
            *(_decision(number) for number in range(told)),
        ).SerializeToString()
        for _ in range(requests)
    ]


def _decision(number: int) -> Span:
    """A decision of one of ten agents; one in twenty has a match."""
    agent = {"gen_ai.agent.name": f"clerk-{number % 10}"}
    if number % 20:
        return decision_span("allow", (), agent)
    return decision_span("block", ({},), agent)


def through_http(folder: Path, requests: list[bytes]) -> float:
    """Seconds to store all requests through a receiver."""
    packed = [gzip.compress(body, 1) for body in requests]
    with RunningReceiver(folder / "http.db", grpc="off") as receiver:
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **receiver.ingest}
        parts = urlsplit(receiver.http)

        def send(mine: list[bytes]) -> None:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
            for body in mine:
                connection.request("POST", "/v1/traces", body, headers)
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, b"")
            connection.close()

        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, [packed[number::CLIENTS] for number in range(CLIENTS)]))
        return time.perf_counter() - started


def alone(folder: Path, requests: list[bytes]) -> float:
    """Seconds to store the same rows with `sqlite3` alone; decoding is not counted."""
    path = folder / "alone.db"
    SQLiteStore(path).close()
    prepared = [rows_of(body) for body in requests]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
    names = [column.name for column in spans_table.columns if column.name != "id"]
    statement = f"INSERT INTO spans ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    started = time.perf_counter()
    for rows in prepared:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
    return time.perf_counter() - started


def rows_of(body: bytes) -> list[tuple[object, ...]]:
    """The rows of `spans` that a request becomes."""
    batch = Batch(1, "spans", len(body))
    add_spans(batch, Origin(1, None), type(trace_request()).FromString(body))
    return batch.rows["spans"]


def main() -> None:
    """Measure both and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--spans", type=int, default=512, help="in each request")
    parser.add_argument("--decisions", type=float, default=0.0, help="the share of spans that tell one")
    given = parser.parse_args()
    requests = bodies(given.requests, given.spans, given.decisions)
    number = given.requests * given.spans
    with tempfile.TemporaryDirectory() as folder:
        over, bare = through_http(Path(folder), requests), alone(Path(folder), requests)
    print(f"{number} spans in {given.requests} requests, {sum(map(len, requests)) // number} bytes a span")
    print(f"through HTTP: {number / over:10,.0f} spans/s")
    print(f"sqlite3 alone: {number / bare:9,.0f} spans/s")
    print(f"ratio: {bare / over:.2f}")


if __name__ == "__main__":
    main()
