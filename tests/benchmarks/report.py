"""Run the receiver's benchmarks and write `docs/performance.md` from what they find: ``make performance``.

Each runs as a process of its own, one after the other, with its reference in the same run. ``--from FOLDER``
renders results that are there already.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

_STORING: Final = """\
Stored is what is committed with `synchronous=FULL`, deduplicated, in all indexes. The reference is
`sqlite3.executemany` of the same rows into the same tables: no network, no decoding, no answers."""
_ANSWERING: Final = """\
Every question that the dashboards' panels ask of a million spans, while more keep coming: how long 95 % of
the answers take at most. *From rows* is the reference: the same put to the raw tables in SQL."""
_CHECKS: Final = """\
The first specification asked for answers in less than 100 ms on average, and for more than 1,000 database
operations a second."""

#: Each benchmark by the name of its module: its title, and what it does.
BENCHMARKS: Final = {
    "ingest": ("Storing", _STORING),
    "reads": ("Answering", _ANSWERING),
    "nine_checks": ("The nine checks", _CHECKS),
}

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_HEAD: Final = """\
# Performance

<!-- Made by `make performance`; run it again instead of changing the page. -->

What was measured on one machine, on one day, by scripts in `tests/benchmarks/`. Ratios travel better to other
machines than numbers do. What bounds storing, and why an aim is not reached:
[receiver/DESIGN.md](../receiver/DESIGN.md).
"""


#: What a benchmark is told beside where its results go.
_ARGUMENTS: Final = {"reads": ("{folder}/databases", "--hours", "6", "720")}


def run(folder: Path) -> None:
    """Run every benchmark; each leaves its results in `folder`.

    Raises:
        subprocess.CalledProcessError: One failed; what it said is above.
    """
    for name in BENCHMARKS:
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--json", str(folder / f"{name}.json")]
        further = (argument.format(folder=folder) for argument in _ARGUMENTS.get(name, ()))
        subprocess.run([*command, *further], check=True)


def render(documents: dict[str, dict[str, Any]], day: date) -> str:
    """The page.

    Args:
        documents: What `results.write_json` wrote, by benchmark.
        day: When it was measured.
    """
    parts = [_HEAD]
    for name, document in documents.items():
        title, about = BENCHMARKS[name]
        machine = ", ".join(f"{key} {value}" for key, value in document["machine"].items())
        parts.append(f"\n## {title}\n\n{about}\n\n{day.isoformat()}; {machine}; `{_told(document)}`")
        parts.append(f"{_conditions(document['conditions'])}.\n\n")
        parts.append("| | Measured | | Aim |\n|---|---|---|---|\n")
        parts += [_line(result) for result in document["results"]]
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
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        folder = given.folder or Path(fresh)
        if given.folder is None:
            run(folder)
        documents = {name: json.loads((folder / f"{name}.json").read_bytes()) for name in BENCHMARKS}
    given.page.write_text(render(documents, datetime.now(UTC).date()), encoding="utf-8")


if __name__ == "__main__":
    main()
