"""The environment alone sets a process up: what is missing is added to what is there, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.support.unaware import POLICIES, TOOL

from promethios.exporter.testing import OtlpSink
from promethios.exporter.testing.received import attributes

CARDS = """\
    - id: no-cards
      severity: critical
      on: [model.before]
      detect: {any: [pii.card]}
      action: redact
"""

#: What ``opentelemetry-instrument`` does in the end, with what its distribution set up before.
HOOK = """\
from promethios.exporter.hooks import PromethiosInstrumentor, pre_instrument

pre_instrument()
PromethiosInstrumentor().instrument()
"""

#: An application that records all three signals, and uses a tool that policies block.
RECORD = """\
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, get_logger

with trace.get_tracer("shop").start_as_current_span("work"):
    print(use("delete_all"))
metrics.get_meter("shop").create_counter("orders").add(1)
get_logger("shop").emit(LogRecord(body="card 4111 1111 1111 1111"))
"""

#: An SDK with exporters of its own.
SDK = """\
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
metrics.set_meter_provider(MeterProvider())
_logs.set_logger_provider(LoggerProvider())
_logs.get_logger_provider().add_log_record_processor(BatchLogRecordProcessor(ConsoleLogRecordExporter()))
"""

#: Exporters of ours, as the SDK makes those that the environment names.
NAMED = """\
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._configuration import _initialize_components

_initialize_components()
"""


@pytest.fixture
def policies(tmp_path: Path) -> str:
    (tmp_path / "policies.yaml").write_text(POLICIES + CARDS)
    return str(tmp_path / "policies.yaml")


def _run(code: str, sink: OtlpSink, policies: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PROMETHIOS_"))}
    settings = {
        "PROMETHIOS_API_KEY": "pmk_test",
        "PROMETHIOS_ENDPOINT": sink.url,
        "PROMETHIOS_POLICIES": policies,
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", code], env={**clean, **settings}, capture_output=True, text=True, timeout=100
    )


def _spans(sink: OtlpSink) -> dict[str, int]:
    return Counter(span.name for span in sink.spans())


def _logs(sink: OtlpSink) -> list[str]:
    return [record.body.string_value for record in sink.logs() if record.body.string_value]


def _metrics(sink: OtlpSink) -> set[str]:
    return {metric.name for metric in sink.metrics()} & {"orders", "promethios.decisions"}


ALL = {"work": 1, "delete_all": 1, "promethios.decide": 1}


def test_without_an_sdk_it_is_set_up(sink: OtlpSink, policies: str) -> None:
    done = _run(HOOK + TOOL + RECORD, sink, policies)
    assert (done.stdout, done.stderr) == ("delete_all: PolicyViolation\n", "")
    assert _spans(sink) == ALL
    assert _logs(sink) == ["card [REDACTED:pii.card]"]
    assert _metrics(sink) == {"orders", "promethios.decisions"}


def test_an_sdk_with_exporters_of_its_own_is_completed_and_no_card_leaves_by_them(
    sink: OtlpSink, policies: str
) -> None:
    """The SDK's batches copy the body of a record as they take it, and they were there first."""
    done = _run(SDK + HOOK + TOOL + RECORD, sink, policies)
    assert done.stdout.startswith("delete_all: PolicyViolation\n")
    assert '"name": "work"' in done.stdout
    assert "card [REDACTED:pii.card]" in done.stdout
    assert "4111 1111" not in done.stdout
    assert _spans(sink) == ALL
    assert _logs(sink) == ["card [REDACTED:pii.card]"]
    assert _metrics(sink) == {"orders", "promethios.decisions"}


def test_exporters_of_ours_that_are_there_are_not_added_again(sink: OtlpSink, policies: str) -> None:
    named = {f"OTEL_{signal}_EXPORTER": "promethios" for signal in ("TRACES", "METRICS", "LOGS")}
    done = _run(NAMED + HOOK + TOOL + RECORD, sink, policies, **named)
    assert (done.stdout, done.stderr) == ("delete_all: PolicyViolation\n", "")
    assert _spans(sink) == ALL
    assert _logs(sink) == ["card [REDACTED:pii.card]"]
    assert _metrics(sink) == {"orders", "promethios.decisions"}


#: Telemetry that passes the processors by: written when they are through, or of providers that have none.
PAST = """
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from promethios.exporter import PromethiosLogExporter, PromethiosSpanExporter

class Late(SpanProcessor):
    def on_end(self, span):
        messages = "card 4111 1111 1111 1111"
        span._attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages}

trace.get_tracer_provider().add_span_processor(Late())
trace.get_tracer("shop").start_span("late").end()
other = TracerProvider()
other.add_span_processor(BatchSpanProcessor(PromethiosSpanExporter()))
with other.get_tracer("shop").start_as_current_span("other") as span:
    span.set_attribute("gen_ai.operation.name", "chat")
    span.set_attribute("gen_ai.input.messages", "card 4111 1111 1111 1111")
loggers = LoggerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(PromethiosLogExporter()))
loggers.get_logger("shop").emit(LogRecord(body="card 4111 1111 1111 1111"))
"""


def test_exporters_of_ours_are_the_last_to_redact(sink: OtlpSink, policies: str) -> None:
    named = {f"OTEL_{signal}_EXPORTER": "promethios" for signal in ("TRACES", "METRICS", "LOGS")}
    done = _run(NAMED + HOOK + TOOL + RECORD + PAST, sink, policies, **named)
    assert (done.stdout, done.stderr) == ("delete_all: PolicyViolation\n", "")
    said = {span.name: attributes(span).get("gen_ai.input.messages") for span in sink.spans()}
    assert (said["late"], said["other"]) == ("card [REDACTED:pii.card]",) * 2
    assert _logs(sink) == ["card [REDACTED:pii.card]"] * 2


