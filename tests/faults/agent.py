"""An agent in a process of its own: it is governed, it is set up with `configure`, and it keeps a ledger.

    python -m tests.faults.agent '{"ledger": "...", "pace": 0.001, "settings": {"endpoint": "...", ...}}'

Each operation has a token, which is the conversation of its decision and of its span, and the body of a
log record. ``E token`` is in the ledger before the operation is guarded, and ``A token decision verdict``
when the guarded call has returned to its caller, or raised. A line is written at once and outlives
``kill -9``; no power is cut here, so it is not synced.

On standard input: ``emit 10`` (operations, in turn blocked, redacted, flagged and allowed), ``go`` (emit
until ``hold``), ``flush 5`` (seconds), ``totals``, ``again key`` (use it, and try at once), ``fill 100 2000``
(so many spans, of so many bytes that do not compress). Each is answered with a line of JSON. The end of
standard input ends the agent as any program ends; the last line is what its totals were then, and what it
left in the spool.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import time
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber

from promethios.exporter import Promethios, configure
from promethios.governance import PolicyViolation

#: What policies make of each tool, in turn.
VERDICTS: Final = ("block", "redact", "flag", "allow")
_LETTERS: Final = "bcdfghjklmnpqrst"  # no digits: nothing that a detector could take for a card

POLICIES: Final = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: faults, version: "1"}
spec:
  defaults: {onError: flag}
  policies:
    - id: blocked
      severity: high
      on: [tool.before]
      match: {tool: [block]}
      action: block
      onError: block
      message: "this tool may not run"
    - id: redacted
      severity: medium
      on: [tool.before]
      match: {tool: [redact]}
      detect: {in: [tool.arguments], any: ["pii.email"]}
      action: redact
    - id: flagged
      severity: low
      on: [tool.before]
      match: {tool: [flag]}
      action: flag
"""


class Agent:
    """What is configured, and what emits.

    Args:
        settings: As on the command line.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._ledger = os.open(settings["ledger"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        policies = Path(settings["ledger"]).with_suffix(".yaml")
        policies.write_text(POLICIES)
        self._pace = settings.get("pace", 0.0)
        self.handle: Promethios = configure(policies=str(policies), **settings["settings"])
        assert self.handle.governor is not None
        self._governor = self.handle.governor
        self._tracer = self.handle.tracer_provider.get_tracer("faults")
        self._logger = self.handle.logger_provider.get_logger("faults")
        self._verdicts = cycle(settings.get("verdicts", VERDICTS))
        self._going = threading.Event()
        if settings.get("quiet"):
            # What is counted is what is emitted here, and nothing that comes by the clock.
            self.handle.meter_provider.shutdown()

    def emit(self, number: int = 1) -> int:
        """Guard so many operations, one after the other."""
        for _ in range(number):
            self._operate(next(self._verdicts))
        return number

    def fill(self, spans: int, size: int) -> int:
        """Make so many spans beside, which stand in no ledger."""
        for _ in range(spans):
            self._tracer.start_span("filling", attributes={"filling": secrets.token_hex(size // 2)}).end()
        return spans

    def go(self) -> None:
        """Emit from a thread until `hold`."""
        self._going.set()
        threading.Thread(target=self._keep_going, daemon=True).start()

    def hold(self) -> None:
        """Stop emitting."""
        self._going.clear()

    def _keep_going(self) -> None:
        while self._going.is_set():
            self.emit()
            time.sleep(self._pace)

    def _operate(self, verdict: str) -> None:
        token = "".join(secrets.choice(_LETTERS) for _ in range(16))
        self._write(f"E {token}")
        decision = self._guarded(verdict, token)
        self._write(f"A {token} {decision.id} {decision.enforced}")
        self._logger.emit(
            LogRecord(body=token, severity_number=SeverityNumber.INFO, timestamp=time.time_ns())
        )

    def _guarded(self, verdict: str, token: str) -> Any:
        guard = self._governor.guard("tool", verdict, arguments={"to": "someone@example.com"})
        try:
            with self._governor.conversation(token), guard:
                pass
        except PolicyViolation as violation:
            return violation.decision
        return guard.decision

    def _write(self, line: str) -> None:
        os.write(self._ledger, f"{line}\n".encode())


def _totals(agent: Agent) -> dict[str, Any]:
    return asdict(agent.handle.totals())


def _obey(agent: Agent, order: str, *arguments: str) -> Any:
    match order:
        case "emit":
            return agent.emit(int(arguments[0]))
        case "fill":
            return agent.fill(int(arguments[0]), int(arguments[1]))
        case "flush":
            return asdict(agent.handle.flush(float(arguments[0])))
        case "again":
            return agent.handle.use_key(arguments[0])
        case "totals":
            return _totals(agent)
        case "go":
            return agent.go()
        case "hold":
            return agent.hold()
    raise ValueError(f"unknown order {order!r}")


def main(arguments: str) -> None:
    """Obey until standard input ends."""
    settings = json.loads(arguments)
    agent = Agent(settings)
    if settings.get("going"):
        agent.go()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(_obey(agent, *line.split())), flush=True)
    agent.hold()
    parked = agent.handle.shutdown().parked
    print(json.dumps({**_totals(agent), "parked": parked}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
