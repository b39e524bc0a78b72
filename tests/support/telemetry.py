"""Agents' telemetry as any agent would send it: the OpenTelemetry SDK and its stock OTLP/HTTP exporters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.types import AttributeValue

from promethios.governance import semconv

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Hit:
    """One policy that matched."""

    policy_id: str
    severity: str
    action: str
    reason: str
    mode: str = "enforce"
    detector: str = "when"
    controls: tuple[str, ...] = ()
    failed: bool = False

    def attributes(self) -> dict[str, AttributeValue]:
        """The attributes of its guardrail event."""
        return {
            semconv.GUARDRAIL_POLICY_ID: self.policy_id,
            semconv.GUARDRAIL_POLICY_VERSION: "2026.11.2",
            semconv.GUARDRAIL_RULE_ID: self.detector,
            semconv.GUARDRAIL_RESULT_TYPE: self.action,
            semconv.GUARDRAIL_RESULT_VALUE: self.action if self.mode == "enforce" else "allow",
            semconv.GUARDRAIL_RESULT_REASON: self.reason,
            semconv.POLICY_SEVERITY: self.severity,
            semconv.POLICY_MODE: self.mode,
            semconv.POLICY_FAILED: self.failed,
            **({semconv.POLICY_CONTROLS: self.controls} if self.controls else {}),
        }


@dataclass
class ReportingAgent:
    """An agent that reports to a receiver; every operation is given as seconds before now."""

    name: str
    tracer: trace.Tracer
    logs: LoggerProvider
    metrics: MeterProvider
    instance: str = field(default_factory=lambda: uuid4().hex)
    decisions: int = 0
    bundle: str = "2026.11.2"

    def run(self, ago: float, *steps: Step) -> str:
        """Invoke the agent `ago` seconds before now, steps a second each; return the trace's id."""
        begin = time.time_ns() - int(ago * SECOND)
        root = self.tracer.start_span(
            f"invoke_agent {self.name}", start_time=begin, attributes={semconv.OPERATION_NAME: "invoke_agent"}
        )
        with trace.use_span(root, end_on_exit=False):
            for number, step in enumerate(steps):
                self._step(step, begin + number * SECOND + MILLISECOND)
        root.end(begin + len(steps) * SECOND + 2 * MILLISECOND)
        return f"{root.get_span_context().trace_id:032x}"

    def lose(self) -> None:
        """Number a decision that nobody is told of."""
        self.decisions += 1

    def log(self, ago: float, body: str) -> None:
        """Emit a log record."""
        at = time.time_ns() - int(ago * SECOND)
        record = LogRecord(timestamp=at, severity_number=SeverityNumber.WARN, severity_text="WARN", body=body)
        self.logs.get_logger("agent").emit(record)

    def measure(self) -> None:
        """Emit a metric point."""
        self.metrics.get_meter("agent").create_counter("orders.refunded").add(1)

    def _step(self, step: Step, begin: int) -> None:
        span = self.tracer.start_span(step.name, start_time=begin, attributes=step.attributes)
        with trace.use_span(span, end_on_exit=False):
            if step.decided:
                self._decide(step, begin + MILLISECOND)
        if step.enforced == "block":
            span.set_status(
                trace.Status(trace.StatusCode.ERROR, f"PolicyViolation: {step.hits[0].policy_id}")
            )
        span.end(begin + SECOND)

    def _decide(self, step: Step, begin: int) -> None:
        self.decisions += 1
        attributes = {
            **{key: value for key, value in step.attributes.items() if "usage" not in key},
            semconv.DECISION_ID: uuid4().hex,
            semconv.DECISION_SEQ: self.decisions,
            semconv.DECISION_POINT: step.point,
            semconv.DECISION_VERDICT: step.verdict,
            semconv.DECISION_ENFORCED: step.enforced,
            semconv.DECISION_MODE: step.hits[0].mode if step.hits else "enforce",
            semconv.DECISION_DURATION: step.took,
            semconv.BUNDLE_NAME: "baseline",
            semconv.BUNDLE_VERSION: self.bundle,
            semconv.BUNDLE_HASH: sha256(self.bundle.encode()).hexdigest(),
            semconv.SERVICE_INSTANCE_ID: self.instance,
        }
        span = self.tracer.start_span(semconv.DECISION_SPAN, start_time=begin, attributes=attributes)
        for hit in step.hits:
            span.add_event(semconv.GUARDRAIL_EVENT, hit.attributes(), timestamp=begin)
        span.end(begin + int(step.took * 1_000))


@dataclass(frozen=True)
class Step:
    """One operation of an agent and what was decided about it."""

    name: str
    point: str
    attributes: Mapping[str, AttributeValue]
    hits: tuple[Hit, ...] = ()
    decided: bool = True
    #: How long the policies took, microseconds.
    took: float = 80.5

    @property
    def verdict(self) -> str:
        """What the first match asked for."""
        return self.hits[0].action if self.hits else "allow"

    @property
    def enforced(self) -> str:
        """What happened: nothing, if the policy is in shadow."""
        return self.verdict if self.hits and self.hits[0].mode == "enforce" else "allow"


def model_call(
    *hits: Hit, tokens: tuple[int, int] = (812, 93), decided: bool = True, conversation: str = ""
) -> Step:
    """A call of a model, with its input and output tokens."""
    attributes: dict[str, AttributeValue] = {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "openai",
        semconv.REQUEST_MODEL: "gpt-4o-mini",
        semconv.USAGE_INPUT_TOKENS: tokens[0],
        semconv.USAGE_OUTPUT_TOKENS: tokens[1],
        **({semconv.CONVERSATION_ID: conversation} if conversation else {}),
    }
    return Step("chat gpt-4o-mini", "model.before", attributes, hits, decided)


def tool_call(tool: str, *hits: Hit) -> Step:
    """A call of a tool."""
    attributes: dict[str, AttributeValue] = {
        semconv.OPERATION_NAME: "execute_tool",
        semconv.TOOL_NAME: tool,
    }
    return Step(f"execute_tool {tool}", "tool.before", attributes, hits)


@contextmanager
def reporting_agent(name: str, endpoint: str, key: str, **resources: str) -> Iterator[ReportingAgent]:
    """An agent called `name` that sends to `endpoint`; at the end everything has been sent."""
    instance = {semconv.SERVICE_NAME: name, semconv.SERVICE_INSTANCE_ID: uuid4().hex}
    resource = Resource.create({**instance, **resources})
    headers = {"authorization": f"Bearer {key}"}
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces", headers=headers)))
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(f"{endpoint}/v1/logs", headers=headers))
    )
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics", headers=headers))
    metrics = MeterProvider([reader], resource=resource)
    try:
        yield ReportingAgent(name, spans.get_tracer("agent"), logs, metrics)
    finally:
        for provider in (spans, logs, metrics):
            provider.shutdown()
