"""An agent in another language tells what it does with OpenTelemetry JS and plain JSON."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.examples.conftest import EXAMPLES, example_environment
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

FOLDER = EXAMPLES / "javascript_agent"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example in a folder of its own, with what its package.json asks for."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("javascript") / "agent"
    shutil.copytree(FOLDER, folder)
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install what the example needs: {done.stderr.strip()}")
    return folder


@pytest.fixture(scope="module")
def said(installed: Path, receiver: RunningReceiver) -> Iterator[str]:
    """What the agent printed."""
    with StandIn() as llm:
        done = subprocess.run(
            ["node", "agent.mjs"],
            cwd=installed,
            env=example_environment(receiver, llm),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert [request["model"] for request in llm.requests] == ["gpt-4o-mini"]
        yield done.stdout


def test_it_prints_what_its_readme_says(said: str) -> None:
    (expected,) = re.findall(
        r"^```text\n(.*?)^```$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert [line for number, line in enumerate(said.splitlines()) if number != 1] == [
        line for line in expected.splitlines() if line != "(the answer)"
    ]


def test_its_spans_arrive_and_are_ungoverned(said: str, receiver: RunningReceiver) -> None:
    (agent,) = receiver.data("agents", agent="js-support")
    assert (agent["calls"], agent["governed"]) == (2, 1)
    assert agent["input_tokens"] > 0
    assert agent["status"] == "live"


def test_its_violation_is_on_its_span_and_lowers_its_trust(said: str, receiver: RunningReceiver) -> None:
    (violation,) = receiver.data("violations", agent="js-support")
    assert (violation["policy_id"], violation["severity"], violation["tool"]) == (
        "no-delete",
        "high",
        "delete_customer",
    )
    spans = {span["spanID"]: span for span in receiver.data(f"traces/{violation['trace_id']}")}
    assert spans[violation["span_id"]]["operationName"] == "execute_tool delete_customer"
    (standing,) = [row for row in receiver.data("trust") if row["agent_id"] == "js-support"]
    assert standing["score"] < 405


def test_its_log_arrives(said: str, receiver: RunningReceiver) -> None:
    (entry,) = receiver.data("logs", agent="js-support")
    assert entry["body"] == "one question answered"
