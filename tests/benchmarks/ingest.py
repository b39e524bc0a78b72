"""How fast the receiver stores what it is sent, beside what SQLite alone and a simple receiver reach.

    python -m tests.benchmarks.ingest [--json FILE]

Every round starts a new receiver on a new database, and sends it traces, metrics and logs over HTTP: requests
of 512 items, packed with gzip before, from a load generator in a process of its own. An item counts when it
is acknowledged, so it is committed with ``synchronous=FULL``, known by its key, and in every index.

Beside it, in the same round: `sqlite3`'s bare ``executemany`` of the same rows into the same schema, one
commit for each request and nothing else; and a receiver of 60 lines, `ingest_reference`. Of several rounds
the best counts, for each of them alike, because other programs can only make a round slower.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from google.protobuf.message import Message
from tests.benchmarks.ingest_load import Job, Outcome
from tests.benchmarks.ingest_payloads import request
from tests.benchmarks.results import Result, table, write_json
from tests.support.receiver import RunningReceiver

from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.pipeline import ADD, Signal
from promethios.receiver.store.schema import metadata
from promethios.receiver.store.sqlite import SQLiteStore

CONNECTIONS = 8
SIGNALS = {
    Signal.SPANS: ("traces", "spans", "spans"),
    Signal.METRICS: ("metrics", "points", "metric_points"),
    Signal.LOGS: ("logs", "records", "logs"),
}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Payload:
    """Requests of one signal: packed in a folder for the load generator, as rows for SQLite alone."""

    signal: Signal
    folder: Path
    items: int
    requests: int = 0
    size: int = 0
    rows: list[list[tuple[object, ...]]] = field(default_factory=list)

    @property
    def number(self) -> int:
        """How many items they are."""
        return self.items * self.requests

    def add(self, message: Message) -> None:
        """One request more."""
        body = message.SerializeToString()
        (self.folder / f"{self.requests:06d}").write_bytes(gzip.compress(body, 1))
        batch = Batch(1, self.signal, len(body))
        ADD[self.signal](batch, Origin(1, None), message)
        self.rows.append(batch.rows[SIGNALS[self.signal][2]])
        self.requests += 1
        self.size += len(body)


@dataclass(frozen=True)
class Load:
    """What one load did: items a second, latencies, CPU time of the receiver and growth of its database."""

    rate: float
    latencies: list[float]
    cpu_seconds: float
    db_bytes: int

    def quantile(self, share: float) -> float:
        """A quantile of the latencies, milliseconds."""
        return 1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def payload(
    folder: Path, signal: Signal, requests: int, items: int, decisions: float, seeds: Iterator[int]
) -> Payload:
    """Make so many requests, each different."""
    folder.mkdir()
    made = Payload(signal, folder, items)
    for _ in range(requests):
        made.add(request(signal, items, next(seeds), decisions))
    return made


def bare(folder: Path, given: Payload) -> float:
    """Rows a second with `sqlite3` alone: no request, no decoding, no check of what is there already."""
    path = folder / "bare.db"
    SQLiteStore(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
    target = metadata.tables[SIGNALS[given.signal][2]]
    names = [column.name for column in target.columns if column.name != "id"]
    statement = f"INSERT INTO {target.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    started = time.perf_counter()
    for rows in given.rows:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    path.unlink()
    return given.number / seconds


def send(url: str, headers: dict[str, str], given: Payload, folder: Path, rate: float = 0.0) -> Outcome:
    """Let the load generator send a payload."""
    packed = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **headers}
    job = Job(url, packed, str(given.folder), CONNECTIONS, rate)
    file = folder / "job.json"
    file.write_text(json.dumps(asdict(job)))
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.ingest_load", str(file)], check=True, capture_output=True
    )
    return Outcome(**json.loads(said.stdout))


def through(receiver: RunningReceiver, given: Payload, folder: Path, rate: float = 0.0) -> Load:
    """Send a payload to the receiver; with a rate, in requests a second."""
    url = f"{receiver.http}/v1/{SIGNALS[given.signal][0]}"
    cpu, size = _cpu_seconds(receiver.process.pid), _db_bytes(receiver.db)
    outcome = send(url, receiver.ingest, given, folder, rate)
    return Load(
        given.number / outcome.seconds,
        outcome.latencies,
        _cpu_seconds(receiver.process.pid) - cpu,
        _db_bytes(receiver.db) - size,
    )


def reference(folder: Path, given: Payload) -> Load:
    """Send a payload of spans to the receiver of 60 lines."""
    path = folder / "reference.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.ingest_reference", str(path)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        outcome = send(f"http://127.0.0.1:{port}/v1/traces", {}, given, folder)
        cpu = _cpu_seconds(process.pid)
    finally:
        process.kill()
        process.communicate()
    path.unlink()
    return Load(given.number / outcome.seconds, outcome.latencies, cpu, 0)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mib(pid: int, name: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (the most so far)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc does not say {name}")


def _db_bytes(path: Path) -> int:
    """The database's size as a reader sees it, what is still in the write-ahead log too."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (pages,), (size,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    connection.close()
    return int(pages * size)


@contextmanager
def started(folder: Path) -> Iterator[tuple[RunningReceiver, float]]:
    """A new receiver on a new database, and the seconds until it was ready."""
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        began = time.perf_counter()
        with RunningReceiver(Path(inner) / "receiver.db", "--grpc", "127.0.0.1:0") as receiver:
            yield receiver, time.perf_counter() - began


