"""A receiver with a day's worth of trouble in it, told by three agents, one of them with a hostile name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.support.infinity import Infinity
from tests.support.receiver import RunningReceiver, run_promethios
from tests.support.telemetry import Hit, model_call, reporting_agent, tool_call

HOSTILE = '<script>alert("x")</script>&var-agent=other'
AGENTS = ("billing-bot", "kyc-screener", HOSTILE)

_DENIED = Hit("tool-allowlist", "critical", "block", "tool 'shell.exec' is not on the list")
_CARD = Hit("no-cards", "high", "redact", "a card number in what goes to the model", detector="pii.card")
_INJECTION = Hit("injection", "medium", "flag", "an instruction in a tool's result", mode="shadow")


@dataclass(frozen=True)
class Seeded:
    """Where the receiver is, a key that may read, and the trace with the blocked tool call."""

    url: str
    read_key: str
    trace_id: str

    def infinity(self, agent: str = ".*", hours: int = 6) -> Infinity:
        """Grafana's data source, looking at one agent or at all."""
        now = int(time.time() * 1000)
        variables = {
            "agent": agent,
            "trace_id": self.trace_id,
            "__from": str(now - hours * 3_600_000),
            "__to": str(now),
            "__interval_ms": "300000",
        }
        return Infinity(self.url, self.read_key, variables)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """A receiver that has stored what the three agents sent."""
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "seeded.db") as receiver:
        traces = [_seed(receiver, agent) for agent in AGENTS]
        yield Seeded(receiver.http, _read_key(receiver), traces[1])


def _seed(receiver: RunningReceiver, name: str) -> str:
    with reporting_agent(name, receiver.http, receiver.ingest_key) as agent:
        agent.run(7200, model_call(), model_call(_CARD))
        trace_id = agent.run(600, model_call(_INJECTION), tool_call("shell.exec", _DENIED))
        agent.run(20, model_call(decided=False), tool_call("read_customer"))
        agent.log(15, "refund refused")
        agent.measure()
    return trace_id


def _read_key(receiver: RunningReceiver) -> str:
    made = run_promethios(
        *("keys", "create", "--url", receiver.http, "--scope", "read", "--json"),
        environment={"PROMETHIOS_ADMIN_KEY": receiver.admin_key},
    )
    assert made.returncode == 0, made.stderr
    key: str = json.loads(made.stdout)["key"]
    return key
