"""The console in a real browser: one for each process, a fresh context for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.support import fleet
from tests.support.browser import BrowserThread, Troubles, why_not
from tests.support.receiver import RunningReceiver
from tests.support.stage import Stage, serving

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

_running: list[BrowserThread] = []
_staged: list[tuple[Stage, Troubles]] = []


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that has a browser in the browser's thread."""
    if "browser" not in pyfuncitem.fixturenames:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    _running[0].run(pyfuncitem.obj, **arguments)
    return True


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the browser with the last test of this folder: others count threads, or fork."""
    if _running and (nextitem is None or item.path.parent not in nextitem.path.parents):
        _staged.clear()
        _running.pop().stop()


@pytest.fixture
def browser() -> BrowserThread:
    """The process's browser."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    if not _running:
        _running.append(BrowserThread())
    return _running[0]


@pytest.fixture
def context_options() -> dict[str, object]:
    """Options of the test's context, such as ``color_scheme``; a test may parametrize them."""
    return {}


@pytest.fixture
def context(browser: BrowserThread, context_options: dict[str, object]) -> Iterator[BrowserContext]:
    """A context of the test's own."""
    made = browser.run(browser.context, **context_options)
    yield made
    browser.run(made.close)


@pytest.fixture
def troubles(browser: BrowserThread, context: BrowserContext) -> Iterator[Troubles]:
    """What goes wrong in the test's pages: any of it that is not expected fails the test."""
    watched = browser.run(Troubles, context)
    yield watched
    watched.check()


@pytest.fixture
def page(browser: BrowserThread, context: BrowserContext, troubles: Troubles) -> Page:
    """A page that fails the test when anything goes wrong in it."""
    return browser.run(context.new_page)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that nothing has reported to: it serves the console's files."""
    with RunningReceiver(tmp_path_factory.mktemp("browser") / "empty.db") as running:
        yield running


@pytest.fixture(scope="session")
def stage_address() -> Iterator[str]:
    """Where the page for single panels is."""
    with serving() as address:
        yield address


@pytest.fixture
def stage(browser: BrowserThread, stage_address: str) -> Iterator[Stage]:
    """A page to show one panel on: loaded once, cleared for each test, whose troubles fail it."""
    if not _staged:
        _staged.append(browser.run(_staging, browser, stage_address))
    staged, watched = _staged[0]
    yield staged
    browser.run(staged.clear)
    browser.run(watched.settle)


def _staging(browser: BrowserThread, address: str) -> tuple[Stage, Troubles]:
    context = browser.context()
    watched = Troubles(context)
    return Stage(context.new_page(), address), watched


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that seven agents have told of their last hour."""
    with RunningReceiver(tmp_path_factory.mktemp("browser") / "world.db", grpc="off") as running:
        fleet.tell(running, hours=1)
        yield running
