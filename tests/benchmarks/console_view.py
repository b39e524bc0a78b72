"""How long the console takes to show its first view over a million spans, while more arrive.

Run it by hand: ``python -m tests.benchmarks.console_view FOLDER --json FILE``. The database is that of
`tests.benchmarks.reads`, made in FOLDER and kept there while it is new enough. A real Chromium, headless,
opens the Overview of a real receiver in a window of 1,600 by 1,000. The time is from the start of the
navigation until every panel in view is drawn: *first* in a window that was just logged in and has nothing of
the dashboards; *again* after a reload. *Bare* is the reference: the time until the browser has the page and
all its scripts and styles, which is no panel yet.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from tests.benchmarks import reads
from tests.benchmarks.reads_seed import seeded
from tests.benchmarks.results import Result, table, write_json
from tests.support.browser import BrowserThread, sign_in
from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

_VIEW: Final = "#/d/promethios-overview?from=now-6h&to=now"
_WINDOW: Final = {"width": 1600, "height": 1000}
_MOST_MS: Final = 1_000.0
#: How often it is looked whether all is drawn: to look costs a layout of the page.
_LOOK_MS: Final = 50
#: Whether every panel in view was drawn once, or says why not. Spans keep coming, so some always ask anew.
_DRAWN: Final = """() => {
    window.seen ??= new Map();
    // Which of them are in view is looked at once: it does not change, and costs a layout.
    const panels = [...document.querySelectorAll("#board .panel")].filter((panel) => {
        if (!seen.has(panel)) {
            const {top, bottom} = panel.getBoundingClientRect();
            seen.set(panel, panel.offsetParent && bottom > 0 && top < innerHeight);
        }
        return seen.get(panel);
    });
    const drawn = (panel) =>
        !panel.querySelector(".note").hidden || panel.querySelector(".host").firstElementChild;
    return panels.length > 0 && panels.every(drawn);
}"""
_LOADED: Final = """() => Math.max(...performance.getEntriesByType("resource")
    .filter(({initiatorType, name}) => ["script", "link", "css", "other"].includes(initiatorType)
        && name.includes("/console/"))
    .map(({responseEnd}) => responseEnd))"""

Times = dict[str, list[float]]


def _view(browser: BrowserThread, receiver: RunningReceiver, key: str) -> dict[str, float]:
    """One person's first view and its reload, milliseconds since each navigation began."""
    context = browser.context(viewport=_WINDOW)
    page = context.new_page()
    sign_in(page, receiver, "#/d/none", key)
    # As who opens a link when logged in; nothing of the dashboards was asked for yet.
    page.goto("about:blank")
    times = {"first": _timed(page, f"{receiver.http}/{_VIEW}"), "bare": float(page.evaluate(_LOADED))}
    times["again"] = _timed(page, None)
    context.close()
    return times


def _timed(page: Page, address: str | None) -> float:
    page.reload() if address is None else page.goto(address)
    page.wait_for_function(_DRAWN, polling=_LOOK_MS)
    return float(page.evaluate("performance.now()"))


def measure(path: Path, rounds: int, rate: int) -> Times:
    """The times of all rounds, by what was timed."""
    found: Times = {"first": [], "again": [], "bare": []}
    with RunningReceiver(path, grpc="off") as receiver:
        key, write_key = reads.kept_keys(path, receiver)
        reads.wait_for_rollups(path)
        browser = BrowserThread()
        try:
            with reads.sending(receiver, write_key, rate):
                for _ in range(rounds):
                    for name, spent in browser.run(_view, browser, receiver, key).items():
                        found[name].append(spent)
                    time.sleep(0.2)
        finally:
            browser.stop()
    return found


def results(times: Times) -> list[Result]:
    """Medians and 95th percentiles, milliseconds."""
    words = {"first": "first view", "again": "view after a reload", "bare": "page, scripts and styles alone"}
    found = []
    for name, spent in times.items():
        cuts = quantiles(spent, n=20, method="inclusive")
        most = None if name == "bare" else _MOST_MS
        found += [
            Result(f"console.{name}.p50", f"{words[name]}, p50", round(cuts[9]), "ms", most=most),
            Result(f"console.{name}.p95", f"{words[name]}, p95", round(cuts[18]), "ms", most=most),
        ]
    return found


def main() -> None:
    """Measure, print a table, and write all of it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=1_000, help="spans a second that arrive meanwhile")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    path, _ = seeded(given.folder, given.spans, given.agents, 6)
    if not path.with_suffix(".keys").exists():
        reads.make_keys(path)
    found = results(measure(path, given.rounds, given.rate))
    print(table(found))
    if given.json:
        held = {"spans": given.spans, "agents": given.agents}
        write_json(given.json, "console_view", found, **held, spans_per_second_meanwhile=given.rate)


if __name__ == "__main__":
    main()
