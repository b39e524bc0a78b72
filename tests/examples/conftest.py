"""Examples run as a stranger runs them: in a process of their own, from their own folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

EXAMPLES = Path(__file__).parents[2] / "examples"

RunExample = Callable[..., str]


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver for the examples of one worker; agents tell each other apart by their names."""
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


@pytest.fixture
def llm() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture
def run_example(receiver: RunningReceiver, llm: StandIn) -> RunExample:
    """Run a command in an example's folder to its end, and give what it printed."""

    def run(folder: str, *command: str, **environment: str) -> str:
        env = {**example_environment(receiver, llm), **environment}
        ended = subprocess.run(
            [str(shutil.which(command[0], path=env["PATH"])), *command[1:]],
            cwd=EXAMPLES / folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def example_environment(receiver: RunningReceiver, llm: StandIn) -> dict[str, str]:
    """The variables that the READMEs of the examples ask for, and no others that could steer them."""
    return {
        **clean_environment(),
        "LLM": llm.url,
        "OPENAI_API_KEY": "unused",
        "PROMETHIOS_API_KEY": receiver.ingest_key,
        "PROMETHIOS_ENDPOINT": receiver.http,
    }


def clean_environment() -> dict[str, str]:
    """This process' variables without those that steer us, and its programs before others of their name."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PROMETHIOS_", "OTEL_"))
    }
    return {
        **clean,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
