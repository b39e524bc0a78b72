"""How fast a full spool is delivered, beside direct sending by the same exporter, and the stock one.

    python -m tests.benchmarks.exporter_drain [--json FILE]

The spool is filled to its limit (64 MiB, as on the disk) with batches of 512 spans whose texts hardly
compress. Then the same batches go out: from the spool of a process that is gone; and from memory, with no
spool; each to a sink that answers at once, and to a real receiver on a new database. Best of the rounds, for
all alike: what else runs can only make a round slower. The aim is the receiver's speed; the sink, which
takes hundreds of megabytes a second, shows what reading and checking the spool costs. The stock exporter
encodes as it sends, so it stands beside our exporter doing both.
"""

from __future__ import annotations

import argparse
import base64
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from tests.benchmarks import exporter_endpoints
from tests.benchmarks.exporter_agent import MIB
from tests.benchmarks.exporter_setups import attributes
from tests.benchmarks.ingest_payloads import request
from tests.benchmarks.results import Result, table, write_json
from tests.support.receiver import RunningReceiver

from promethios.exporter import PromethiosSpanExporter, Settings
from promethios.exporter.batch import Batch, Signal
from promethios.exporter.delivery import Delivery
from promethios.receiver.ingest.pipeline import Signal as Table

_ITEMS = 512
_TEXT_BYTES = 600
_PATIENCE = 300.0


def batches(size: int) -> list[Batch]:
    """Different batches, together somewhat less than so many bytes."""
    message = request(Table.SPANS, _ITEMS, 1)
    spans = [span for part in message.resource_spans for scope in part.scope_spans for span in scope.spans]
    for span in spans:
        span.attributes.add(key="app.answer")
    made: list[Batch] = []
    while not made or sum(len(batch.body) for batch in made) + 2 * len(made[-1].body) < size:
        for span in spans:
            span.trace_id, span.span_id = os.urandom(16), os.urandom(8)
            span.attributes[-1].value.string_value = base64.b64encode(os.urandom(_TEXT_BYTES)).decode()
        made.append(Batch.pack(Signal.TRACES, _ITEMS, message.SerializeToString()))
    return made


def fill(folder: Path, made: Sequence[Batch], limit: int) -> float:
    """Put batches into a spool, as an agent does whose receiver is away; items a second."""
    with exporter_endpoints.down() as url:
        settings = Settings.load(endpoint=url, api_key="x", spool_dir=folder, max_spool_bytes=limit)
        delivery = Delivery(settings)
        began = time.perf_counter()
        for batch in made:
            delivery.submit(batch)
        left = delivery.close(time.monotonic())
        seconds = time.perf_counter() - began
    if left.parked != len(made) * _ITEMS:
        raise RuntimeError(f"{left.parked} of {len(made) * _ITEMS} items are in the spool")
    return left.parked / seconds


def drain(url: str, key: str, folder: Path, limit: int, number: int) -> float:
    """Deliver what is in a spool; items a second, from the start of the process that finds it."""
    settings = Settings.load(endpoint=url, api_key=key, spool_dir=folder, max_spool_bytes=limit)
    began = time.perf_counter()
    return _finish(Delivery(settings), began, number)


def direct(url: str, key: str, made: Sequence[Batch], limit: int) -> float:
    """Deliver the same from memory; items a second."""
    settings = Settings.load(endpoint=url, api_key=key, max_memory_bytes=2 * limit)
    began = time.perf_counter()
    delivery = Delivery(settings)
    for batch in made:
        delivery.submit(batch)
    return _finish(delivery, began, len(made) * _ITEMS)


def _finish(delivery: Delivery, began: float, number: int) -> float:
    while delivery.totals().delivered < number and time.perf_counter() < began + _PATIENCE:
        delivery.wait(time.monotonic() + 1)
    seconds = time.perf_counter() - began
    totals = delivery.totals()
    delivery.close(time.monotonic() + 5)
    if totals.delivered != number:
        raise RuntimeError(f"{totals.delivered} of {number} items were delivered: {totals}")
    return number / seconds


