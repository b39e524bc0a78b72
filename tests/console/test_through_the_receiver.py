"""The console as a receiver serves it, with everything that the receiver adds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.receiver import RunningReceiver

from promethios.receiver.console import CONTENT_SECURITY_POLICY
from promethios.receiver.console.assets import load_assets


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver with an empty database."""
    with RunningReceiver(tmp_path_factory.mktemp("console") / "empty.db") as running:
        yield running


@pytest.mark.parametrize("path", ["/", "/console/main.js", "/console/colors.css"])
def test_console_needs_no_key_and_keeps_its_headers(receiver: RunningReceiver, path: str) -> None:
    answer = receiver.get(path, headers={})
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == ("no-store" if path == "/" else "no-cache")


def test_no_answer_tells_a_version(receiver: RunningReceiver) -> None:
    headers = receiver.get("/", headers={}).headers
    assert not re.search(r"\d+\.\d+", headers.get("Server", ""))


@pytest.mark.parametrize(
    "path", ["/console/missing.js", "/console/..%2f__init__.py", "/console/%2e%2e/app.py"]
)
def test_what_is_not_the_consoles_does_not_exist(receiver: RunningReceiver, path: str) -> None:
    assert receiver.get(path, headers={}).status == 404


def test_what_the_page_asks_for_by_itself_exists_in_an_empty_receiver(receiver: RunningReceiver) -> None:
    assert receiver.get("/console/session", headers={}).json()["signed_in"] is False
    for path in ("status", "agents"):
        assert receiver.get(f"/api/v1/{path}").status == 200, path


def test_dashboards_need_no_key(receiver: RunningReceiver) -> None:
    (first, *_) = receiver.get("/console/dashboards.json", headers={}).json()["dashboards"]
    assert receiver.get(f"/console/dashboards/{first['uid']}.json", headers={}).json()["uid"] == first["uid"]


def test_scripts_are_sent_packed(receiver: RunningReceiver) -> None:
    answer = receiver.get("/console/main.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.body) < len(load_assets()["main.js"].body) / 1.5


def test_session_reads_and_ends(receiver: RunningReceiver) -> None:
    begun = receiver.request("POST", "/console/session", b"", receiver.admin)
    assert begun.status == 204
    cookie = {"Cookie": begun.headers["Set-Cookie"].split(";")[0]}
    assert receiver.get("/api/v1/status", headers=cookie).status == 200
    assert receiver.request("DELETE", "/console/session", None, cookie).status == 204
    assert receiver.get("/api/v1/status", headers=cookie).status == 401


def test_questions_of_the_page_need_a_key(receiver: RunningReceiver) -> None:
    assert receiver.get("/api/v1/stats", headers={}).status == 401
