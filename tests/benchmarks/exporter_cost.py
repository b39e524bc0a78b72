"""What exporting costs the application's thread, beside the stock SDK's batch processor and exporter.

    python -m tests.benchmarks.exporter_cost [--json FILE]

Each set-up runs in a process of its own and sends to the same sink in another. They take turns, many times
over, and wait for delivery between: what is compared was measured within the same second. Counted is the
CPU time of the thread that makes the spans; the medians of the rounds are reported, and of ratios too.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.benchmarks import exporter_endpoints, exporter_policies
from tests.benchmarks.exporter_agent import Agent
from tests.benchmarks.results import Result, table, write_json

#: Costs by case and set-up, one of each round.
Costs = dict[tuple[str, str], list[dict[str, float]]]

_SPANS = {
    "bare": "a span that goes nowhere",
    "stock": "a span, stock batch processor and exporter",
    "delivery": "a span, configure()",
    "governed": "a span, configure() with policies",
}
_IDLE = {
    "stock": "an idle process, stock exporter",
    "delivery": "an idle process, configure()",
    "governed": "an idle process, configure() with policies",
    "spooled": "an idle process, configure() with policies and a spool",
}
_BLOCKS = {
    "batched": "a decision that blocks, batched only",
    "spooled": "a decision that blocks, in the spool before its caller sees it",
    "synced": "a decision that blocks, synced in the spool before its caller sees it",
}


def measure(folder: Path, rounds: int, spans: int, blocks: int, idle: float) -> Costs:
    """Let every set-up take its turn, round after round."""
    policies = exporter_policies.write(folder)
    with ExitStack() as stack:
        url = stack.enter_context(exporter_endpoints.up())

        def agent(setup: str, **settings: object) -> Agent:
            return stack.enter_context(Agent(setup, url, **settings))

        agents = {name: agent(name) for name in ("bare", "stock", "delivery")}
        agents["governed"] = agents["batched"] = agent("governed", policies=policies)
        agents["spooled"] = agent("governed", policies=policies, spool_dir=folder / "spooled")
        agents["synced"] = agent(
            "governed", policies=policies, spool_dir=folder / "synced", spool_fsync="decisions"
        )
        turns = [("spans", name, spans) for name in _SPANS] + [("blocks", name, blocks) for name in _BLOCKS]
        turns += [("ends", name, spans) for name in ("stock", "delivery")]
        costs: Costs = {(what, name): [] for what, name, _ in turns}
        for number in range(rounds + 1):
            for what, name, times in turns if number % 2 else reversed(turns):
                cost = agents[name].do(what, number=times)
                agents[name].do("flush")
                if number:  # the first round warms up
                    costs[what, name].append(cost)
        for name in _IDLE:
            costs["idle", name] = [{"cpu": agents[name].do("idle", seconds=idle)}]
    return costs


def results(costs: Costs) -> Iterator[Result]:
    """Everything that was found, with the targets."""
    for name, about in _SPANS.items():
        yield from _absolute(costs, "spans", name, about)
    yield _ratio(costs, "spans", "delivery", "stock", "configure() to stock", most=1.3)
    yield _ratio(costs, "spans", "governed", "stock", "configure() with policies to stock")
    for name, about in (("stock", "the stock processor's on_end alone"), ("delivery", "our on_end alone")):
        yield from _absolute(costs, "ends", name, about)
    yield _ratio(costs, "ends", "delivery", "stock", "our on_end to the stock processor's")
    for name, about in _BLOCKS.items():
        yield from _absolute(costs, "blocks", name, about)
    yield _ratio(costs, "blocks", "spooled", "batched", "a spooled decision to a batched one")
    yield _ratio(costs, "blocks", "synced", "batched", "a synced decision to a batched one")
    for name, about in _IDLE.items():
        (found,) = costs["idle", name]
        most = None if name == "stock" else 2
        yield Result(f"idle.{name}", about, found["cpu"], "% of a core", most=most)


def _absolute(costs: Costs, what: str, name: str, about: str) -> Iterator[Result]:
    for kind, unit in (("cpu", "µs of CPU time"), ("wall", "µs")):
        found = median(cost[kind] for cost in costs[what, name])
        yield Result(f"{what}.{name}.{kind}", about, found, unit)


def _ratio(costs: Costs, what: str, ours: str, theirs: str, about: str, most: float | None = None) -> Result:
    pairs = zip(costs[what, ours], costs[what, theirs], strict=True)
    found = median(mine["cpu"] / their["cpu"] for mine, their in pairs)
    return Result(f"{what}.{ours}.ratio", f"CPU time of {about}", found, most=most)


def main(*arguments: str) -> None:
    """Measure, print a table, and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--spans", type=int, default=1000, help="in each round; a queue holds them all")
    parser.add_argument("--blocks", type=int, default=200, help="decisions in each round")
    parser.add_argument("--idle", type=float, default=2, help="seconds of watching idle processes")
    parser.add_argument("--folder", type=Path, help="where the spools are made; the disk that counts")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments or None)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rows = list(results(measure(Path(folder), given.rounds, given.spans, given.blocks, given.idle)))
    print(table(rows))
    if given.json:
        write_json(given.json, "exporter_cost", rows, rounds=given.rounds, spans=given.spans)


if __name__ == "__main__":
    main()
