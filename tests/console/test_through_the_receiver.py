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


@pytest.mark.parametrize("path", ["/", "/console/app.js", "/console/colors.css"])
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


def test_every_path_that_the_page_asks_for_exists(receiver: RunningReceiver) -> None:
    """Of an empty database, too: a panel must not fail before the first agent reports."""
    asked = set()
    for asset in load_assets().values():
        asked |= set(re.findall(r'path: "([\w/]+)"|client\.get\("([\w/]+)"', asset.body.decode()))
    paths = {path or called for path, called in asked} | {
        f"series/{name}" for name in ("violations", "decisions", "latency", "tokens", "ingest", "liveness")
    }
    assert {"agents", "decisions", "logs", "stats", "status", "violations", "violations/by_policy"} < paths
    for path in sorted(paths):
        assert receiver.get(f"/api/v1/{path}").status == 200, path


def test_questions_of_the_page_need_a_key(receiver: RunningReceiver) -> None:
    assert receiver.get("/api/v1/stats", headers={}).status == 401
