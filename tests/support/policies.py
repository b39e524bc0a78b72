"""The policy that tests of everything around policies use."""

from __future__ import annotations


def no_deletions(name: str = "house", version: str = "1", mode: str = "enforce") -> str:
    """A bundle in which tools that delete are blocked."""
    return f"""\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {{name: {name}, version: "{version}", owner: tests@example.com}}
spec:
  defaults: {{mode: {mode}, onError: flag}}
  policies:
    - id: no-deletions
      severity: critical
      on: [tool.before]
      match: {{tool: ["delete_*"]}}
      action: block
      onError: block
"""
