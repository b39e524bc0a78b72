"""Small policies for agents and their tools, and what tests of frameworks share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.governed import Traced

ROOT = Path(__file__).parents[2]
KEY = "AKIA" + "IOSFODNN7EXAMPLE"

AGENT_POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: agent-tests, version: "1"}
spec:
  defaults: {onError: flag}
  policies:
    - id: no-delete
      severity: critical
      on: [tool.before]
      match: {tool: ["delete_*"]}
      action: block
      onError: block
      message: "nothing may be deleted"
    - id: no-rogue
      severity: critical
      on: [agent.before]
      match: {agent: ["rogue*"]}
      action: block
      onError: block
      message: "this agent may not run"
    - id: cards
      severity: high
      on: [agent.before, agent.after, model.before, model.after, tool.before, tool.after]
      detect: {in: [input, output, tool.arguments, tool.result], any: ["pii.card"]}
      action: redact
    - id: secret-results
      severity: critical
      on: [tool.after, agent.after]
      detect: {in: [tool.result, output], any: ["secret.*"]}
      action: block
      onError: block
      message: "a secret must not leave"
    - id: searches
      severity: medium
      on: [tool.before]
      match: {tool: [search]}
      limit: {of: calls, max: 2, per: conversation}
      action: block
      onError: block
      message: "the conversation has used its searches"
"""


def told(traced: Traced, point: str) -> list[dict[str, Any]]:
    """The attributes of the decisions at a point, oldest first."""
    decisions = [dict(span.attributes or {}) for span in traced.decisions]
    return [each for each in decisions if each["promethios.decision.point"] == point]


def run_without_sdk(program: str) -> str:
    """What `program` prints in a process of its own, with OpenTelemetry's SDK disabled."""
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