@dataclass
class Findings:
    """The best of the rounds so far."""

    loads: dict[Signal, Load] = field(default_factory=dict)
    bares: dict[Signal, float] = field(default_factory=dict)
    reference: Load | None = None
    ready_seconds: float = float("inf")
    idle_mib: float = float("inf")
    loaded_mib: float = 0.0
    calm: Load | None = None

    def take(self, signal: Signal, load: Load, alone: float) -> None:
        """Note a round."""
        if signal not in self.loads or load.rate > self.loads[signal].rate:
            self.loads[signal] = load
        self.bares[signal] = max(alone, self.bares.get(signal, 0.0))


def one_round(folder: Path, payloads: list[Payload], found: Findings) -> None:
    """A new receiver, every signal, each beside SQLite alone; and the reference."""
    with started(folder) as (receiver, seconds):
        found.ready_seconds = min(found.ready_seconds, seconds)
        found.idle_mib = min(found.idle_mib, _memory_mib(receiver.process.pid, "VmRSS"))
        for given in payloads:
            alone = bare(folder, given)
            found.take(given.signal, through(receiver, given, folder), alone)
        found.loaded_mib = max(found.loaded_mib, _memory_mib(receiver.process.pid, "VmHWM"))
    simple = reference(folder, payloads[0])
    if found.reference is None or simple.rate > found.reference.rate:
        found.reference = simple


def calm(folder: Path, given: Payload, found: Findings) -> None:
    """A tenth of the load that the receiver was seen to bear."""
    with started(folder) as (receiver, _):
        found.calm = through(receiver, given, folder, 0.1 * found.loads[Signal.SPANS].rate / given.items)


def results(found: Findings, payloads: list[Payload]) -> Iterator[Result]:
    """Everything that was found, with the targets."""
    for given in payloads:
        yield from _of_signal(given, found.loads[given.signal], found.bares[given.signal])
    if (simple := found.reference) is not None:
        name, cpu = "a receiver of 60 lines", 1000 * simple.cpu_seconds / payloads[0].number
        yield Result("reference.stored_per_second", f"{name}: stored", simple.rate, "spans/s")
        yield Result("reference.cpu_seconds_per_1000", f"{name}: processor time for 1,000", cpu, "s")
    if (calm := found.calm) is not None:
        name, mean = "traces at a tenth of the load", 1000 * sum(calm.latencies) / len(calm.latencies)
        yield Result("calm.ack_p99_ms", f"{name}: acknowledged, 99 %", calm.quantile(0.99), "ms", most=50)
        yield Result("calm.ack_mean_ms", f"{name}: on average", mean, "ms", most=100)
    yield Result("idle_mib", "memory of an idle receiver", found.idle_mib, "MiB", most=120)
    yield Result("loaded_mib", "memory at most under load", found.loaded_mib, "MiB", most=350)
    yield Result("ready_seconds", "from start to ready", found.ready_seconds, "s", most=2)


def _of_signal(given: Payload, load: Load, alone: float) -> Iterator[Result]:
    path, items, _ = SIGNALS[given.signal]
    cpu = 1000 * load.cpu_seconds / given.number
    growth, most = load.db_bytes / given.size, 1.3 if given.signal is Signal.SPANS else None
    yield Result(f"{path}.stored_per_second", f"{path}: stored", load.rate, f"{items}/s", least=10_000)
    yield Result(f"{path}.bare_per_second", f"{path}: sqlite3 executemany alone", alone, f"{items}/s")
    yield Result(f"{path}.share_of_bare", f"{path}: share of that", load.rate / alone, least=0.6)
    yield Result(f"{path}.ack_p50_ms", f"{path}: acknowledged, half of them", load.quantile(0.5), "ms")
    yield Result(f"{path}.ack_p99_ms", f"{path}: acknowledged, 99 %", load.quantile(0.99), "ms", most=500)
    yield Result(f"{path}.cpu_seconds_per_1000", f"{path}: processor time for 1,000", cpu, "s")
    yield Result(f"{path}.otlp_bytes", f"{path}: OTLP bytes for one", given.size / given.number, "bytes")
    yield Result(f"{path}.db_bytes_ratio", f"{path}: database bytes for an OTLP byte", growth, most=most)


def main() -> None:
    """Measure, print a table, and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=160, help="of traces; of the others half as many")
    parser.add_argument("--items", type=int, default=512, help="in each request")
    parser.add_argument("--decisions", type=float, default=0.0, help="the share of spans that tell one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calm", type=int, default=100, help="requests at a tenth of the load; 0 for none")
    parser.add_argument("--signals", nargs="*", type=Signal, default=list(SIGNALS))
    parser.add_argument("--folder", type=Path, help="where the databases are made; the disk that counts")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    seeds, found = count(), Findings()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        payloads = []
        for signal in given.signals:
            number = given.requests if signal is Signal.SPANS else given.requests // 2
            payloads.append(payload(folder / signal, signal, number, given.items, given.decisions, seeds))
        for _ in range(given.rounds):
            one_round(folder, payloads, found)
        if given.calm:
            few = payload(folder / "few", Signal.SPANS, given.calm, given.items, given.decisions, seeds)
            calm(folder, few, found)
    rows = list(results(found, payloads))
    print(table(rows))
    if given.json:
        write_json(
            given.json, "ingest", rows,
            connections=CONNECTIONS, items=given.items, rounds=given.rounds, decisions=given.decisions,
        )  # fmt: skip


if __name__ == "__main__":
    main()
