"""A receiver with a day's worth of trouble in it, so that no panel of a dashboard is empty.

Four agents told it: one that behaves, one that does not, one with a hostile name, and one that said goodbye.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.infinity import Frame, Infinity
from tests.support.receiver import RunningReceiver, read_key
from tests.support.telemetry import Hit, ReportingAgent, model_call, reporting_agent, tool_call

HOSTILE = '<script>alert("x")</script>&var-agent=other'
GONE = "night-batch"
#: The agents, by name; the second is the one that tests count.
AGENTS = ("billing-bot", "kyc-screener", HOSTILE)
UNKNOWN = "nobody"

DENIED = Hit(
    "tool-allowlist",
    "critical",
    "block",
    "tool 'shell.exec' is not on the list",
    controls=("EU-AI-Act/Art.15", "ISO-42001/A.9"),
)
CARD = Hit("no-cards", "high", "redact", "a card number in what goes to the model", detector="pii.card")
INJECTION = Hit(
    "injection",
    "medium",
    "flag",
    "an instruction in a tool's result",
    mode="shadow",
    controls=("EU-AI-Act/Art.15",),
)
BROKEN = Hit("budget", "low", "flag", "the policy could not be evaluated", failed=True)


@dataclass(frozen=True)
class Seeded:
    """Where the receiver is, a key that may read, and the trace with the blocked tool call."""

    url: str
    read_key: str
    trace_id: str
    _frames: dict[tuple[str, str], Frame] = field(default_factory=dict)

    def infinity(self, agent: str = ".*", hours: int = 6, **variables: str) -> Infinity:
        """Grafana's data source, looking at one agent or at all; ``variables`` are the dashboard's."""
        now = int(time.time() * 1000)
        known = {
            "agent": agent,
            "policy": ".*",
            "trace_id": self.trace_id,
            "__from": str(now - hours * 3_600_000),
            "__to": str(now),
            "__interval_ms": "300000",
        }
        return Infinity(self.url, self.read_key, {**known, **variables})

    def frame(self, target: dict[str, Any], agent: str = ".*") -> Frame:
        """What a query gives; asked once, however many tests look at it."""
        asked = (json.dumps(target, sort_keys=True), agent)
        if asked not in self._frames:
            self._frames[asked] = self.infinity(agent).run(target)
        return self._frames[asked]


@contextmanager
def seeded_receiver(folder: Path) -> Iterator[Seeded]:
    """A receiver that has stored what the agents sent, and judged its alerts."""
    often = {"PROMETHIOS_ALERT_SECONDS": "1"}
    with RunningReceiver(folder / "seeded.db", environment=often) as receiver:
        traces = [_seed(receiver, agent) for agent in AGENTS]
        _say_goodbye(receiver)
        _wait_for_alerts(receiver)
        yield Seeded(receiver.http, read_key(receiver), traces[1])


def _seed(receiver: RunningReceiver, name: str) -> str:
    with reporting_agent(name, receiver.http, receiver.ingest_key, **{"service.owner": "risk"}) as agent:
        return _trouble(agent)


def _trouble(agent: ReportingAgent) -> str:
    """Two hours of an agent; return the trace with the blocked tool call."""
    agent.bundle = "2026.11.1"
    agent.run(7200, model_call(conversation="c-1"), model_call(CARD, conversation="c-1"))
    agent.bundle = "2026.11.2"
    agent.lose()
    trace_id = agent.run(300, model_call(INJECTION), tool_call("shell.exec", DENIED))
    slow = replace(tool_call("read_customer", BROKEN), took=4_300.0)
    agent.run(20, model_call(decided=False), slow)
    agent.log(15, "refund refused")
    agent.measure()
    return trace_id


def _say_goodbye(receiver: RunningReceiver) -> None:
    now = int(time.time() * 1000)
    beats = [{"agent_id": GONE, "value": value, "time": now - ago} for value, ago in ((1, 9_000), (0, 5_000))]
    headers = {"Content-Type": "application/json", "x-api-key": receiver.ingest_key}
    for beat in beats:
        answer = receiver.post("/api/v1/heartbeat", json.dumps(beat).encode(), headers)
        assert answer.status == 200, answer.body


def _wait_for_alerts(receiver: RunningReceiver) -> None:
    """Wait until the receiver has judged what all of them sent."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        firing = receiver.data("alerts", rule="critical-violation", state="firing")
        if {row["agent_id"] for row in firing} == set(AGENTS):
            return
        time.sleep(0.1)
    raise AssertionError(f"no alerts after a minute: {receiver.stderr}")
