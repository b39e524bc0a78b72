"""An agent in a process of its own that does what a benchmark tells it, and answers with what it measured.

    python -m tests.benchmarks.exporter_agent SETUP ENDPOINT SETTINGS

It reads a JSON object from each line of standard input, and answers with one. `Agent` starts it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.exporter_imports import ImportedBytes

MIB = 1024 * 1024
ROOT = Path(__file__).parents[2]


class Agent:
    """The process, for whoever measures. A context manager: leaving it kills the process.

    Args:
        setup: A name of `exporter_setups.SETUPS`.
        endpoint: Where telemetry goes.
        options: Of the interpreter, such as ``-X tracemalloc``.
        settings: As for `promethios.exporter.configure`.
    """

    def __init__(self, setup: str, endpoint: str, *, options: tuple[str, ...] = (), **settings: Any) -> None:
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PROMETHIOS_"))
        }
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, *options, "-m", "tests.benchmarks.exporter_agent", setup, endpoint,
             json.dumps(settings, default=str)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env=clean, cwd=ROOT,
        )  # fmt: skip

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def do(self, what: str, **arguments: Any) -> Any:
        """Let it do a task of `Tasks`.

        Raises:
            RuntimeError: It ended instead; the message is what it said.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"the agent ended while it did {what}:\n{self._errors.read()[-4000:]}")
        return json.loads(answer)


@dataclass(frozen=True)
class Tasks:
    """What an agent can be told to do. Costs are microseconds of one, ``cpu`` of the calling thread only."""

    setup: Any
    imports: ImportedBytes | None = None

    def spans(self, number: int) -> dict[str, float]:
        """Start and end spans with 15 attributes each."""
        from tests.benchmarks.exporter_setups import attributes

        start = self.setup.tracer.start_span
        return self._each(number, lambda order: start("order", attributes=attributes(order)).end())

    def ends(self, number: int) -> dict[str, float]:
        """Hand ended spans to the exporting processor."""
        from opentelemetry.sdk.trace import TracerProvider
        from tests.benchmarks.exporter_setups import attributes

        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")
        ended = [tracer.start_span("order", attributes=attributes(order)) for order in range(number)]
        for span in ended:
            span.end()
        on_end = self.setup.processor.on_end
        return self._each(number, lambda order: on_end(ended[order]))

    def blocks(self, number: int) -> dict[str, float]:
        """Call the forbidden tool: each call is a decision that blocks."""
        from promethios.governance import PolicyViolation

        def attempt(order: int) -> None:
            try:
                self.setup.forbidden(str(order))
            except PolicyViolation:
                return
            raise AssertionError("the forbidden tool was called")

        return self._each(number, attempt)

    def calls(self, number: int, rate: float) -> dict[str, list[float]]:
        """Instrumented calls at their due times: how long each took, in microseconds."""
        wall, cpu = [], []
        due = time.perf_counter()
        for order in range(number):
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            began, used = time.perf_counter(), time.thread_time()
            self.setup.call(order)
            cpu.append((time.thread_time() - used) * 1e6)
            wall.append((time.perf_counter() - began) * 1e6)
        return {"wall": wall, "cpu": cpu}

    def idle(self, seconds: float) -> float:
        """Percent of a core that the whole process uses while nothing is recorded."""
        used = time.process_time()
        time.sleep(seconds)
        return 100 * (time.process_time() - used) / seconds

    def operations(self, number: int) -> dict[str, float]:
        """Instrumented calls, flushed; then the memory."""
        for order in range(number):
            self.setup.call(order)
        self.setup.flush()
        return self.memory()

    def outage(self, seconds: float, rate: float, samples: int) -> list[dict[str, float]]:
        """Instrumented calls at a rate, with values that do not compress; memory so many times on the way."""
        found = [self.memory()]
        began, order = time.perf_counter(), 0
        for sample in range(1, samples + 1):
            while time.perf_counter() - began < seconds * sample / samples:
                time.sleep(max(0.0, began + order / rate - time.perf_counter()))
                with self.setup.tracer.start_as_current_span("order") as span:
                    span.set_attribute("app.answer", os.urandom(250).hex())
                order += 1
            found.append({**self.memory(), "spans": order})
        return found

    def memory(self) -> dict[str, float]:
        """Resident, proportional and unshared memory, in MiB, after a collection."""
        gc.collect()
        sizes: dict[str, int] = {}
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
            name, size, *_ = line.split()
            sizes[name] = int(size) * 1024
        unshared = sizes["Private_Clean:"] + sizes["Private_Dirty:"]
        return {"rss": sizes["Rss:"] / MIB, "pss": sizes["Pss:"] / MIB, "uss": unshared / MIB}

    def imported(self) -> dict[str, float]:
        """KiB that each module's import took, and what came later; for ``-X tracemalloc``."""
        assert self.imports is not None
        gc.collect()
        sizes = {name: size / 1024 for name, size in self.imports.by_module.items()}
        return {**sizes, "(later)": self.imports.later / 1024}

    def flush(self) -> None:
        """Wait until everything has left."""
        self.setup.flush()

    @staticmethod
    def _each(number: int, do: Callable[[int], object]) -> dict[str, float]:
        wall, cpu = time.perf_counter(), time.thread_time()
        for order in range(number):
            do(order)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        return {"cpu": cpu / number * 1e6, "wall": wall / number * 1e6}


def main(setup: str, endpoint: str, settings: str) -> None:
    """Do as told until standard input ends."""
    imports = ImportedBytes() if tracemalloc.is_tracing() else None
    if imports:
        imports.install()
    from tests.benchmarks.exporter_setups import SETUPS

    tasks = Tasks(SETUPS[setup](endpoint, **json.loads(settings)), imports)
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(getattr(tasks, told.pop("do"))(**told)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
