"""What axe-core finds in a page: rules of WCAG 2.2 A and AA, and its best practices.

https://github.com/dequelabs/axe-core. It comes from npm (`axe/`), as its lock file pins it, and is for tests
only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.npm import NotInstalled, node_modules

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

_PACKAGE = Path(__file__).parent / "axe"
#: How bad a finding must be to fail a test; axe's others are "moderate" and "minor".
SERIOUS = frozenset({"serious", "critical"})


@cache
def _source() -> Path:
    return node_modules(_PACKAGE) / "axe-core" / "axe.min.js"


def bring(context: BrowserContext) -> None:
    """Have every page of a context bring axe along: past its security policy, as a debugger would.

    Skips the test where it cannot be installed.
    """
    try:
        context.add_init_script(path=_source())
    except NotInstalled as missing:
        pytest.skip(str(missing))


def findings(page: Page) -> list[str]:
    """What axe finds that is serious: the rule, how to mend it, and where."""
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"
    )
    return [
        f"{each['impact']} {each['id']}: {each['help']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
