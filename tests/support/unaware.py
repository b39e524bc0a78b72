"""An agent that knows nothing of Promethios, and policies for it."""

from __future__ import annotations

POLICIES = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: run, version: "3"}
spec:
  defaults: {onError: block}
  policies:
    - id: no-deletions
      severity: critical
      on: [tool.before]
      match: {tool: ["delete_*"]}
      action: block
      message: "not by agents"
"""

#: An agent's tool, as an instrumentation of it would tell it; of Promethios it knows nothing.
TOOL = """\
from opentelemetry import trace

def use(tool):
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
    try:
        with trace.get_tracer("tools").start_as_current_span(tool, attributes=attributes):
            return f"{tool}: done"
    except Exception as error:
        return f"{tool}: {type(error).__name__}"
"""
