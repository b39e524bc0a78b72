"""Take the pictures of the documentation: ``python -m docs.pictures``.

A real receiver, seven agents' afternoon (`tests/support/fleet.py`), and the console in a real browser, which
draws the same dashboards as Grafana does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support import fleet
from tests.support.browser import BrowserThread, settled, sign_in
from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

_FOLDER: Final = Path(__file__).parent / "pictures"
_AGENT: Final = "kyc-screener"
_RANGE: Final = "from=now-6h&to=now"

#: From a picture's name to the view, its width, its colour scheme, and its height; 0 for the whole page.
_PICTURES: Final = {
    "overview": (f"#/d/promethios-overview?{_RANGE}", 1600, "dark", 0),
    "overview-light": (f"#/d/promethios-overview?{_RANGE}", 1600, "light", 1000),
    "overview-phone": (f"#/d/promethios-overview?{_RANGE}", 390, "dark", 844),
    "agent": (f"#/d/promethios-agent?var-agent={_AGENT}&{_RANGE}", 1600, "dark", 0),
    "policies": (f"#/d/promethios-policies?{_RANGE}", 1600, "dark", 0),
    "compliance": (f"#/d/promethios-compliance?{_RANGE}", 1600, "dark", 0),
}


def main() -> None:
    """Write every picture into ``docs/pictures``."""
    _FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningReceiver(Path(folder) / "promethios.db", grpc="off") as receiver,
    ):
        fleet.tell(receiver)
        browser = BrowserThread()
        try:
            browser.run(_take_all, browser, receiver)
        finally:
            browser.stop()


def _take_all(browser: BrowserThread, receiver: RunningReceiver) -> None:
    blocked = receiver.data("violations", severity="critical", agent=_AGENT, limit=1)[0]["trace_id"]
    views = {**_PICTURES, "trace": (f"#/d/promethios-trace?var-trace_id={blocked}", 1600, "dark", 0)}
    for name, (view, width, scheme, height) in views.items():
        viewport = {"width": width, "height": height or 1000}
        context = browser.context(viewport=viewport, color_scheme=scheme)
        context.set_default_timeout(60_000)
        page = context.new_page()
        fleet.beat(receiver)
        sign_in(page, receiver, view)
        _settle(page, whole=not height)
        page.screenshot(path=_FOLDER / f"{name}.png", full_page=not height, animations="disabled")
        print(f"took {name}.png")
        context.close()


def _settle(page: Page, *, whole: bool) -> None:
    """Wait until everything is drawn. Panels ask when they come into view: for a whole page, at once."""
    settled(page)
    if whole:
        page.set_viewport_size({"width": page.viewport_size["width"], "height": _height(page)})
        settled(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)


def _height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


if __name__ == "__main__":
    main()
