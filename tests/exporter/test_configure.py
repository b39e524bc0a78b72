"""One line sets an agent up: what it sends, what it answers, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags

from promethios.exporter import (
    DropReason,
    FlushResult,
    Promethios,
    SettingsError,
    configure,
)
from promethios.exporter.testing import Answer, OtlpSink
from promethios.governance import Operation
from promethios.governance.policies import PolicyError

POLICIES = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: test, version: "7", owner: tests@example.com}
spec:
  defaults: {mode: enforce, onError: flag}
  policies:
    - id: no-deletions
      severity: critical
      on: [tool.before]
      match: {tool: ["delete_*"]}
      action: block
      onError: block
      message: "not by agents"
    - id: no-cards
      severity: critical
      on: [model.before]
      detect: {in: [input], any: [pii.card]}
      action: redact
"""


@pytest.fixture
def agent(sink: OtlpSink) -> Iterator[Callable[..., Promethios]]:
    """Configures agents that leave the global providers alone."""
    made: list[Promethios] = []

    def make(**given: Any) -> Promethios:
        settings = {
            "endpoint": sink.url,
            "api_key": "pmk_test",
            "metric_interval": 3600,
            "heartbeat_interval": 0,
            "set_global": False,
        }
        made.append(configure(**{**settings, "adapters": False, **given}))
        return made[-1]

    yield make
    for each in made:
        each.shutdown(0.1)


@pytest.fixture
def policies(tmp_path: Path) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES)
    return str(path)


def _span(agent: Promethios, name: str = "work", **attributes: str) -> None:
    agent.tracer_provider.get_tracer("test").start_span(name, attributes=attributes).end()


def _attributes(values: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in values}


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )


def test_sends_all_three_signals_under_one_resource(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    it = agent(service_name="billing", resource_attributes={"deployment.environment.name": "prod"})
    _span(it)
    it.meter_provider.get_meter("m").create_counter("orders").add(2)
    it.logger_provider.get_logger("l").emit(LogRecord(body="hello"))
    result = it.flush()
    assert (bool(result), result.parked, result.dropped) == (True, 0, 0)
    assert [span.name for span in sink.spans()] == ["work"]
    assert [record.body.string_value for record in sink.logs()] == ["hello"]
    assert "orders" in {metric.name for metric in sink.metrics()}
    resources = [
        _attributes(each.resource.attributes)
        for request in sink.requests
        for each in getattr(request.message, f"resource_{_kind(request.path)}")
    ]
    assert {each["service.name"] for each in resources} == {"billing"}
    assert {each["deployment.environment.name"] for each in resources} == {"prod"}
    assert len({each["service.instance.id"] for each in resources}) == 1


def _kind(path: str) -> str:
    return {"/v1/traces": "spans", "/v1/metrics": "metrics", "/v1/logs": "logs"}[path]


def test_the_environment_alone_is_enough(sink: OtlpSink) -> None:
    code = (
        "from promethios.exporter import configure\n"
        "from opentelemetry import trace\n"
        "agent = configure()\n"
        "trace.get_tracer('t').start_span('work').end()\n"
        "print(bool(agent.shutdown()))\n"
    )
    run = _run(code, PROMETHIOS_ENDPOINT=sink.url, PROMETHIOS_API_KEY="pmk_test", OTEL_SERVICE_NAME="billing")
    assert (run.stdout, run.stderr) == ("True\n", "")
    (traces,) = [request.message for request in sink.requests if request.path == "/v1/traces"]
    resource = traces.resource_spans[0].resource
    assert _attributes(resource.attributes)["service.name"] == "billing"


def test_a_heartbeat_comes_soon_and_names_the_policies(
    sink: OtlpSink, agent: Callable[..., Promethios], policies: str
) -> None:
    it = agent(policies=policies)
    sink.wait(1)
    beat = next(metric for metric in sink.metrics() if metric.name == "promethios.agent.heartbeat")
    (point,) = beat.gauge.data_points
    assert point.as_int == 1
    assert it.governor
    assert _attributes(point.attributes) == {
        "promethios.bundle.version": "7",
        "promethios.bundle.hash": it.governor.bundle.id.hash,
    }


def test_metrics_are_exported_again_and_again(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    agent(metric_interval=0.05)
    sink.wait(3)
    assert {request.path for request in sink.requests} == {"/v1/metrics"}


def test_the_counts_of_delivery_are_metrics(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    it = agent()
    sink.wait(1)  # the first metrics
    sink.script(Answer(400))
    _span(it)
    it.tracer_provider.force_flush()
    sink.wait(2)
    it.flush()
    it.flush()
    points = {metric.name: metric for metric in sink.metrics()}
    (dropped,) = points["promethios.exporter.dropped"].sum.data_points
    assert (dropped.as_int, _attributes(dropped.attributes)) == (1, {"reason": "refused"})
    assert points["promethios.exporter.sent"].sum.is_monotonic
    assert points["promethios.exporter.queued"].gauge.data_points[0].as_int == 0
    assert points["promethios.exporter.spooled"].gauge.data_points[0].as_int == 0


def test_a_failing_callback_costs_only_its_own_metric(
    sink: OtlpSink, agent: Callable[..., Promethios]
) -> None:
    it = agent()

    def fail(_: object) -> list[Any]:
        raise ValueError("the application's bug")

    it.meter_provider.get_meter("m").create_observable_gauge("bad", [fail])
    it.flush()
    _span(it)
    assert it.flush().dropped == 0
    assert [span.name for span in sink.spans()] == ["work"]


def test_policies_govern_and_decisions_have_their_own_lane(
    sink: OtlpSink, agent: Callable[..., Promethios], policies: str
) -> None:
    it = agent(policies=policies, service_name="billing")
    assert it.governor
    operation = Operation("tool.before", {"gen_ai.tool.name": "delete_customer"})
    it.governor.decide(operation)
    it.flush()
    (span,) = sink.spans()
    assert span.name == "promethios.decide"
    assert _attributes(span.attributes)["promethios.decision.enforced"] == "block"


def test_G13_sampling_never_thins_out_decisions(sink: OtlpSink, policies: str) -> None:
    code = (
        "from promethios.exporter import configure\n"
        "from promethios.governance import Operation\n"
        "from opentelemetry import trace\n"
        f"agent = configure(policies={policies!r})\n"
        "for _ in range(20):\n"
        "    with trace.get_tracer('t').start_as_current_span('work'):\n"
        "        agent.governor.decide(Operation('tool.before', {'gen_ai.tool.name': 'read'}))\n"
        "agent.shutdown()\n"
    )
    given = {"PROMETHIOS_ENDPOINT": sink.url, "PROMETHIOS_API_KEY": "k", "OTEL_TRACES_SAMPLER": "always_off"}
    assert _run(code, **given).stderr == ""
    assert [span.name for span in sink.spans()] == ["promethios.decide"] * 20


def test_logs_are_redacted_before_they_leave(
    sink: OtlpSink, agent: Callable[..., Promethios], policies: str
) -> None:
    it = agent(policies=policies)
    it.logger_provider.get_logger("l").emit(LogRecord(body="card 4111 1111 1111 1111"))
    it.flush()
    assert [record.body.string_value for record in sink.logs()] == ["card [REDACTED:pii.card]"]


def test_spans_that_come_past_the_processor_are_redacted_before_they_leave(
    agent: Callable[..., Promethios], policies: str, sink: OtlpSink
) -> None:
    it = agent(policies=policies)
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    late = ReadableSpan("pay 4111 1111 1111 1111", context, attributes={"n": 1}, start_time=1, end_time=2)
    it.tracer_provider._active_span_processor.on_end(late)
    it.flush()
    assert [span.name for span in sink.spans()] == ["pay [REDACTED:pii.card]"]
    assert late.name == "pay 4111 1111 1111 1111"


def test_logging_is_left_alone_unless_asked_for(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    handlers = list(logging.getLogger().handlers)
    agent()
    assert logging.getLogger().handlers == handlers


def test_logging_is_sent_from_the_level_that_was_asked_for(
    sink: OtlpSink, agent: Callable[..., Promethios]
) -> None:
    it = agent(log_level="WARNING")
    logger = logging.getLogger("shop")
    logger.info("not this")
    logger.warning("order %s is late", 7, extra={"order": "7"})
    try:
        raise ValueError("no stock")
    except ValueError:
        logger.exception("cannot ship")
    it.shutdown()
    logger.warning("not this either")
    late, failed = sink.logs()
    assert (late.body.string_value, late.severity_text, late.severity_number) == (
        "order 7 is late",
        "WARN",
        13,
    )
    assert _attributes(late.attributes)["order"] == "7"
    assert (failed.severity_text, _attributes(failed.attributes)["exception.type"]) == ("ERROR", "ValueError")


def test_a_log_record_knows_its_span(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    it = agent(log_level="WARNING")
    with it.tracer_provider.get_tracer("t").start_as_current_span("work") as span:
        logging.getLogger("shop").warning("inside")
    it.flush()
    assert sink.logs()[0].span_id == span.get_span_context().span_id.to_bytes(8, "big")


def test_flush_is_honest_about_what_was_not_delivered(
    sink: OtlpSink, agent: Callable[..., Promethios]
) -> None:
    sink.default = Answer(401)
    it = agent()
    _span(it)
    result = it.flush()
    assert (result.delivered, result.dropped, bool(result)) == (0, 0, False)
    assert result.parked >= 1
    it.use_key("pmk_better")
    sink.default = Answer()
    assert it.flush().delivered >= 1


def test_shutting_down_keeps_what_a_silent_receiver_does_not_take(
    sink: OtlpSink, agent: Callable[..., Promethios], tmp_path: Path
) -> None:
    sink.default = Answer(hang=True)
    it = agent(spool_dir=tmp_path / "spool", timeout=3_600.0)
    for number in range(700):
        _span(it, f"span {number}")
    result = it.shutdown(2.0)
    assert (result.delivered, result.dropped) == (0, 0)
    assert result.parked >= 700
    sink.default = Answer()
    before = len(sink.requests)
    again = agent(spool_dir=tmp_path / "spool")
    sink.wait(before + 1)
    assert again.flush(20)
    assert {span.name for span in sink.spans()} == {f"span {number}" for number in range(700)}


def test_shutting_down_again_does_nothing(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    it = agent()
    _span(it)
    assert it.shutdown().delivered >= 1
    assert it.shutdown() == FlushResult()
    assert it.flush() == FlushResult()


def test_what_comes_after_the_shutdown_is_counted(agent: Callable[..., Promethios]) -> None:
    it = agent(metric_interval=0.01)
    it.shutdown()
    _span(it)
    it.tracer_provider.force_flush()
    assert it.totals().dropped == {DropReason.SHUTDOWN: 1}


def test_shutting_down_ends_every_thread(agent: Callable[..., Promethios], policies: str) -> None:
    before = set(threading.enumerate())
    it = agent(policies=policies)
    started = set(threading.enumerate()) - before
    assert len(started) == 5
    it.shutdown()
    for thread in started:
        thread.join(10)
    assert [thread.name for thread in started if thread.is_alive()] == []


def test_a_with_block_shuts_down(sink: OtlpSink, agent: Callable[..., Promethios]) -> None:
    with agent() as it:
        _span(it)
    assert [span.name for span in sink.spans()] == ["work"]


def test_a_normal_end_of_the_process_delivers(sink: OtlpSink) -> None:
    code = (
        "from promethios.exporter import configure\n"
        "from opentelemetry import trace\n"
        f"configure({sink.url!r}, 'k')\n"
        "trace.get_tracer('t').start_span('last words').end()\n"
    )
    assert _run(code).stderr == ""
    assert [span.name for span in sink.spans()] == ["last words"]


def test_more_spans_than_a_queue_holds_are_delivered_or_counted(
    sink: OtlpSink, agent: Callable[..., Promethios]
) -> None:
    it = agent()
    for _ in range(20_000):
        _span(it)
    it.shutdown(30)
    totals = it.totals()
    assert len(sink.spans()) + totals.dropped.get(DropReason.QUEUE_FULL, 0) == 20_000
    assert set(totals.dropped) <= {DropReason.QUEUE_FULL}


def test_a_forked_child_sends_its_own_and_only_its_own(sink: OtlpSink, tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from promethios.exporter import configure\n"
        "from opentelemetry import trace\n"
        f"agent = configure({sink.url!r}, 'k', spool_dir={str(tmp_path)!r})\n"
        "tracer = trace.get_tracer('t')\n"
        "tracer.start_span('before').end()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    tracer.start_span('child').end()\n"
        "    os._exit(0 if agent.shutdown() else 1)\n"
        "tracer.start_span('parent').end()\n"
        "print(os.waitpid(child, 0)[1], bool(agent.shutdown()))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout == "0 True\n", run.stderr
    assert sorted(span.name for span in sink.spans()) == ["before", "child", "parent"]


def test_a_killed_agents_spool_is_delivered_by_the_next(tmp_path: Path, deaf_port: int) -> None:
    code = (
        "import sys, time\n"
        "from promethios.exporter import configure\n"
        f"agent = configure('http://127.0.0.1:{deaf_port}', 'k', spool_dir={str(tmp_path)!r},"
        " set_global=False)\n"
        "for number in range(30):\n"
        "    agent.tracer_provider.get_tracer('t').start_span(f'span {number}').end()\n"
        "while agent.totals().spooled < 30: agent.flush(0.1)\n"
        "print('spooled', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "spooled\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with OtlpSink(deaf_port) as sink:
        it = configure(sink.url, "k", spool_dir=tmp_path, set_global=False)
        sink.wait(1)
        deadline = time.monotonic() + 20
        while len({span.name for span in sink.spans()}) < 30 and time.monotonic() < deadline:
            it.flush(0.2)
        it.shutdown()
        assert {span.name for span in sink.spans()} == {f"span {number}" for number in range(30)}


def test_a_second_call_is_refused_by_name(sink: OtlpSink) -> None:
    code = (
        "from promethios.exporter import AlreadyConfiguredError, configure\n"
        f"configure({sink.url!r}, 'k')\n"
        "try:\n"
        f"    configure({sink.url!r}, 'k')\n"
        "except AlreadyConfiguredError as error:\n"
        "    print(error)\n"
    )
    run = _run(code)
    assert run.stdout.startswith(
        "configure() found a global TracerProvider: it was called before, or another"
    )
    assert run.stderr == ""


def test_what_raises_leaves_the_providers_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("kind: PolicySet\n")
    wrong: list[dict[str, Any]] = [
        {"endpoint": "nowhere"},
        {"policies": str(tmp_path / "missing.yaml")},
        {"policies": str(tmp_path / "bad.yaml")},
    ]
    for given in wrong:
        with pytest.raises(ValueError):
            configure(**{"endpoint": "http://127.0.0.1:9", "api_key": "k", **given})
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"endpoint": "nowhere"}, SettingsError, r"^`endpoint` is 'nowhere': give an http"),
        ({"api_key": None}, SettingsError, r"^`api_key` is missing: pass it or set PROMETHIOS_API_KEY"),
        (
            {"policies": "/nowhere.yaml"},
            PolicyError,
            r"^/nowhere.yaml:1:1: the file cannot be read: No such file or directory$",
        ),
        ({"log_level": "LOUD"}, SettingsError, r"^`log_level` is 'LOUD': give a number, or one of CRITICAL"),
        ({"spool": "/tmp"}, TypeError, r"^unknown setting `spool`: the settings are"),
    ],
)
def test_a_setting_that_cannot_work_is_named(given: dict[str, Any], error: type, message: str) -> None:
    settings = {"endpoint": "http://127.0.0.1:9", "api_key": "k", "set_global": False, **given}
    with pytest.raises(error, match=message):
        configure(**settings)


def test_the_key_shows_in_no_repr_and_in_no_log(
    sink: OtlpSink, agent: Callable[..., Promethios], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sink.script(Answer(401), Answer(503), Answer(400))
    it = agent(api_key="pmk_live_donttell", log_level="DEBUG")
    for _ in range(3):
        _span(it)
        it.flush(1)
    it.use_key("pmk_live_donttell2")
    it.shutdown(1)
    assert "donttell" not in caplog.text
    told = [repr(it), repr(vars(it)), json.dumps([str(record.body) for record in sink.logs()])]
    assert not any("donttell" in text for text in told)