def exporters(url: str, rounds: int, number: int) -> Iterator[tuple[str, float]]:
    """Spans encoded and delivered in a second of CPU time, by the stock exporter and by ours in turn."""
    ended = _ended(_ITEMS)
    stock = OTLPSpanExporter(f"{url}/v1/traces")
    ours = PromethiosSpanExporter(endpoint=url, api_key="x")

    def with_ours() -> None:
        for _ in range(number):
            ours.export(ended)
        if not ours.force_flush(1000 * _PATIENCE):
            raise RuntimeError("not everything was delivered")

    def with_stock() -> None:
        for _ in range(number):
            stock.export(ended)

    for _ in range(rounds):
        for name, export in (("stock", with_stock), ("ours", with_ours)):
            began = time.process_time()
            export()
            yield name, number * _ITEMS / (time.process_time() - began)
    stock.shutdown()
    ours.shutdown()


def _ended(number: int) -> list[ReadableSpan]:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")
    spans = [tracer.start_span("order", attributes=attributes(order)) for order in range(number)]
    for span in spans:
        span.end()
    return [span for span in spans if isinstance(span, ReadableSpan)]


@contextmanager
def _sink(folder: Path) -> Iterator[tuple[str, str]]:
    with exporter_endpoints.up() as url:
        yield url, "x"


@contextmanager
def _receiver(folder: Path) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(dir=folder) as name, RunningReceiver(Path(name) / "r.db") as receiver:
        yield receiver.http, receiver.ingest_key


TARGETS = {"sink": (_sink, "a sink"), "receiver": (_receiver, "a receiver")}


def measure(folder: Path, size: int, rounds: int, targets: Sequence[str], stock: int) -> dict[str, float]:
    """The best rate of every case."""
    made = batches(size)
    found: dict[str, float] = {"bytes": sum(len(batch.body) for batch in made), "batches": len(made)}

    def take(name: str, rate: float) -> None:
        found[name] = max(rate, found.get(name, 0.0))

    for target in (target for _ in range(rounds) for target in targets):
        spool = folder / "spool"
        take("fill", fill(spool, made, size))
        with TARGETS[target][0](folder) as (url, key):  # each its own: a receiver stores an item once
            take(f"{target}.drain", drain(url, key, spool, size, len(made) * _ITEMS))
        with TARGETS[target][0](folder) as (url, key):
            take(f"{target}.direct", direct(url, key, made, size))
    with exporter_endpoints.up() as url:
        for name, rate in exporters(url, rounds, stock):
            take(name, rate)
    return found


def results(found: dict[str, float], targets: Sequence[str]) -> Iterator[Result]:
    """Everything that was found, with the targets."""
    yield Result("spool_mib", "the spool", found["bytes"] / MIB, "MiB")
    yield Result("fill", "filling it, as batches come", found["fill"], "spans/s")
    for target in targets:
        about, drained, sent = TARGETS[target][1], found[f"{target}.drain"], found[f"{target}.direct"]
        yield Result(f"{target}.direct", f"{about}: sent directly", sent, "spans/s")
        yield Result(f"{target}.drain", f"{about}: sent from the spool", drained, "spans/s")
        least = 0.8 if target == "receiver" else None
        yield Result(f"{target}.share", f"{about}: share of direct sending", drained / sent, least=least)
    for name, about in (
        ("stock", "the stock exporter, without compression"),
        ("ours", "our exporter, with gzip"),
    ):
        yield Result(name, f"encoded and sent by {about}", found[name], "spans a second of CPU time")
    yield Result("ours.share", "our exporter to the stock one", found["ours"] / found["stock"])


def main(*arguments: str) -> None:
    """Measure, print a table, and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=float, default=64, help="size of the spool")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stock", type=int, default=20, help="batches in a round of encoding and sending")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument(
        "--folder", type=Path, help="where spools and databases are made; the disk that counts"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments or None)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        found = measure(Path(name), int(given.mib * MIB), given.rounds, given.targets, given.stock)
    rows = list(results(found, given.targets))
    print(table(rows))
    if given.json:
        conditions = {"spool_mib": given.mib, "spans_in_a_batch": _ITEMS, "rounds": given.rounds}
        write_json(given.json, "exporter_drain", rows, **conditions)


if __name__ == "__main__":
    main()
