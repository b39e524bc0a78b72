"""Run the benchmarks and write `docs/performance.md` from what they find: ``make performance``.

Each runs as a process of its own, one after the other, with its reference in the same run. ``--only`` runs
some of them and leaves the other sections of the page as they are; ``exporter`` stands for its four.
``--from FOLDER`` renders results that are there already.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

_STORING: Final = """\
Stored is what is committed with `synchronous=FULL`, deduplicated, in all indexes. The reference is
`sqlite3.executemany` of the same rows into the same tables: no network, no decoding, no answers."""
_ANSWERING: Final = """\
Every question that the dashboards' panels ask of a million spans, while more keep coming: how long 95 % of
the answers take at most. *From rows* is the reference: the same put to the raw tables in SQL."""
_CONSOLE: Final = """\
From the start of the navigation until every panel in view of the Overview is drawn, in a real Chromium, over
a million spans. The first specification asked for 3 seconds. The reference is the same page, scripts and
styles without any panel."""
_CHECKS: Final = """\
The first specification asked for answers in less than 100 ms on average, and for more than 1,000 database
operations a second."""
_COST: Final = """\
What making and ending a span with 15 attributes costs the application's thread, in CPU time, beside the stock
`BatchSpanProcessor` with its OTLP/HTTP exporter. With policies a span is also searched for what they redact:
that is governance, and no exporter's work. A decision that blocks is on disk before its caller sees it where
there is a spool; much of its cost is the traceback that the SDK writes for the exception."""
_LATENCY: Final = """\
How long an instrumented call takes (a span with 15 attributes around a tool that works for some 300 µs;
guarded, with policies) while the receiver is in trouble. The stock exporter's calls are not guarded, so each
stands beside itself with the receiver up."""
_MEMORY: Final = """\
A process' memory after 1,000 instrumented calls that were delivered, beside the bare SDK's with its OTLP/HTTP
exporter; and over an outage, while spans that hardly compress keep coming. `--explain` says whose it is."""
_DRAIN: Final = """\
A full spool is sent to a real receiver, and to a sink that answers at once; beside it the same batches from
memory, with no spool."""

#: Each benchmark by the name of its module: its title, and what it does.
BENCHMARKS: Final = {
    "ingest": ("Storing", _STORING),
    "reads": ("Answering", _ANSWERING),
    "console_view": ("The console", _CONSOLE),
    "nine_checks": ("The nine checks", _CHECKS),
    "exporter_cost": ("Exporting: cost", _COST),
    "exporter_latency": ("Exporting: latency", _LATENCY),
    "exporter_memory": ("Exporting: memory", _MEMORY),
    "exporter_drain": ("Exporting: a full spool", _DRAIN),
}
EXPORTER: Final = [name for name in BENCHMARKS if name.startswith("exporter_")]

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_HEAD: Final = """\
# Performance

<!-- Made by `make performance`; run it again instead of changing the page. -->

What was measured on one machine, on one day, by scripts in `tests/benchmarks/`. Ratios travel better to other
machines than numbers do. What bounds storing, and why an aim is not reached:
[receiver/DESIGN.md](../receiver/DESIGN.md).
"""


#: What a benchmark is told beside where its results go.
_ARGUMENTS: Final = {
    "reads": ("{folder}/databases", "--hours", "6", "720"),
    "console_view": ("{folder}/databases",),
}


def run(folder: Path, names: Iterable[str]) -> None:
    """Run benchmarks; each leaves its results in `folder`.

    Raises:
        subprocess.CalledProcessError: One failed; what it said is above.
    """
    for name in names:
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--json", str(folder / f"{name}.json")]
        further = (argument.format(folder=folder) for argument in _ARGUMENTS.get(name, ()))
        subprocess.run([*command, *further], check=True)


def render(documents: dict[str, dict[str, Any]], day: date) -> str:
    """The page.

    Args:
        documents: What `results.write_json` wrote, by benchmark.
        day: When it was measured.
    """
    return "".join([_HEAD, *(_section(name, document, day) for name, document in documents.items())])


def update(page: str, documents: dict[str, dict[str, Any]], day: date) -> str:
    """The page with these sections anew, and the others as they are; arguments as for `render`."""
    _, *parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    sections = {part.partition("\n")[0].removeprefix("## "): f"\n{part.strip()}\n" for part in parts}
    for name, document in documents.items():
        sections[BENCHMARKS[name][0]] = _section(name, document, day)
    return "".join([_HEAD, *(sections[title] for title, _ in BENCHMARKS.values() if title in sections)])


def _section(name: str, document: dict[str, Any], day: date) -> str:
    title, about = BENCHMARKS[name]
    machine = ", ".join(f"{key} {value}" for key, value in document["machine"].items())
    parts = [
        f"\n## {title}\n\n{about}\n\n{day.isoformat()}; {machine}; `{_told(document)}`",
        f"{_conditions(document['conditions'])}.\n\n",
        "| | Measured | | Aim |\n|---|---|---|---|\n",
        *(_line(result) for result in document["results"]),
    ]
    return "".join(parts)


def _told(document: dict[str, Any]) -> str:
    """The command, without where its files were."""
    return re.sub(r"(?<= )\S*/\S*", "FOLDER", re.sub(r" --json \S+", "", document["command"]))


def _conditions(conditions: dict[str, Any]) -> str:
    return "".join(f"; {key.replace('_', ' ')} {value}" for key, value in conditions.items())


def _line(result: dict[str, Any]) -> str:
    unit = f" {result['unit']}" if result["unit"] else ""
    return f"| {result['name']} | {_number(result['value'])}{unit} | {_met(result)} | {_aim(result)} |\n"


def _met(result: dict[str, Any]) -> str:
    return {True: "reached", False: "**not reached**", None: ""}[result["met"]]


def _aim(result: dict[str, Any]) -> str:
    if result["least"] is not None:
        return f"at least {_number(result['least'])}"
    return "" if result["most"] is None else f"below {_number(result['most'])}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Run what is to be run, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="folder", type=Path, help="results that are there already")
    parser.add_argument("--only", nargs="+", choices=[*BENCHMARKS, "exporter"], metavar="BENCHMARK")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    only = given.only or BENCHMARKS
    names = [name for name in BENCHMARKS if name in only or ("exporter" in only and name in EXPORTER)]
    with tempfile.TemporaryDirectory() as fresh:
        folder = given.folder or Path(fresh)
        if given.folder is None:
            run(folder, names)
        documents = {name: json.loads((folder / f"{name}.json").read_bytes()) for name in names}
    day = datetime.now(UTC).date()
    page = (
        update(given.page.read_text(encoding="utf-8"), documents, day)
        if given.only
        else render(documents, day)
    )
    given.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
