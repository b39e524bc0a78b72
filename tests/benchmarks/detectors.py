"""How well the detectors find, what they find that is none, and what looking costs; written as a page.

Run it as a script, with python-stdnum and phonenumbers installed, and npm:
``python tests/benchmarks/detectors.py --write docs/detectors.md``. All but
the times is the same in every run.
"""

from __future__ import annotations

import argparse
import ast
import asyncio.base_events
import dataclasses
import enum
import http.client
import json.decoder
import pickle
import random
import ssl
import statistics
import sys
import time
import typing
import unittest.mock
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks import published  # noqa: E402
from tests.benchmarks.positives import Positive, positives  # noqa: E402
from tests.support.detected import EXAMPLES  # noqa: E402
from tests.support.negatives import code, generated  # noqa: E402

from promethios.governance.detectors import DETECTORS, Scanner  # noqa: E402
from promethios.governance.detectors.patterns import ENGINE  # noqa: E402

EACH_POSITIVE, EACH_NEGATIVE, LINES = 30, 1000, 5
#: Sources without addresses of people, from the library that runs this.
MODULES: tuple[ModuleType, ...] = (
    *(typing, statistics, http.client, ssl, dataclasses, enum, asyncio.base_events),
    *(unittest.mock, zipfile, json.decoder, pickle, ast),
)
SCANNER = Scanner(DETECTORS.values())


def recall(texts: Iterable[Positive]) -> dict[str, tuple[int, int]]:
    """For each detector how many of its values were found whole, of how many."""
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for detector, text, value in texts:
        start = text.index(value)
        end = start + len(value)
        asked[detector] += 1
        hits = (hit for hit in SCANNER.scan(text) if hit.detector == detector)
        found[detector] += any(hit.start <= start and hit.end >= end for hit in hits)
    return {detector: (found[detector], asked[detector]) for detector in asked}


