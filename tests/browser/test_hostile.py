"""What agents send is text: hostile names, tools, reasons, logs, in every dashboard and export (K17)."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.boards import BOARDS
from tests.support.browser import settled, sign_in
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)
from tests.support.receiver import RunningReceiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Each would call `pwned` if it were taken for markup, code, a template or an address, or change a question.
BATTERY = (
    "<script>pwned()</script>",
    "<img src=x onerror=pwned()>",
    "<svg onload=pwned()>",
    "\"><iframe srcdoc='<script>parent.pwned()</script>'>",
    "javascript:pwned()",
    "{{constructor.constructor('pwned()')()}}",
    "${pwned()}",
    "__proto__",
    "constructor",
    "a&var-agent=other#/d/promethios-trace",
    "=HYPERLINK(\"javascript:pwned()\")",
    "x\u202egnp.exe\u2066",
    "${agent} ${__from} $__all",
    "'; DROP TABLE spans; --",
)  # fmt: skip
_UIDS = sorted(board["uid"] for board in BOARDS.values())
_LISTENING = """
    window.pwnedBy = [];
    window.pwned = () => window.pwnedBy.push(new Error().stack);
    window.alert = window.pwned;
"""


def _tell(receiver: RunningReceiver, text: str) -> None:
    """An agent, tool, model, conversation, policy, reason, status and log that are all this text."""
    resource = {"service.name": text, "service.instance.id": text, "owner": text}
    about = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": text,
        "gen_ai.request.model": text,
        "gen_ai.provider.name": text,
        "gen_ai.conversation.id": text,
        text: text,
    }
    match = {
        "gen_ai.guardrail.policy.id": text,
        "gen_ai.guardrail.policy.version": text,
        "gen_ai.guardrail.result.reason": text,
        "promethios.policy.severity": "critical",
        "promethios.policy.controls": [text],
    }
    trace = secrets.token_bytes(16)
    call = span(text, about, trace_id=trace)
    call.status.code, call.status.message = 2, text
    bundle = {"promethios.bundle.name": text, "promethios.bundle.version": text}
    within = {"trace_id": trace, "parent_span_id": call.span_id}
    within = {"trace_id": trace, "parent_span_id": call.span_id}
    decided = decision_span("block", (match,), {**about, **bundle}, **within)
    model = span(text, {**about, "gen_ai.operation.name": "chat"}, **within)
    points = gauge(text, 1), gauge("promethios.agent.heartbeat", 1)
    for path, request in (
        ("traces", trace_request(call, model, decided, resource=resource)),
        ("logs", logs_request(record(text), resource=resource)),
        ("metrics", metrics_request(*points, resource=resource)),
    ):
        answer = receiver.post(f"/v1/{path}", request.SerializeToString())
        assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that has stored the whole battery."""
    with RunningReceiver(tmp_path_factory.mktemp("hostile") / "hostile.db", grpc="off") as running:
        for text in BATTERY:
            _tell(running, text)
        yield running


@pytest.mark.parametrize("uid", _UIDS)
def test_K17_nothing_that_an_agent_sent_runs_in_the_console(
    page: Page, hostile: RunningReceiver, uid: str
) -> None:
    """Nothing runs, and nobody else is asked; `page` fails on what the security policy stops, too."""
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url))
    page.on("dialog", lambda dialog: elsewhere.append(f"dialog: {dialog.message}"))
    page.context.add_init_script(_LISTENING)
    trace = hostile.data("violations", limit=1)[0]["trace_id"]
    sign_in(page, hostile, f"#/d/{uid}?from=now-1h&to=now&var-trace_id={trace}")
    for panel in page.locator("#board .panel").all():
        panel.scroll_into_view_if_needed()
        settled(page)
    assert page.evaluate("window.pwnedBy") == []
    assert [address for address in elsewhere if not address.startswith(hostile.http)] == []
    assert page.locator("#board :is(script, iframe, img, object, embed)").count() == 0
    links = page.locator("#board a").evaluate_all("(links) => links.map((link) => link.protocol)")
    assert set(links) <= {"http:"}


@pytest.mark.parametrize("text", BATTERY[:4])
def test_K17_what_an_agent_sent_is_shown_as_it_is(page: Page, hostile: RunningReceiver, text: str) -> None:
    sign_in(page, hostile, "#/d/promethios-overview?from=now-1h&to=now")
    page.locator('.panel[data-type="logs"]').scroll_into_view_if_needed()
    page.locator('.panel[data-type="logs"]').get_by_text(text).first.wait_for()


@pytest.mark.parametrize("text", ["a&var-agent=other#/d/promethios-trace", "${agent} ${__from} $__all"])
def test_K17_a_name_leads_to_its_own_agent_and_to_no_other(
    page: Page, hostile: RunningReceiver, text: str
) -> None:
    sign_in(page, hostile, "#/d/promethios-overview?from=now-1h&to=now")
    agents = page.locator(".panel").filter(has=page.get_by_role("heading", name="Agents", exact=True))
    agents.scroll_into_view_if_needed()
    agents.get_by_role("link", name=text, exact=True).first.click()
    page.wait_for_url("**promethios-agent**")
    settled(page)
    page.locator(".variable").filter(has_text=text).wait_for()


def _cells(body: bytes) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(body.decode())) for cell in row]


@pytest.mark.parametrize("route", ["agents", "violations", "decisions", "logs", "spans", "tools", "policies"])
def test_K17_no_cell_of_an_export_is_a_formula(hostile: RunningReceiver, route: str) -> None:
    answer = hostile.get(f"/api/v1/{route}", None, format="csv")
    assert answer.status == 200, answer.body
    told = [cell for cell in _cells(answer.body) if "HYPERLINK" in cell]
    assert told
    assert [cell for cell in _cells(answer.body) if cell[:1] in "=+@\t\r" and cell] == []


@pytest.mark.parametrize("route", ["agents", "violations", "logs"])
def test_K17_lines_of_json_hold_what_was_sent(hostile: RunningReceiver, route: str) -> None:
    answer = hostile.get(f"/api/v1/{route}", None, format="ndjson")
    rows: list[dict[str, Any]] = [json.loads(line) for line in answer.body.splitlines()]
    assert {row["agent_id"] for row in rows} >= set(BATTERY)


def test_K17_hostile_addresses_are_names_that_nobody_has(page: Page, hostile: RunningReceiver) -> None:
    page.context.add_init_script(_LISTENING)
    view = "#/d/<img src=x onerror=pwned()>?var-agent=javascript:pwned()&from=<svg onload=pwned()>"
    sign_in(page, hostile, view)
    settled(page)
    assert page.evaluate("window.pwnedBy") == []
