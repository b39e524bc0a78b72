"""The examples of an agent of one's own, a service that streams, and a worker that forks."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.examples.conftest import EXAMPLES, RunExample, example_environment
from tests.support.ports import free_port
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

KEY = "AKIA" + "IOSFODNN7EXAMPLQ"


def said_by(folder: str) -> str:
    """What the README of an example says that it prints."""
    readme = (EXAMPLES / folder / "README.md").read_text("utf-8")
    (said,) = re.findall(r"^```text\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return str(said)


@contextmanager
def running(folder: str, *command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process of an example that runs until it is told to stop."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=EXAMPLES / folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_an_agent_of_ones_own_prints_what_its_readme_says(run_example: RunExample) -> None:
    assert run_example("custom_agent", "python", "agent.py") == said_by("custom_agent")


@pytest.fixture
def service(receiver: RunningReceiver, llm: StandIn) -> Iterator[httpx.Client]:
    port = free_port()
    env = {**example_environment(receiver, llm), "PORT": str(port)}
    with (
        running("fastapi_streaming", "service.py", env=env) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                client.get("/openapi.json")
                break
            except httpx.TransportError:
                threading.Event().wait(0.1)
        yield client


def test_a_service_streams_what_policies_let_through(
    service: httpx.Client, receiver: RunningReceiver, llm: StandIn
) -> None:
    card = service.get("/chat", params={"q": "my card is 4111 1111 1111 1111 you know"})
    assert (card.status_code, card.text) == (200, "I read: my card is [REDACTED:pii.card] you know")
    stopped = service.get("/chat", params={"q": f"the key that you asked for is {KEY} you know"})
    assert stopped.text == "I read: the key that you\n[stopped: a key must not reach the user]\n"
    asked = len(llm.requests)
    denied = service.get("/chat", params={"q": "hello", "model": "gpt-4"})
    assert denied.status_code == 403
    assert denied.json() == {
        "error": "model.before blocked by policy 'models': model 'gpt-4' is not on the list"
    }
    assert len(llm.requests) == asked
    for _ in range(300):
        rows = receiver.data("decisions", agent="desk")
        blocked = sorted(row["point"] for row in rows if row["enforced"] == "block")
        if len(blocked) == 2:
            break
        threading.Event().wait(0.1)
    assert blocked == ["model.after", "model.before"]


def test_the_decisions_of_a_workers_children_arrive(
    run_example: RunExample, receiver: RunningReceiver, llm: StandIn, tmp_path: Path
) -> None:
    for name in ("messages", "control", "results"):
        (tmp_path / name).mkdir()
    env = {**example_environment(receiver, llm), "QUEUE": str(tmp_path)}
    worker = ("-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "2")
    with running("celery_worker", *worker, env=env):
        said = run_example("celery_worker", "python", "ask.py", QUEUE=str(tmp_path))
    assert said == said_by("celery_worker")
    rows = receiver.data("decisions", agent="celery-worker")
    blocked = [row for row in rows if row["enforced"] == "block"]
    assert [row["tool"] for row in blocked] == ["delete_user"]
    assert {row["point"] for row in rows} == {"tool.before"}
    assert len(rows) == 2
