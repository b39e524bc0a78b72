"""Every dashboard in the console: whole, readable by everybody, on every screen, in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.accessibility import bring, findings
from tests.support.boards import BOARDS
from tests.support.browser import screenshot, settled, sign_in
from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

_UIDS = sorted(board["uid"] for board in BOARDS.values())
_BY_UID = {board["uid"]: board for board in BOARDS.values()}


def _open(page: Page, world: RunningReceiver, uid: str) -> None:
    trace = world.data("violations", severity="critical", limit=1)[0]["trace_id"]
    sign_in(page, world, f"#/d/{uid}?from=now-2h&to=now&var-trace_id={trace}")
    settled(page)


def _walk(page: Page) -> None:
    """Bring every panel into view once, as who scrolls through the page."""
    for panel in page.locator("#board .panel").all():
        panel.scroll_into_view_if_needed()
        settled(page)


@pytest.mark.parametrize("uid", _UIDS)
def test_every_panel_of_a_dashboard_is_drawn(page: Page, world: RunningReceiver, uid: str) -> None:
    _open(page, world, uid)
    _walk(page)
    shown = [each for each in _BY_UID[uid]["panels"] if each["type"] != "row"]
    assert page.locator("#board .panel").count() == len(shown)
    assert page.locator("#board .panel .note.error:visible").all_inner_texts() == []


@pytest.mark.parametrize("uid", _UIDS)
@pytest.mark.parametrize(
    "context_options",
    [{"color_scheme": theme, "bypass_csp": True} for theme in ("dark", "light")],
    ids=["dark", "light"],
)
def test_axe_finds_nothing_serious(page: Page, world: RunningReceiver, uid: str) -> None:
    bring(page.context)
    _open(page, world, uid)
    theme = page.evaluate("document.documentElement.dataset.theme")
    screenshot(page, f"{uid}-{theme}")
    assert findings(page) == []


def test_axe_finds_nothing_serious_in_the_login(page: Page, world: RunningReceiver) -> None:
    bring(page.context)
    page.goto(world.http)
    page.get_by_label("Read key").wait_for()
    screenshot(page, "login")
    assert findings(page) == []


@pytest.mark.parametrize("uid", _UIDS)
@pytest.mark.parametrize(
    "context_options",
    [
        {"viewport": {"width": 360, "height": 740}, "has_touch": True},
        {"viewport": {"width": 2560, "height": 1440}},
    ],
    ids=["phone", "wall"],
)
def test_nothing_sticks_out_of_the_screen(page: Page, world: RunningReceiver, uid: str) -> None:
    _open(page, world, uid)
    width = page.viewport_size["width"]
    screenshot(page, f"{uid}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.locator("#board .panel").evaluate_all(
        "(panels) => panels.map((panel) => panel.getBoundingClientRect()).filter(({left, right}) =>"
        " left < 0 || right > innerWidth).length"
    )
    assert wide == 0