def test_an_exporter_of_ours_for_one_signal_leaves_the_others_to_be_added(
    sink: OtlpSink, policies: str
) -> None:
    _run(NAMED + HOOK + TOOL + RECORD, sink, policies, OTEL_TRACES_EXPORTER="promethios")
    assert _spans(sink) == ALL
    assert _logs(sink) == ["card [REDACTED:pii.card]"]


def test_a_signal_that_nobody_wants_is_not_delivered_and_decisions_are(sink: OtlpSink, policies: str) -> None:
    unwanted = {"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": " None "}
    _run(NAMED + HOOK + TOOL + RECORD, sink, policies, **unwanted)
    assert _spans(sink) == {"promethios.decide": 1}
    assert _logs(sink) == []
    assert "orders" in _metrics(sink)


def test_where_only_opentelemetrys_variables_say_where_its_exporters_deliver_all_but_decisions(
    sink: OtlpSink, policies: str
) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer k",
        "PROMETHIOS_API_KEY": "",
        "PROMETHIOS_ENDPOINT": "",
    }
    done = _run(SDK + HOOK + TOOL + RECORD, sink, policies, **variables)
    assert _spans(sink) == {"promethios.decide": 1}
    assert '"name": "work"' in done.stdout
    assert '"name": "promethios.decide"' not in done.stdout


def test_a_provider_that_is_not_the_sdks_is_left_alone_and_named(sink: OtlpSink, policies: str) -> None:
    foreign = (
        "from opentelemetry import trace\n"
        "class Vendors(trace.NoOpTracerProvider): pass\n"
        "trace.set_tracer_provider(Vendors())\n"
    )
    guarded = (
        "from promethios.exporter import in_force\nwith in_force.governor().guard('tool', 'read'): pass\n"
    )
    done = _run(foreign + HOOK + guarded + "print(type(trace.get_tracer_provider()))\n", sink, policies)
    assert done.stdout == "<class '__main__.Vendors'>\n"
    assert "the global TracerProvider is not the SDK's but a __main__.Vendors" in done.stderr
    assert "promethios.decide" in _spans(sink)


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_SAMPLER": "always_off"}],
    ids=["off", "sampled"],
)
def test_G13_what_records_no_span_is_governed_and_its_decisions_arrive(
    sink: OtlpSink, policies: str, variables: dict[str, str]
) -> None:
    guarded = (
        "from promethios.exporter import in_force\n"
        "for _ in range(20):\n"
        "    try:\n"
        "        with in_force.governor().guard('tool', 'delete_all'): print('deleted')\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
    )
    done = _run(HOOK + guarded, sink, policies, **variables)
    assert (done.stdout, done.stderr) == ("PolicyViolation\n" * 20, "")
    assert _spans(sink) == {"promethios.decide": 20}


def test_policies_that_cannot_be_used_leave_delivery_in_force_and_it_says_so(
    sink: OtlpSink, policies: str
) -> None:
    done = _run(HOOK + TOOL + RECORD, sink, "missing.yaml")
    assert done.stdout == "delete_all: done\n"
    assert done.stderr == (
        "cannot govern this process by PROMETHIOS_POLICIES=missing.yaml, it runs UNGOVERNED: "
        "missing.yaml:1:1: the file cannot be read: No such file or directory\n"
    )
    assert _spans(sink) == {"work": 1, "delete_all": 1}


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("PROMETHIOS_ENDPOINT", "`endpoint` (from PROMETHIOS_ENDPOINT) is 'x': give an http://"),
        ("PROMETHIOS_EXIT_BUDGET", "`exit_budget` (from PROMETHIOS_EXIT_BUDGET) is 'x': give seconds"),
    ],
)
def test_settings_that_cannot_work_leave_governance_in_force_and_it_says_so(
    sink: OtlpSink, policies: str, variable: str, problem: str
) -> None:
    done = _run(HOOK + TOOL + RECORD, sink, policies, **{variable: "x"})
    assert done.stdout == "delete_all: PolicyViolation\n"
    said = "decisions go where the agent's other spans go, and are sampled like them: "
    assert done.stderr.startswith(said + problem)


def test_a_setting_that_needs_a_missing_package_leaves_governance_in_force(
    sink: OtlpSink, policies: str
) -> None:
    missing = "import sys; sys.modules['opentelemetry.instrumentation.system_metrics'] = None\n"
    done = _run(missing + SDK + HOOK + TOOL + RECORD, sink, policies, PROMETHIOS_SYSTEM_METRICS="true")
    assert done.stdout.startswith("delete_all: PolicyViolation\n")
    assert "card [REDACTED:pii.card]" in done.stdout and "4111 1111" not in done.stdout
    assert "decisions go where the agent's other spans go" in done.stderr
    assert '"name": "promethios.decide"' in done.stdout


def test_nothing_is_set_up_for_who_asks_for_nothing(sink: OtlpSink) -> None:
    code = HOOK + "from opentelemetry import trace\nprint(type(trace.get_tracer_provider()).__name__)\n"
    done = _run(code, sink, "", PROMETHIOS_API_KEY="", PROMETHIOS_ENDPOINT="")
    assert (done.stdout, done.stderr) == ("ProxyTracerProvider\n", "")


def test_a_second_call_of_the_hook_adds_nothing(sink: OtlpSink, policies: str) -> None:
    _run(HOOK + "pre_instrument()\n" + TOOL + RECORD, sink, policies)
    assert _spans(sink) == ALL
