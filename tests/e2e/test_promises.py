"""What the README promises, from a real agent through a real network to the bytes on disk."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
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
    assert " 1111" not in received
    stored = b"".join(path.read_bytes() for path in Path(receiver.db).parent.iterdir() if path.is_file())
    assert b"[REDACTED:pii.card]" in stored
    assert b"4111 1111" not in stored
    assert b"4111111111111111" not in stored
    verdicts = {row["verdict"] for row in receiver.data("decisions", agent="leaky")}
    assert "redact" in verdicts


def test_a_redacted_card_number_is_not_in_the_spool(tmp_path: Path) -> None:
    """The receiver is away, so that all of it is parked on disk; requests are packed there."""
    with socket.socket() as free, StandIn() as llm:
        free.bind(("127.0.0.1", 0))  # bound and not listening: refused
        settings = {
            "LLM": llm.url,
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event",
            "PROMETHIOS_API_KEY": "k",
            "PROMETHIOS_ENDPOINT": f"http://127.0.0.1:{free.getsockname()[1]}",
            "PROMETHIOS_POLICIES": str(AGENTS / "policies.yaml"),
            "PROMETHIOS_SPOOL_DIR": str(tmp_path),
        }
        command = [sys.executable, str(AGENTS / "card.py")]
        subprocess.run(command, env={**os.environ, **settings}, capture_output=True, timeout=60)
    parked = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    unpacked = b"".join(_members(parked))
    assert unpacked.count(b"[REDACTED:pii.card]") > 3
    for kept in (parked, unpacked):
        assert b"4111 1111" not in kept
        assert b"4111111111111111" not in kept


def _members(parked: bytes) -> Iterator[bytes]:
    """What the gzip members hold that stand somewhere in `parked`."""
    for found in re.finditer(rb"\x1f\x8b\x08", parked):
        with suppress(zlib.error):
            yield zlib.decompressobj(wbits=31).decompress(parked[found.start() :])


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