def false_hits(texts: Iterable[tuple[str, str]]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """How many texts of each kind there are, and how many of them each detector hits."""
    asked: Counter[str] = Counter()
    hit: Counter[tuple[str, str]] = Counter()
    for kind, text in texts:
        asked[kind] += 1
        hit.update((kind, detector) for detector in {each.detector for each in SCANNER.scan(text)})
    return asked, hit


def flagged(texts: Iterable[str]) -> tuple[int, Counter[str]]:
    """How many texts a heuristic for injections hits, and how many each of them."""
    by: Counter[str] = Counter()
    total = 0
    for text in texts:
        names = {hit.detector for hit in SCANNER.scan(text) if hit.detector.startswith("injection.")}
        by.update(names)
        total += bool(names)
    return total, by


def best(scanner: Scanner, text: str, rounds: int = 1000, runs: int = 9) -> float:
    """CPU time of one scan, in microseconds; the best of several runs."""
    times = []
    for _ in range(runs):
        started = time.thread_time_ns()
        for _ in range(rounds):
            scanner.scan(text)
        times.append((time.thread_time_ns() - started) / rounds / 1000)
    return min(times)


def first(scanner: Scanner, texts: list[str]) -> float:
    """The median CPU time of the first scan of a text, in microseconds, after a quarter of them."""
    times = []
    for text in texts:
        started = time.thread_time_ns()
        scanner.scan(text)
        times.append((time.thread_time_ns() - started) / 1000)
    return statistics.median(times[len(times) // 4 :])


def page(folder: Path) -> str:
    """The whole page, as Markdown."""
    negatives = [*generated(EACH_NEGATIVE), *code(MODULES, LINES), *published.prose(folder)]
    parts = (INTRO, _recall(), _false(negatives), _injection(folder, negatives), _speed())
    return "\n".join(parts)


INTRO = """\
# Quality of the detectors

Written by `python tests/benchmarks/detectors.py --write docs/detectors.md`; not by hand. What each detector
finds and refuses is in [its README](../governance/promethios/governance/detectors/README.md).
"""
RECALL = """\
## What is found

{found} of {asked} values, each in a text around it (a sentence, JSON, a list, lines, brackets). The numbers
are made with python-stdnum's check digits and phonenumbers' example numbers of all countries, the credentials
from the lengths and alphabets that providers document.

| detector | found | of |  |
|---|---:|---:|---|"""
FALSE = """\
## What is found and is none

{hits} hits in {asked:,} texts that hold nothing: {share:.3f} %. Prose is the Universal Declaration of Human
Rights, sentence by sentence; code is Python's own library; the rest is generated. Sixteen digits without a
word about them are a card number by chance once in some forty times: nobody can tell.

| texts | number | hits |
|---|---:|---|"""
INJECTION = """\
## Prompt injection

The heuristics know blunt phrases in English and nothing else. On published corpora they find this much, and
miss the rest: **flag by them, do not rely on them.**

| corpus | what | found | of | recall | by |
|---|---|---:|---:|---:|---|"""
SPEED = """\
## What it costs

CPU time of one scan, in microseconds, the best of several runs ({engine}, Python {python}). A text of ids
that was never seen costs more than one that was: RE2 builds its automaton while it reads.

| text | {names} |
|---|{columns}|"""


def _recall() -> str:
    counted = recall(positives(EACH_POSITIVE))
    samples = recall(Positive(each.detector, each.text, each.found) for each in EXAMPLES)
    found, asked = (sum(column) for column in zip(*counted.values(), strict=True))
    lines = [RECALL.format(found=found, asked=asked)]
    for name in DETECTORS:
        if not name.startswith("injection."):
            found, asked = counted.get(name) or samples[name]
            lines.append(f"| `{name}` | {found} | {asked} | {'' if name in counted else 'samples only'} |")
    return "\n".join(lines) + "\n"


def _false(negatives: list[tuple[str, str]]) -> str:
    asked, hit = false_hits(negatives)
    hits, total = sum(hit.values()), sum(asked.values())
    lines = [FALSE.format(hits=hits, asked=total, share=100 * hits / total)]
    for kind, number in asked.items():
        by = ", ".join(f"`{name}` {count}" for (of, name), count in sorted(hit.items()) if of == kind)
        lines.append(f"| {kind} | {number:,} | {by or '0'} |")
    return "\n".join(lines) + "\n"


def _injection(folder: Path, negatives: list[tuple[str, str]]) -> str:
    lines = [INJECTION]
    for name, what, texts in published.attacks(folder):
        total, by = flagged(texts)
        names = ", ".join(f"`{each.partition('.')[2]}` {count}" for each, count in by.most_common())
        share = 100 * total / len(texts)
        lines.append(f"| {name} | {what} | {total} | {len(texts)} | {share:.0f} % | {names} |")
    harmless = published.benign(folder)
    wrong, _ = flagged(harmless.texts)
    prose, _ = flagged(text for _, text in negatives)
    lines.append(
        f"\nFalse hits: {wrong} of {len(harmless.texts)} in {harmless.name} ({harmless.what}),"
        f" {prose} of {len(negatives):,} in the texts above."
    )
    return "\n".join(lines) + "\n"


def _speed() -> str:
    few = [DETECTORS[name] for name in (*list(DETECTORS)[-19:], "pii.card", "pii.email", "pii.iban")]
    scanners = {"22 detectors": Scanner(few), f"all {len(DETECTORS)}": SCANNER}
    fresh = _mixed(400)
    texts = {
        "30 characters": ["gpt-4o-mini-2024-07-18 answered"],
        "2 KB of source code": ["\n".join(text for _, text in code((typing,), 60))[:2048]],
        "2 KB of ids, hashes and logs, seen before": fresh[:1],
        "2 KB of ids, hashes and logs, never seen (median)": fresh,
    }
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    head = SPEED.format(
        engine=ENGINE, python=python, names=" | ".join(scanners), columns="|".join("---:" for _ in scanners)
    )
    lines = [head]
    for name, several in texts.items():
        costs = [
            best(scanner, several[0]) if len(several) == 1 else first(scanner, several)
            for scanner in scanners.values()
        ]
        lines.append(f"| {name} | " + " | ".join(f"{cost:.1f}" for cost in costs) + " |")
    return "\n".join(lines) + "\n"


def _mixed(number: int) -> list[str]:
    """Different texts of 2 KB, each of many kinds of lines, and none of them with a hit."""
    lines = [text for _, text in generated(number) if not SCANNER.scan(text)]
    random.Random(1).shuffle(lines)
    joined = "\n".join(lines)
    return [
        joined[place : place + 2048] for place in range(0, 2048 * number, 2048) if len(joined) > place + 2048
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="where the page goes; printed without it")
    parser.add_argument(
        "--corpora", type=Path, default=ROOT / "build" / "corpora", help="where downloads are kept"
    )
    options = parser.parse_args()
    published.fetch(options.corpora)
    written = page(options.corpora)
    if options.write:
        options.write.write_text(written, encoding="utf-8")
    else:
        print(written)


if __name__ == "__main__":
    main()
