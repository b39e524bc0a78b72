"""How long an instrumented call takes while the receiver is up, down, silent, or swallows packets.

    python -m tests.benchmarks.exporter_latency [--json FILE]

A call is a span of fifteen attributes around a tool that works for some 300 microseconds; with policies the
tool is guarded: a call is then also two decisions. Calls come at a steady rate. Every state of the receiver
has an agent of its own, with the stock exporter and with ours; they take turns, round after round. The stock
processor's delay is set to ours, 0.3 seconds, so that both encode as often while calls are made. The slowest
calls are those that wait for the interpreter meanwhile, in the stock SDK and here alike: what counts is that
a receiver in trouble adds nothing to them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.benchmarks import exporter_endpoints, exporter_policies
from tests.benchmarks.exporter_agent import Agent
from tests.benchmarks.results import Result, table, write_json

STATES = {
    "up": (exporter_endpoints.up, "receiver up"),
    "down": (exporter_endpoints.down, "connections refused"),
    "silent": (exporter_endpoints.silent, "no answers"),
    "black_hole": (exporter_endpoints.black_hole, "packets swallowed"),
}
_SETUPS = {"stock": "stock", "delivery": "configure()", "governed": "configure() with policies"}

#: Microseconds of each call, by set-up and state, a list for each round.
Latencies = dict[tuple[str, str], list[list[float]]]


def measure(
    folder: Path, rounds: int, calls: int, rate: float, states: list[str], setups: list[str]
) -> Latencies:
    """Let every set-up in every state take its turn, round after round."""
    policies = exporter_policies.write(folder)
    with ExitStack() as stack:
        agents: dict[tuple[str, str], Agent] = {}
        for state in states:
            url = stack.enter_context(STATES[state][0]())
            settings = {
                "stock": {"delay": 0.3},
                "delivery": {"spool_dir": folder / f"{state} delivery"},
                "governed": {"spool_dir": folder / state, "policies": policies},
            }
            for setup in setups:
                agents[setup, state] = stack.enter_context(Agent(setup, url, **settings[setup]))
        found: Latencies = {turn: [] for turn in agents}
        for number in range(rounds + 1):
            for turn in agents if number % 2 else reversed(agents):
                took = agents[turn].do("calls", number=calls, rate=rate)["wall"]
                if number:  # the first round warms up, and meets the failures that end in the spool
                    found[turn].append(took)
                time.sleep(0.4)  # what was recorded leaves the collectors before the next one's turn
    return found


def quantile(values: list[float], share: float) -> float:
    """The value that so many of the others do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def results(found: Latencies) -> Iterator[Result]:
    """Everything that was found, with the targets."""
    for (setup, state), rounds in found.items():
        about = f"{_SETUPS[setup]}, {STATES[state][1]}"
        every = [took for took_in_round in rounds for took in took_in_round]
        for share, name in ((0.5, "half"), (0.99, "99 %")):
            key = f"{setup}.{state}.p{100 * share:.0f}"
            yield Result(key, f"{about}: {name} of the calls take at most", quantile(every, share), "µs")
        if state != "up":
            most = None if setup == "stock" else 1.1
            for share, name in ((0.5, "half"), (0.99, "99 %")):
                ratio = _ratio(rounds, found[setup, "up"], share)
                key = f"{setup}.{state}.p{100 * share:.0f}_ratio"
                yield Result(key, f"{about}: {name}, to those with the receiver up", ratio, most=most)


def _ratio(rounds: list[list[float]], reference: list[list[float]], share: float) -> float:
    """The middle of the rounds' ratios: a round that something else disturbed does not decide."""
    pairs = zip(rounds, reference, strict=True)
    return median(quantile(one, share) / quantile(other, share) for one, other in pairs)


def main(*arguments: str) -> None:
    """Measure, print a table, and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--calls", type=int, default=350, help="in each round")
    parser.add_argument("--rate", type=float, default=250, help="calls a second")
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES))
    parser.add_argument("--setups", nargs="+", choices=_SETUPS, default=["stock", "governed"])
    parser.add_argument("--folder", type=Path, help="where the spools are made; the disk that counts")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments or None)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        found = measure(Path(folder), given.rounds, given.calls, given.rate, given.states, given.setups)
    rows = list(results(found))
    print(table(rows))
    if given.json:
        conditions = {"rounds": given.rounds, "calls": given.calls, "calls_a_second": given.rate}
        write_json(given.json, "exporter_latency", rows, **conditions)


if __name__ == "__main__":
    main()
