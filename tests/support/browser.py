"""A real browser for tests: Chromium without a window, in a thread of its own.

Playwright's synchronous interface keeps an event loop running in its thread; in the main thread every other
test of the process that calls ``asyncio.run`` would then fail. So a test of the console runs in the browser's
thread as a whole (``tests/browser/conftest.py``), where it uses Playwright as its documentation shows.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request

T = TypeVar("T")

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PATIENCE_MS = 15_000
# What a page hides from its console is told there: a violation that only a report would show.
_TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""


def why_not() -> str | None:
    """Why there can be no browser here, or None."""
    if find_spec("playwright") is None:
        return "playwright is not installed"
    if _executable() is None:
        return f"no Chromium on the PATH ({', '.join(_NAMES)})"
    return None


def _executable() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


class BrowserThread:
    """One Chromium and the thread that everything about it runs in. `stop` ends both."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser")
        try:
            self._playwright, self._browser = self.run(self._launch)
        except BaseException:
            self._thread.shutdown()
            raise

    def run(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Call a function in the browser's thread: its value, or what it raised."""
        return self._thread.submit(function, *args, **named).result()

    def context(self, **options: Any) -> BrowserContext:
        """A new context, as private windows are: no cookies, no cache. To be called in the thread.

        Args:
            options: As for Playwright's ``new_context``; the time zone and language are fixed.
        """
        given = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "UTC", "locale": "en-GB"}
        context = self._browser.new_context(**(given | options))
        context.set_default_timeout(_PATIENCE_MS)
        context.add_init_script(_TELL_VIOLATIONS)
        return context

    def stop(self) -> None:
        """End Chromium, Playwright's driver and the thread."""
        self.run(self._end)
        self._thread.shutdown()

    def _launch(self) -> tuple[Any, Any]:
        from playwright.sync_api import sync_playwright

        playwright = sync_playwright().start()
        try:
            return playwright, playwright.chromium.launch(executable_path=_executable(), args=_ARGUMENTS)
        except BaseException:
            playwright.stop()
            raise

    def _end(self) -> None:
        self._browser.close()
        self._playwright.stop()


class Troubles:
    """Whatever goes wrong in the pages of a context; `check` fails the test on any that is not expected.

    Errors and warnings of the console, exceptions, failed requests, violations of the security policy.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.seen: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        context.on("console", self._told)
        context.on("weberror", lambda error: self.seen.append(f"exception: {error.error}"))
        context.on("requestfailed", self._failed)

    def expect(self, pattern: str) -> None:
        """Expect troubles that a pattern finds; that there is one is for the test to see."""
        self._expected.append(re.compile(pattern))

    def check(self) -> None:
        """Fail with all that was not expected."""
        found = [
            trouble for trouble in self.seen if not any(known.search(trouble) for known in self._expected)
        ]
        assert not found, "\n".join(found)

    def settle(self) -> None:
        """Check, and begin anew for the next test of the same page."""
        try:
            self.check()
        finally:
            self.seen.clear()
            self._expected.clear()

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.seen.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _failed(self, request: Request) -> None:
        # A page that ends a request of its own, or is left, is no trouble.
        if request.failure != "net::ERR_ABORTED":
            self.seen.append(f"request: {request.failure} {request.url}")


def sign_in(page: Page, receiver: RunningReceiver, view: str = "", key: str | None = None) -> None:
    """Open a receiver's console and log in.

    Args:
        page: The page.
        receiver: Where the console is.
        view: What follows the address, such as ``#/d/promethios-agent?var-agent=x``.
        key: A key that may read; the receiver's admin key unless given.
    """
    page.goto(f"{receiver.http}/{view}")
    page.get_by_label("Read key").fill(receiver.admin_key if key is None else key)
    page.get_by_role("button", name="Open the console").click()
    page.locator("#console").wait_for()


#: Whether what is in view is drawn: no panel of it asks, and each shows something, or says why not.
_SETTLED = """() => {
    const seen = [...document.querySelectorAll("#board .panel")].filter((panel) => {
        const {top, bottom} = panel.getBoundingClientRect();
        return panel.offsetParent && bottom > 0 && top < innerHeight;
    });
    const drawn = (panel) =>
        !panel.hasAttribute("aria-busy") &&
        (!panel.querySelector(".note").hidden || panel.querySelector(".host").childElementCount > 0);
    return seen.length > 0 && seen.every(drawn);
}"""


def settled(page: Page) -> None:
    """Wait until every panel in view shows what it was asked for, or says why it does not."""
    page.wait_for_function(_SETTLED)


def screenshot(of: Page | Locator, name: str, **options: Any) -> Path:
    """Keep a picture as ``build/screenshots/NAME.png``."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    of.screenshot(path=path, animations="disabled", **options)
    return path
