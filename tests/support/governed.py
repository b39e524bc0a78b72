"""Small policies, and a real SDK whose spans stay in memory: what the tests of enforcement share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CARD = "4111 1111 1111 1111"

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: enforcement-tests, version: "1"}
spec:
  defaults: {onError: flag}
  policies:
    - id: models
      severity: high
      on: [model.before]
      params: {allowed: [gpt-4o-mini]}
      when: '!(model.request in params.allowed)'
      action: block
      onError: block
      message: "model '${model.request}' is not on the list"
    - id: no-delete
      severity: critical
      on: [tool.before]
      match: {tool: ["delete_*"]}
      action: block
      onError: block
      message: "nothing may be deleted"
    - id: cards
      severity: high
      on: [model.before, model.after, tool.before, tool.after, response]
      detect: {in: [input, output, tool.arguments, tool.result], any: ["pii.card"]}
      action: redact
    - id: secret-results
      severity: critical
      on: [tool.after]
      detect: {in: [tool.result], any: ["secret.*"]}
      action: block
      onError: block
      message: "a secret must not leave the tool"
    - id: budget
      severity: medium
      on: [model.before]
      limit: {of: tokens, max: 100, per: conversation}
      action: block
      onError: block
      message: "the conversation has used its tokens"
"""


@dataclass
class Traced:
    """A tracer provider and what it exported."""

    provider: TracerProvider
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def spans(self, name: str) -> list[ReadableSpan]:
        """The ended spans of that name, oldest first."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    @property
    def decisions(self) -> list[ReadableSpan]:
        """The governance spans, oldest first."""
        return self.spans("promethios.decide")

    @property
    def points(self) -> list[Any]:
        """The points that were decided, oldest first."""
        return [span.attributes["promethios.decision.point"] for span in self.decisions]

    def everything(self) -> str:
        """All that was exported, as text."""
        return "\n".join(span.to_json() for span in self.exporter.get_finished_spans())


MakeTraced = Callable[..., Traced]
