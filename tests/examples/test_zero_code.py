"""An agent without a line of ours is governed by variables alone."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Collection
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.examples.conftest import EXAMPLES, RunExample, example_environment
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

README = (EXAMPLES / "zero_code" / "README.md").read_text("utf-8")
COMMAND = ("opentelemetry-instrument", "python", "agent.py")
EXPORTS = re.findall(r"^export .*$", README, re.MULTILINE)
(RUN,) = re.findall(r"^promethios run .*$", README, re.MULTILINE)
(SAID,) = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


#: The instrumentations that the README does not install: loading them all takes seconds.
OTHERS = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")} - {"openai", "promethios"}


def variables(name: str, *, without: Collection[str] = OTHERS, **more: str) -> dict[str, str]:
    """What the README exports, for a service of this name, `without` some instrumentations."""
    exported = dict(re.findall(r"\b([A-Z_]+)=(\S+)", "\n".join(EXPORTS)))
    for given in ("PROMETHIOS_ENDPOINT", "PROMETHIOS_API_KEY"):
        del exported[given]
    return {**exported, **without_others(without), "OTEL_SERVICE_NAME": name, **more}


def without_others(others: Collection[str] = OTHERS) -> dict[str, str]:
    return {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(others)}


def test_it_prints_what_its_readme_says_and_neither_the_blocked_call_nor_the_card_leaves(
    run_example: RunExample, llm: StandIn
) -> None:
    assert run_example("zero_code", *COMMAND, **variables("zero-readme")) == SAID
    assert [request["model"] for request in llm.requests] == ["gpt-4o-mini", "gpt-4o-mini"]
    assert "[REDACTED:pii.card]" in repr(llm.requests)
    assert " 1111" not in repr(llm.requests)


def test_promethios_run_prints_the_same_and_its_decisions_arrive(
    run_example: RunExample, receiver: RunningReceiver, llm: StandIn
) -> None:
    command = shlex.split(RUN.replace("zero-code", "zero-run"))
    assert run_example("zero_code", *command, **without_others()) == SAID
    assert _enforced_before(receiver, "zero-run") == ["allow", "block", "redact"]
    assert " 1111" not in repr(llm.requests)


@pytest.mark.parametrize(
    "variable",
    [{"OTEL_TRACES_SAMPLER": "always_off"}, {"OTEL_SDK_DISABLED": "true"}],
    ids=["unsampled", "disabled"],
)
def test_G13_every_decision_is_enforced_and_arrives_though_no_span_is_recorded(
    run_example: RunExample, receiver: RunningReceiver, variable: dict[str, str]
) -> None:
    name = "-".join(["zero", *variable]).lower()
    assert run_example("zero_code", *COMMAND, **variables(name, **variable)) == SAID
    assert _enforced_before(receiver, name) == ["allow", "block", "redact"]


def test_every_instrumentation_at_once_decides_once_and_captured_content_is_redacted(
    run_example: RunExample, receiver: RunningReceiver
) -> None:
    """Three instrumentations of OpenAI are installed here, and all of them write the messages down."""
    capture = {
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event",
        "TRACELOOP_TRACE_CONTENT": "true",
    }
    run_example("zero_code", *COMMAND, **variables("zero-all", without=(), **capture))
    assert _enforced_before(receiver, "zero-all") == ["allow", "block", "redact"]
    stored = b"".join(path.read_bytes() for path in receiver.db.parent.iterdir() if path.is_file())
    assert b"zero-all" in stored
    assert b"Is it on file?" in stored
    assert b"4111 1111" not in stored


def test_the_agent_runs_ungoverned_and_says_so_where_the_policies_cannot_be_read(
    receiver: RunningReceiver, llm: StandIn
) -> None:
    ended = _run(receiver, llm, **variables("zero-broken", PROMETHIOS_POLICIES="missing.yaml"))
    assert ended.stdout.count("answered") == 3
    said = "cannot govern this process by PROMETHIOS_POLICIES=missing.yaml, it runs UNGOVERNED: missing.yaml"
    assert said in ended.stderr


def test_without_policies_nothing_is_governed(receiver: RunningReceiver, llm: StandIn) -> None:
    ended = _run(receiver, llm, **variables("zero-free", PROMETHIOS_POLICIES=""))
    assert ended.stdout.count("answered") == 3
    assert "UNGOVERNED" not in ended.stderr
    assert receiver.data("decisions", agent="zero-free") == []


def test_its_guards_can_be_left_out_like_any_instrumentation(receiver: RunningReceiver, llm: StandIn) -> None:
    """What the processor knows at a span's start still blocks; content is no longer seen."""
    ended = _run(receiver, llm, **variables("zero-unguarded", without=OTHERS | {"promethios"}))
    assert ended.stdout.count("answered") == 2
    assert "4111 1111" in repr(llm.requests)


def test_without_a_key_decisions_go_the_way_of_other_spans(receiver: RunningReceiver, llm: StandIn) -> None:
    settings = variables("zero-keyless", PROMETHIOS_API_KEY="", OTEL_TRACES_EXPORTER="console")
    settings |= {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    ended = _run(receiver, llm, **settings)
    assert '"promethios.decision.enforced": "block"' in ended.stdout
    assert "decisions go where the agent's other spans go" in ended.stderr


def _enforced_before(receiver: RunningReceiver, name: str) -> list[str]:
    decisions = receiver.data("decisions", agent=name)
    return sorted(row["enforced"] for row in decisions if row["point"] == "model.before")


def _run(receiver: RunningReceiver, llm: StandIn, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / COMMAND[0]), *COMMAND[1:]],
        cwd=EXAMPLES / "zero_code",
        env={**example_environment(receiver, llm), **settings},
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
