"""What a benchmark found: named numbers with units and targets, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """One number.

    Args:
        key: Its steady name, such as ``traces.stored_per_second``.
        name: What it is, for people.
        value: The number.
        unit: Its unit; empty for a ratio.
        least: What it must reach, or None.
        most: What it must stay below, or None.
    """

    key: str
    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.least is not None:
            return self.value >= self.least
        return None if self.most is None else self.value < self.most

    @property
    def target(self) -> str:
        """The target in words; empty where there is none."""
        if self.least is not None:
            return f"at least {_number(self.least)}"
        return "" if self.most is None else f"below {_number(self.most)}"


def table(results: Iterable[Result]) -> str:
    """A line for each result: name, value, unit, target, and whether it is met."""
    words = {True: "met", False: "MISSED", None: ""}
    lines = [(r.name, _number(r.value), r.unit, r.target, words[r.met]) for r in results]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {aim:<{widths[3]}}  {met}".rstrip()
        for name, value, unit, aim, met in lines
    )


def machine() -> dict[str, str | int]:
    """What it ran on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def write_json(file: Path, what: str, results: Iterable[Result], **conditions: str | float) -> None:
    """Write results to a file: `what` was measured, on which machine, under which conditions."""
    document = {
        "what": what,
        "command": " ".join(["python -m", f"tests.benchmarks.{what}", *sys.argv[1:]]),
        "machine": machine(),
        "conditions": conditions,
        "results": [{**asdict(each), "met": each.met} for each in results],
    }
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
