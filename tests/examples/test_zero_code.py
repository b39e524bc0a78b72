"""An agent without a line of ours is governed by variables alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.conftest import EXAMPLES, RunExample, example_environment
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

README = (EXAMPLES / "zero_code" / "README.md").read_text("utf-8")
COMMAND = ("opentelemetry-instrument", "python", "agent.py")


def variables(name: str, **more: str) -> dict[str, str]:
    """What the README exports, for a service of this name."""
    exported = dict(re.findall(r"\b([A-Z_]+)=(\S+)", README))
    for given in ("PROMETHIOS_ENDPOINT", "PROMETHIOS_API_KEY"):
        del exported[given]
    return {**exported, "OTEL_SERVICE_NAME": name, **more}


def test_it_prints_what_its_readme_says(run_example: RunExample) -> None:
    (said,) = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert run_example("zero_code", *COMMAND, **variables("zero-readme")) == said


def test_a_blocked_call_makes_no_request_and_a_card_number_does_not_leave(
    run_example: RunExample, llm: StandIn
) -> None:
    run_example("zero_code", *COMMAND, **variables("zero-requests"))
    assert [request["model"] for request in llm.requests] == ["gpt-4o-mini", "gpt-4o-mini"]
    assert "[REDACTED:pii.card]" in repr(llm.requests)
    assert "1111" not in repr(llm.requests)


@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_every_decision_arrives_whatever_is_sampled(
    run_example: RunExample, receiver: RunningReceiver, sampler: str
) -> None:
    name = f"zero-{sampler.replace('_', '-')}"
    run_example("zero_code", *COMMAND, **variables(name, OTEL_TRACES_SAMPLER=sampler))
    decisions = receiver.data("decisions", agent=name)
    before = [row["enforced"] for row in decisions if row["point"] == "model.before"]
    assert sorted(before) == ["allow", "block", "redact"]


def test_captured_content_is_redacted_on_its_way_out(
    run_example: RunExample, receiver: RunningReceiver
) -> None:
    capture = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"}
    run_example("zero_code", *COMMAND, **variables("zero-capture", **capture))
    stored = b"".join(path.read_bytes() for path in receiver.db.parent.iterdir() if path.is_file())
    assert b"zero-capture" in stored
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
    left_out = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "promethios"}
    ended = _run(receiver, llm, **variables("zero-unguarded", **left_out))
    assert ended.stdout.count("answered") == 2
    assert "4111 1111" in repr(llm.requests)


def test_without_a_key_decisions_go_the_way_of_other_spans(receiver: RunningReceiver, llm: StandIn) -> None:
    settings = variables("zero-keyless", PROMETHIOS_API_KEY="", OTEL_TRACES_EXPORTER="console")
    settings |= {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    ended = _run(receiver, llm, **settings)
    assert '"promethios.decision.enforced": "block"' in ended.stdout
    assert "decisions go where the agent's other spans go" in ended.stderr


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
