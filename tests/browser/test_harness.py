"""The harness: a test must fail on what goes wrong in the page."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from tests.support.browser import Troubles, screenshot, sign_in
from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_console_opens_with_a_key(page: Page, empty: RunningReceiver) -> None:
    sign_in(page, empty)
    assert page.locator("#login").is_hidden()
    assert screenshot(page, "signed-in").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("console.error('no good')", "error: no good"),
        ("console.warn('not good')", "warning: not good"),
        ("setTimeout(() => { throw new Error('thrown') })", "exception: thrown"),
        ("fetch('http://127.0.0.1:9/').catch(() => {})", "CSP violation: connect-src"),
        ("document.body.innerHTML = '<b>markup</b>'", "TrustedHTML"),
        ("fetch('/api/v1/stats').catch(() => {})", "status of 401"),
    ],
    ids=["error", "warning", "exception", "elsewhere", "markup", "refused"],
)
def test_trouble_in_the_page_fails_the_test(
    page: Page, troubles: Troubles, empty: RunningReceiver, script: str, trouble: str
) -> None:
    page.goto(empty.http)
    page.evaluate(f"() => {{ try {{ {script} }} catch (error) {{ console.error(`${{error}}`) }} }}")
    for _ in range(500):
        if any(trouble in seen for seen in troubles.seen):
            break
        page.wait_for_timeout(20)
    with pytest.raises(AssertionError, match=re.escape(trouble)):
        troubles.check()
    troubles.expect(".")


def test_tests_beside_a_browser_can_run_loops_of_their_own(request: pytest.FixtureRequest) -> None:
    """What Playwright would otherwise take from every other test of the process."""
    request.getfixturevalue("page")

    async def answer() -> int:
        return 42

    assert asyncio.run(answer()) == 42
