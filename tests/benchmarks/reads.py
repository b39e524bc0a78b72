"""How long each panel's question takes over a million spans, while more arrive.

Run it by hand: ``python -m tests.benchmarks.reads FOLDER --json FILE``. A database for each range is made in
FOLDER (some minutes and 2 GB each) and kept there while it is new enough. A real receiver is started on it
and asked what every panel and variable of the dashboards asks, as Grafana would ask it at 1,920 pixels, of
all agents and of one, while a client sends spans. *Cold* is the first answer; p50 and p95 are of the answers
after it; *cpu* is what the receiver used meanwhile, with what it stored. *Rows* is plain SQL on the same
file, on the rows alone, by `sqlite3` in this process: what the answer costs without rollups.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from urllib.request import Request, urlopen

from tests.benchmarks.reads_reference import REFERENCES, reference
from tests.benchmarks.reads_seed import Seed, seeded
from tests.benchmarks.results import Result, write_json
from tests.support.boards import BOARDS, panels
from tests.support.infinity import Infinity
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.rollups.facts import ROLLUPS, Rollup

#: Grafana's page at 1,920 pixels, in its 24 columns; and the steps that it rounds intervals to, in ms.
_COLUMN: Final = 78
_ROUNDED: Final = (
    (45, 30), (90, 60), (210, 120), (450, 300), (750, 600), (1_050, 900), (1_500, 1_200), (2_700, 1_800),
    (5_400, 3_600), (9_000, 7_200), (16_200, 10_800), (32_400, 21_600), (86_400, 43_200),
)  # fmt: skip
_ONE: Final = "agent-007"
LIMIT_MS: Final = 200.0


def interval(length_ms: int, panel: dict[str, Any]) -> int:
    """Grafana's ``$__interval_ms`` for a panel (``rangeutil.roundInterval``)."""
    points = panel.get("maxDataPoints") or panel["gridPos"]["w"] * _COLUMN
    exact = length_ms / points / 1000
    seconds = next((step for below, step in _ROUNDED if exact < below), 86_400)
    return max(seconds, int(panel.get("interval", "0s").rstrip("s"))) * 1000


