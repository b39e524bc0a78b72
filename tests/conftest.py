"""Rules for the whole suite, and the page that its tests make."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.coverage_page import proof, render

_PROVES = "proves"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write the page of what is governed where."""
    parser.addoption("--coverage-page", type=Path, help="write what the tests that passed have proven")


def pytest_configure(config: pytest.Config) -> None:
    """Gather the proofs where they all arrive: not in a worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Proofs(config.getoption("--coverage-page")))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Send what a test proves along with its report."""
    item.user_properties += [(_PROVES, tuple(proof(*mark.args))) for mark in item.iter_markers(_PROVES)]


class _Proofs:
    def __init__(self, page: Path | None) -> None:
        self._page = page
        self._proven: list[tuple[str, ...]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._proven += [tuple(said) for name, said in report.user_properties if name == _PROVES]

    def pytest_sessionfinish(self) -> None:
        if self._page is not None:
            self._page.write_text(render(proof(*said) for said in self._proven), encoding="utf-8")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed, a test that was skipped proved nothing: in CI that is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("CI") == "true":
        reporter.write_line(f"{len(skipped)} tests were skipped; in CI nothing may be missing", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
