"""What an agent's memory is with everything set up, beside the bare SDK; and whether it grows in an outage.

    python -m tests.benchmarks.exporter_memory [--json FILE] [--explain]

Each set-up is a process of its own that imports, is set up, makes 1,000 instrumented calls, delivers them to
a sink, and then looks at its own ``/proc/self/smaps_rollup``. What `configure` sets up is governance with the
ready-made baseline, adapters, exporters of three signals, and the heartbeat. In the outage connections are
refused while spans with values that do not compress keep coming: memory may fill its limit and no more.
``--explain`` says which packages and modules the difference belongs to, and measures nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import exporter_endpoints, exporter_policies
from tests.benchmarks.exporter_agent import MIB, Agent
from tests.benchmarks.results import Result, table, write_json

_SETUPS = {
    "stock": "the SDK with its exporter of spans",
    "stock_signals": "the SDK with its exporters of spans, metrics and logs",
    "delivery": "configure()",
    "governed": "configure() with policies",
}
_KINDS = {"rss": "resident", "uss": "of which no other process shares"}
#: Most that waits in memory during the outage: small, so that it is full long before the end.
_LIMIT = 2 * MIB


def _settings(setup: str, folder: Path) -> dict[str, Any]:
    return {"policies": exporter_policies.write(folder)} if setup == "governed" else {}


def baseline(folder: Path, setups: list[str], rounds: int, operations: int) -> dict[str, dict[str, float]]:
    """The middle of several processes' memory, for each set-up."""
    found: dict[str, list[dict[str, float]]] = {setup: [] for setup in setups}
    with exporter_endpoints.up() as url:
        for _ in range(rounds):
            for setup, seen in found.items():
                with Agent(setup, url, **_settings(setup, folder)) as agent:
                    seen.append(agent.do("operations", number=operations))
    return {
        setup: {kind: median(one[kind] for one in seen) for kind in seen[0]} for setup, seen in found.items()
    }


def outages(folder: Path, seconds: float, rate: float, samples: int) -> dict[str, list[dict[str, float]]]:
    """Memory from the beginning of an outage to its end: with a spool, without one, and the stock SDK's."""
    settings = {"max_memory_bytes": _LIMIT, "policies": exporter_policies.write(folder)}
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "spool": ("governed", {**settings, "spool_dir": folder / "spool", "max_spool_bytes": 2 * _LIMIT}),
        "memory": ("governed", settings),
        "stock": ("stock", {}),
    }

    def one(setup: str, given: dict[str, Any]) -> list[dict[str, float]]:
        with exporter_endpoints.down() as url, Agent(setup, url, **given) as agent:
            agent.do("calls", number=50, rate=500)
            seen: list[dict[str, float]] = agent.do("outage", seconds=seconds, rate=rate, samples=samples)
            return seen

    with ThreadPoolExecutor(len(cases)) as pool:
        running = {name: pool.submit(one, *case) for name, case in cases.items()}
        return {name: each.result() for name, each in running.items()}


def explain(folder: Path, operations: int) -> Iterator[str]:
    """KiB of Python's memory by package and module, ours more than the stock SDK's, the largest first."""
    sizes: dict[str, Counter[str]] = {}
    with exporter_endpoints.up() as url:
        for setup in ("stock", "governed"):
            given = _settings(setup, folder)
            with Agent(setup, url, options=("-X", "tracemalloc=1"), **given) as agent:
                agent.do("operations", number=operations)
                sizes[setup] = Counter(agent.do("imported"))
    more = Counter({name: size - sizes["stock"][name] for name, size in sizes["governed"].items()})
    packages: Counter[str] = Counter()
    for name, size in more.items():
        packages[_package(name)] += size
    for title, counted in (("package", packages), ("module", more)):
        yield f"KiB more  {title}"
        yield from (f"{size:8,.0f}  {name}" for name, size in counted.most_common(30))


def _package(module: str) -> str:
    """The module's package: three levels of it for those of several distributions."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[0] in ("opentelemetry", "promethios") else 1])


def results(
    found: dict[str, dict[str, float]], outage: dict[str, list[dict[str, float]]]
) -> Iterator[Result]:
    """Everything that was found, with the targets."""
    for setup, sizes in found.items():
        for kind, word in _KINDS.items():
            yield Result(f"{setup}.{kind}_mib", f"{_SETUPS[setup]}: {word}", sizes[kind], "MiB")
    for setup in ("delivery", "governed"):
        if setup in found:
            more = found[setup]["rss"] - found["stock"]["rss"]
            about = f"{_SETUPS[setup]}: more than {_SETUPS['stock']}"
            yield Result(f"{setup}.more_mib", about, more, "MiB", most=15)
    words = {"spool": "with a spool", "memory": "without a spool", "stock": "the stock SDK"}
    for case, samples in outage.items():
        middle, end = samples[len(samples) // 2]["rss"], samples[-1]["rss"]
        about = f"an outage, {words[case]}"
        yield Result(f"outage.{case}.begin_mib", f"{about}: at its beginning", samples[0]["rss"], "MiB")
        yield Result(f"outage.{case}.end_mib", f"{about}: at its end", end, "MiB")
        most = None if case == "stock" else 1.0
        yield Result(
            f"outage.{case}.growth_mib", f"{about}: growth in its second half", end - middle, "MiB", most=most
        )


def main(*arguments: str) -> None:
    """Measure, print a table, and write the JSON; or explain."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="processes of each set-up")
    parser.add_argument(
        "--setups", nargs="+", choices=_SETUPS, default=list(_SETUPS), help="stock among them"
    )
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--outage", type=float, default=20, help="seconds; 0 for none")
    parser.add_argument("--rate", type=float, default=1000, help="spans a second during the outage")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments or None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.explain:
            print("\n".join(explain(folder, given.operations)))
            return
        found = baseline(folder, given.setups, given.rounds, given.operations)
        outage = outages(folder, given.outage, given.rate, 12) if given.outage else {}
    rows = list(results(found, outage))
    print(table(rows))
    if given.json:
        conditions = {
            "operations": given.operations,
            "outage_seconds": given.outage,
            "spans_a_second": given.rate,
        }
        write_json(given.json, "exporter_memory", rows, **conditions)


if __name__ == "__main__":
    main()
