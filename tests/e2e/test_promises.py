"""What the README promises, from a real agent through a real network to the bytes on disk."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import AGENTS, EXAMPLES, RunAgent
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn


def test_a_redacted_card_number_is_nowhere(receiver: RunningReceiver, run_agent: RunAgent) -> None:
    with StandIn() as llm:
        capture = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"}
        run_agent(AGENTS / "card.py", LLM=llm.url, **capture)
        received = repr(llm.requests)
    assert len(llm.requests) == 2
    assert "[REDACTED:pii.card]" in received
    assert "1111" not in received
    stored = b"".join(path.read_bytes() for path in Path(receiver.db).parent.iterdir() if path.is_file())
    assert b"[REDACTED:pii.card]" in stored
    assert b"4111 1111" not in stored
    assert b"4111111111111111" not in stored
    verdicts = {row["verdict"] for row in receiver.data("decisions", agent="leaky")}
    assert "redact" in verdicts


def test_the_processor_alone_blocks_before_a_byte_leaves(
    receiver: RunningReceiver, run_agent: RunAgent
) -> None:
    with StandIn() as llm:
        said = run_agent(EXAMPLES / "processor_only" / "agent.py", LLM=llm.url)
    assert "blocked by policy 'models': model 'gpt-4' is not on the list" in said
    assert llm.requests == []
    (violation,) = receiver.data("violations", agent="plain")
    assert violation["policy_id"] == "models"
    spans = {span["spanID"]: span for span in receiver.data(f"traces/{violation['trace_id']}")}
    assert spans[violation["span_id"]]["operationName"] == "chat gpt-4"
    assert spans[violation["span_id"]]["verdict"] == "block"
