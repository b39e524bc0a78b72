"""An agent is set up and governed by OpenTelemetry's configuration file."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.examples.conftest import EXAMPLES, RunExample
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

FOLDER = EXAMPLES / "configuration_file"
README = (FOLDER / "README.md").read_text("utf-8")

#: The instrumentations that the README does not install: loading them all takes seconds.
OTHERS = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")} - {"openai", "promethios"}
VARIABLES = {
    "OTEL_CONFIG_FILE": re.findall(r"export OTEL_CONFIG_FILE=(\S+)", README)[0],
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(OTHERS),
}
(SAID,) = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["agent.py", "policies.yaml"])
def test_it_is_the_agent_of_zero_code(name: str) -> None:
    """What differs between the two is how they are set up, and nothing else."""
    assert (FOLDER / name).read_text("utf-8") == (EXAMPLES / "zero_code" / name).read_text("utf-8")


@pytest.mark.parametrize("run", ["opentelemetry-instrument", "promethios run --"])
def test_it_prints_what_its_readme_says_and_everything_arrives(
    run_example: RunExample, receiver: RunningReceiver, llm: StandIn, tmp_path: Path, run: str
) -> None:
    name = f"file-{run.split()[0]}"
    variables = {**VARIABLES, "OTEL_SERVICE_NAME": name, "PROMETHIOS_SPOOL_DIR": str(tmp_path)}
    assert run_example("configuration_file", *run.split(), "python", "agent.py", **variables) == SAID
    assert [request["model"] for request in llm.requests] == ["gpt-4o-mini", "gpt-4o-mini"]
    assert " 1111" not in repr(llm.requests)
    decisions = receiver.data("decisions", agent=name)
    enforced = sorted(row["enforced"] for row in decisions if row["point"] == "model.before")
    assert enforced == ["allow", "block", "redact"]


def test_the_doctor_reads_the_file(run_example: RunExample, tmp_path: Path) -> None:
    (command,) = re.findall(r"^(promethios doctor .*)$", README, re.MULTILINE)
    said = run_example(
        "configuration_file", *command.split(), **VARIABLES, PROMETHIOS_SPOOL_DIR=str(tmp_path / "s")
    )
    assert "otel.yaml sends traces, metrics, logs through the exporter promethios" in said


def test_what_the_readme_shows_of_the_file_is_in_it() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    shown, whole = (
        YAML(typ="safe").load(block),
        YAML(typ="safe").load((FOLDER / "otel.yaml").read_text("utf-8")),
    )
    assert _is_part(shown, whole)


def _is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(name in whole and _is_part(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return all(any(_is_part(each, other) for other in whole) for each in part)
    return bool(part == whole)
