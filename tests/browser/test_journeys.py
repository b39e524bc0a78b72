"""What people do in the console, from the login to the trace of a violation and back."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.browser import Troubles, settled, sign_in
from tests.support.characters import FLEET, POLICIES
from tests.support.otlp import decision_span, trace_request
from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_NAMES = {character.name for character in FLEET}
_OVERVIEW = "#/d/promethios-overview?from=now-2h&to=now"


def _panel(page: Page, title: str) -> Locator:
    """A panel by its title, in view, where it asks for its data."""
    found = page.locator(".panel").filter(has=page.get_by_role("heading", name=title, exact=True))
    found.scroll_into_view_if_needed()
    return found


def _violation(agent: str, reason: str) -> bytes:
    match = {"gen_ai.guardrail.result.reason": reason, "promethios.policy.severity": "critical"}
    return trace_request(
        decision_span("block", (match,)), resource={"service.name": agent}
    ).SerializeToString()


def test_the_overview_shows_every_agent(page: Page, world: RunningReceiver) -> None:
    sign_in(page, world, _OVERVIEW)
    agents = _panel(page, "Agents")
    agents.get_by_text("research-crew").first.wait_for()
    assert all(agents.get_by_text(name, exact=True).count() for name in _NAMES)


@pytest.mark.parametrize("key", ["pmk_live_nobody", "not a key"])
def test_a_wrong_key_opens_nothing_and_says_so(
    page: Page, troubles: Troubles, world: RunningReceiver, key: str
) -> None:
    troubles.expect("status of 401")
    page.goto(world.http)
    page.get_by_label("Read key").fill(key)
    page.get_by_role("button", name="Open the console").click()
    page.locator("#login-error:not(:empty)").wait_for()
    assert page.locator("#console").is_hidden()


def test_a_reload_keeps_the_session_and_logging_out_ends_it(page: Page, world: RunningReceiver) -> None:
    sign_in(page, world, _OVERVIEW)
    page.reload()
    page.locator("#console").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Read key").wait_for()
    page.reload()
    page.get_by_label("Read key").wait_for()
    assert page.locator("#console").is_hidden()


def test_the_key_is_in_no_place_that_a_script_or_an_address_has(page: Page, world: RunningReceiver) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    sign_in(page, world, _OVERVIEW)
    settled(page)
    kept = page.evaluate(
        "[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage), location.href,"
        " document.documentElement.outerHTML, document.getElementById('key').value].join()"
    )
    assert "pmk_" not in kept + "".join(addresses)
    assert addresses


def test_choosing_an_agent_narrows_every_panel_and_the_address(page: Page, world: RunningReceiver) -> None:
    sign_in(page, world, _OVERVIEW)
    page.get_by_role("button", name=re.compile("Agent")).first.click()
    page.get_by_role("checkbox", name="kyc-screener").check()
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile("var-agent=kyc-screener"))
    violations = _panel(page, "Recent violations")
    violations.get_by_text("kyc-screener").first.wait_for()
    page.wait_for_function("() => !document.querySelector('#board .panel[aria-busy]')")
    assert violations.get_by_text("support-triage").count() == 0


def test_a_violation_leads_to_its_trace_and_back(page: Page, world: RunningReceiver) -> None:
    blocked = world.data("violations", severity="critical", limit=1)[0]
    sign_in(page, world, f"{_OVERVIEW}&var-agent={blocked['agent_id']}")
    _panel(page, "Recent violations").get_by_role("link", name=blocked["trace_id"]).first.click()
    page.wait_for_url(re.compile(f"promethios-trace.*{blocked['trace_id']}"))
    trace = page.locator('.panel[data-type="traces"]')
    trace.get_by_text(f"invoke_agent {blocked['agent_id']}").first.wait_for()
    assert trace.get_by_text("promethios.decide").count()
    page.go_back()
    _panel(page, "Recent violations").get_by_role("link", name=blocked["trace_id"]).first.wait_for()


def test_an_agents_name_leads_to_its_own_dashboard(page: Page, world: RunningReceiver) -> None:
    sign_in(page, world, _OVERVIEW)
    _panel(page, "Agents").get_by_role("link", name="kyc-screener").first.click()
    page.wait_for_url(re.compile(r"promethios-agent\?.*var-agent=kyc-screener"))
    _panel(page, "Why trust changed").get_by_text("kyc-screener").first.wait_for()


def test_a_policys_name_leads_to_its_violations(page: Page, world: RunningReceiver) -> None:
    sign_in(page, world, _OVERVIEW)
    _panel(page, "Recent violations").get_by_role("link", name=re.compile("|".join(POLICIES))).first.click()
    page.wait_for_url(re.compile(r"promethios-policies\?.*var-policy="))
    settled(page)


def test_what_happens_now_appears_without_a_reload(page: Page, empty: RunningReceiver) -> None:
    sign_in(page, empty, "#/d/promethios-overview?from=now-5m&to=now&refresh=1h")
    settled(page)
    page.locator('[data-state="live"]').wait_for()
    reason = f"told at {time.time_ns()}"
    assert empty.post("/v1/traces", _violation("now-agent", reason)).status == 200
    _panel(page, "Recent violations").get_by_text(reason).first.wait_for()


def test_a_receiver_that_goes_away_is_said_and_comes_back_by_itself(
    page: Page, troubles: Troubles, world: RunningReceiver
) -> None:
    troubles.expect("ERR_INTERNET_DISCONNECTED")
    sign_in(page, world, _OVERVIEW)
    settled(page)
    page.context.set_offline(True)
    page.keyboard.press("r")
    page.get_by_text("cannot be reached").first.wait_for()
    page.context.set_offline(False)
    page.keyboard.press("r")
    page.wait_for_function("() => !document.querySelector('#board .note.error:not([hidden])')")


def test_a_revoked_key_ends_the_session_on_the_page(
    page: Page, troubles: Troubles, world: RunningReceiver
) -> None:
    troubles.expect("status of 401")
    body = b'{"scope": "read"}'
    made = world.request("POST", "/api/v1/keys", body, {**world.admin, "Content-Type": "application/json"})
    created = made.json()["data"][0] if "data" in made.json() else made.json()
    sign_in(page, world, _OVERVIEW, created["key"])
    settled(page)
    assert world.request("DELETE", f"/api/v1/keys/{created['key_id']}", headers=world.admin).status < 300
    page.keyboard.press("r")
    page.get_by_label("Read key").wait_for()
    assert page.locator("#board .panel").count() == 0