def questions() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each panel's title, itself and its query, and the variable's; each different query once."""
    asked = set()
    for board in BOARDS.values():
        for panel in panels(board):
            target = panel["targets"][0]
            key = (target["url"], json.dumps(target["url_options"]), panel.get("maxDataPoints"))
            if key not in asked:
                asked.add(key)
                yield panel["title"], panel, target
    variable = next(
        found
        for found in BOARDS["promethios-overview.json"]["templating"]["list"]
        if found["name"] == "agent"
    )
    yield "variable: agent", {"gridPos": {"w": 24}}, variable["query"]["infinityQuery"]


def measure(path: Path, seed: Seed, rounds: int, rate: int) -> list[dict[str, Any]]:
    """Every question, of all agents and of one, on one database."""
    rows = []
    with RunningReceiver(path, grpc="off") as receiver:
        key, write_key = kept_keys(path, receiver)
        wait_for_rollups(path)
        trace_id = _a_trace(path)
        with sending(receiver, write_key, rate) as sent:
            for agent in (".*", _ONE):
                for title, panel, target in questions():
                    rows.append(_ask(receiver, key, seed, rounds, agent, trace_id, title, panel, target))
            for row in rows:
                row["spans_per_second_meanwhile"] = round(sent())
    for row in rows:
        if row["path"].split("?")[0] in REFERENCES:
            row["reference_ms"] = reference(path, seed, row["path"], row["agent"], row["step_ms"])
    return rows


def _ask(
    receiver: RunningReceiver,
    key: str,
    seed: Seed,
    rounds: int,
    agent: str,
    trace_id: str,
    title: str,
    panel: dict[str, Any],
    target: dict[str, Any],
) -> dict[str, Any]:
    length = seed.hours * 3_600_000
    step = interval(length, panel)
    spent, used = [], []
    for _ in range(rounds + 1):
        now = time.time_ns() // 1_000_000
        infinity = Infinity(receiver.http, key, {
            "agent": agent,
            "policy": ".*",
            "trace_id": trace_id,
            "__from": str(seed.start // 1_000_000),
            "__to": str(now),
            "__interval_ms": str(step),
        })  # fmt: skip
        address = (
            infinity.url
            + infinity.fill(target["url"])
            + "?"
            + "&".join(
                f"{part['key']}={infinity.fill(part['value'])}" for part in target["url_options"]["params"]
            )
        )
        request = Request(address, headers={"Authorization": f"Bearer {key}"})
        busy, started = _cpu_seconds(receiver), time.perf_counter()
        with urlopen(request, timeout=60) as answer:
            size = len(answer.read())
        spent.append((time.perf_counter() - started) * 1000)
        used.append((_cpu_seconds(receiver) - busy) * 1000)
    cold, *warm = spent
    cuts = quantiles(warm, n=20, method="inclusive")
    return {
        "range_hours": seed.hours,
        "panel": title,
        "path": target["url"].removeprefix("/api/v1/"),
        "agent": "all" if agent == ".*" else "one",
        "step_ms": step,
        "answer_bytes": size,
        "cold_ms": round(cold, 1),
        "p50_ms": round(cuts[9], 1),
        "p95_ms": round(cuts[18], 1),
        "receiver_cpu_ms": round(sum(used[1:]) / rounds, 1),
        "reference_ms": None,
    }


def _cpu_seconds(receiver: RunningReceiver) -> float:
    """What the receiver's process has used so far, with what it stores meanwhile; Linux tells."""
    stat = Path(f"/proc/{receiver.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def kept_keys(path: Path, receiver: RunningReceiver) -> tuple[str, str]:
    """A key that reads and one that sends: made once for a database, kept beside it."""
    kept = path.with_suffix(".keys")
    if receiver.admin_key or not kept.exists():
        raise SystemExit(f"{path} has no keys beside it: delete it")
    read, write = kept.read_text().split()
    return read, write


def make_keys(path: Path) -> None:
    """Keys for a database that no receiver holds."""
    made = []
    for scope in ("read", "ingest"):
        done = run_promethios(
            "keys", "create", "--db", str(path), "--tenant", "default", "--scope", scope, "--json"
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        made.append(json.loads(done.stdout)["key"])
    path.with_suffix(".keys").write_text(" ".join(made))


def wait_for_rollups(path: Path) -> None:
    """Until the receiver has caught up with a database that was filled without it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    started = time.monotonic()
    while any(_behind(connection, rollup) for rollup in ROLLUPS):
        time.sleep(0.5)
    connection.close()
    print(f"rollups are filled after {time.monotonic() - started:.0f} s")


def _behind(connection: sqlite3.Connection, rollup: Rollup) -> bool:
    (newest,) = connection.execute(f"SELECT max(id) FROM {rollup.source.name}").fetchone()
    statement = "SELECT max(up_to) FROM rollup_marks WHERE source = ?"
    (mark,) = connection.execute(statement, (rollup.mark,)).fetchone()
    return bool((newest or 0) > (mark or 0))


def _a_trace(path: Path) -> str:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (found,) = connection.execute("SELECT lower(hex(trace_id)) FROM spans WHERE id = 5000").fetchone()
    connection.close()
    return str(found)


@contextmanager
def sending(receiver: RunningReceiver, key: str, rate: int) -> Iterator[Callable[[], float]]:
    """Send so many spans a second, 100 in a request; yields how many were stored a second so far."""
    stop, sent, started = threading.Event(), [0], time.monotonic()
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {key}"}

    def send() -> None:
        number = 0
        while not stop.wait(100 / rate):
            number += 1
            call = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": f"agent-{number % 200:03}"}
            body = trace_request(*(span(attributes=call) for _ in range(100))).SerializeToString()
            assert receiver.post("/v1/traces", body, headers).status == 200
            sent[0] += 100

    thread = threading.Thread(target=send)
    if rate:
        thread.start()
    try:
        yield lambda: sent[0] / (time.monotonic() - started)
    finally:
        stop.set()
        if rate:
            thread.join()


def sizes(path: Path, seed: Seed) -> dict[str, float]:
    """What the rollups and the database cost, bytes for each span."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rolled = (*(rollup.table.name for rollup in ROLLUPS), "agent_minutes", "agent_hours")
    marks = ", ".join("?" * len(rolled))
    (bytes_,) = connection.execute(
        f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({marks})", rolled
    ).fetchone()
    connection.close()
    return {
        "rollup_bytes_per_span": round(bytes_ / seed.spans, 1),
        "database_bytes_per_span": round(path.stat().st_size / seed.spans, 1),
    }


def main() -> None:
    """Measure, print a table, and write all of it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--hours", type=int, nargs="+", default=[6, 24, 168, 720])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--rate", type=int, default=1_000, help="spans a second that arrive meanwhile; 0 for none"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for hours in given.hours:
        path, seed = seeded(given.folder, given.spans, given.agents, hours)
        if not path.with_suffix(".keys").exists():
            make_keys(path)
        measured = measure(path, seed, given.rounds, given.rate)
        rows += measured
        show(measured, {"range_hours": hours, **sizes(path, seed)})
    if given.json:
        conditions = {"spans": given.spans, "agents": given.agents, "spans_a_second_meanwhile": given.rate}
        write_json(given.json, "reads", results_of(rows), **conditions)


_WIDTHS: Final = {"panel": 26, "path": 22, "agent": 5, "step_ms": 9, "answer_bytes": 12, "cold_ms": 8,
                  "p50_ms": 8, "p95_ms": 8, "receiver_cpu_ms": 15, "reference_ms": 12}  # fmt: skip


def show(rows: list[dict[str, Any]], database: dict[str, float]) -> None:
    """Print a table of one range; what is slower than it should be has a mark."""
    print(f"\n{database}")
    print(" ".join(f"{name:>{width}}" for name, width in _WIDTHS.items()))
    for row in rows:
        shown = {name: "" if row[name] is None else str(row[name]) for name in _WIDTHS}
        line = " ".join(f"{shown[name][:width]:>{width}}" for name, width in _WIDTHS.items())
        print(line + (" !" if row["p95_ms"] > LIMIT_MS else ""))


def results_of(rows: list[dict[str, Any]]) -> list[Result]:
    """Each question's 95 %, with what explains it."""
    return [
        Result(
            f"{row['range_hours']}h.{row['path']}.{row['agent']}",
            f"{row['range_hours']} h: {row['panel']} (`{row['path']}`), {row['agent']}; half of them "
            f"{row['p50_ms']} ms, processor {row['receiver_cpu_ms']} ms{_from_rows(row['reference_ms'])}",
            row["p95_ms"],
            "ms",
            most=LIMIT_MS,
        )
        for row in rows
    ]


def _from_rows(spent: float | None) -> str:
    return "" if spent is None else f", from rows {spent} ms"


if __name__ == "__main__":
    main()
