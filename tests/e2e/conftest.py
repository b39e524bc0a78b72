"""A receiver for a whole file of tests, and agents in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.receiver import RunningReceiver

AGENTS = Path(__file__).parent / "agents"
EXAMPLES = Path(__file__).parents[2] / "examples"

RunAgent = Callable[..., str]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


@pytest.fixture(scope="module")
def run_agent(receiver: RunningReceiver) -> RunAgent:
    """Run an agent's file to its end; gives what it printed, and fails where it fails."""

    def run(file: Path, **variables: str) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PROMETHIOS_"))}
        settings = {
            "PROMETHIOS_ENDPOINT": receiver.http,
            "PROMETHIOS_API_KEY": receiver.ingest_key,
            "PROMETHIOS_POLICIES": str(AGENTS / "policies.yaml"),
        }
        done = subprocess.run(
            [sys.executable, str(file)],
            env={**clean, **settings, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run
