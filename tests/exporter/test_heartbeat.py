"""Heartbeats as they leave an agent: OpAMP's message, small, whole, one at a time, and a goodbye."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry._opamp.proto.opamp_pb2 import AgentToServer
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from tests.support.policies import no_deletions

from promethios.exporter.coverage import Coverage
from promethios.exporter.delivery import Delivery
from promethios.exporter.health import observe
from promethios.exporter.heartbeat import Heartbeat
from promethios.exporter.testing import Answer, OtlpSink
from promethios.governance import GovernanceSpanProcessor, Governor, PolicyViolation

INSTANCE = "9d1b7f52-2c4e-4b57-8a52-0a7d3d1f6c11"
RESOURCE = Resource(
    {
        "service.name": "billing",
        "service.version": "3.1",
        "service.instance.id": INSTANCE,
        "deployment.environment.name": "prod",
        "host.name": "h1",
    }
)


def policies(name: str = "house", version: str = "7", mode: str = "enforce") -> str:
    return no_deletions(name=name, version=version, mode=mode)


def plain(value: AnyValue) -> Any:
    """A value as a receiver reads it."""
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def message(record: LogRecord) -> AgentToServer:
    """The body as OpAMP's message. An unknown field, or one of another type, is an error here."""
    return ParseDict(plain(record.body), AgentToServer())


def told(record: LogRecord) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in record.attributes}


def pairs(found: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in found}


@pytest.fixture
def beat(deliver: Callable[..., Delivery]) -> Iterator[Callable[..., Heartbeat]]:
    """Starts heartbeats that come rarely, so that a test says when."""
    begun: list[Heartbeat] = []

    def start(*more: Any, resource: Resource = RESOURCE, at_once: bool = True, **settings: Any) -> Heartbeat:
        delivery = deliver(**{"heartbeat_interval": 3600.0, **settings})
        begun.append(heartbeat := Heartbeat(delivery, lambda: resource, *more))
        if at_once:
            heartbeat.beat_soon()
        return heartbeat

    yield start
    for heartbeat in begun:
        heartbeat.shutdown()


def heard(sink: OtlpSink, how_many: int) -> list[LogRecord]:
    """The heartbeats, when there are so many."""
    sink.wait(how_many)
    return sink.logs()


def test_the_first_comes_soon_and_says_who_it_is(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    before = time.time_ns()
    beat(at_once=False)
    (record,) = heard(sink, 1)
    found = message(record)
    assert (record.event_name, record.severity_text) == ("promethios.agent.heartbeat", "INFO")
    assert (found.instance_uid, found.sequence_num) == (uuid.UUID(INSTANCE).bytes, 1)
    assert pairs(found.agent_description.identifying_attributes) == {
        "service.name": "billing",
        "service.version": "3.1",
        "service.instance.id": INSTANCE,
    }
    described = pairs(found.agent_description.non_identifying_attributes)
    assert (described["process.pid"], described["host.name"]) == (os.getpid(), "h1")
    assert described["deployment.environment.name"] == "prod"
    assert before <= found.health.start_time_unix_nano <= found.health.status_time_unix_nano
    assert (found.health.healthy, found.health.status) == (True, "running")


def test_it_reports_status_configuration_health_and_heartbeats_and_accepts_nothing(
    sink: OtlpSink, beat: Callable[..., Heartbeat]
) -> None:
    beat()
    kinds = type(message(heard(sink, 1)[0])).DESCRIPTOR.file.enum_types_by_name["AgentCapabilities"]
    reports = ("ReportsStatus", "ReportsEffectiveConfig", "ReportsHealth", "ReportsHeartbeat")
    numbers = {value.name.rpartition("_")[2]: value.number for value in kinds.values}
    assert message(sink.logs()[0]).capabilities == sum(numbers[name] for name in reports)


def test_it_names_the_policies_in_force_and_never_their_text(
    sink: OtlpSink, beat: Callable[..., Heartbeat]
) -> None:
    governor = Governor.from_text(policies())
    beat(governor)
    (record,) = heard(sink, 1)
    file = message(record).effective_config.config_map.config_map["promethios"]
    identity = {"name": "house", "version": "7", "hash": governor.bundle.id.hash}
    assert json.loads(file.body) == {"mode": "enforce", "bundle": identity}
    assert file.content_type == "application/json"
    attributes = told(record)
    assert {name: attributes[f"promethios.bundle.{name}"] for name in identity} == identity
    assert attributes["promethios.agent.mode"] == "enforce"
    assert b"delete_" not in record.SerializeToString()


@pytest.mark.parametrize(("mode", "said"), [("enforce", "enforce"), ("shadow", "shadow")])
def test_its_mode_is_shadow_where_every_policy_is(
    sink: OtlpSink, beat: Callable[..., Heartbeat], mode: str, said: str
) -> None:
    beat(Governor.from_text(policies(mode=mode)))
    (record,) = heard(sink, 1)
    assert told(record)["promethios.agent.mode"] == said
    assert message(record).health.component_health_map["governance"].status == said


def test_without_policies_it_says_so(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    beat()
    (record,) = heard(sink, 1)
    assert told(record)["promethios.agent.mode"] == "none"
    assert not [name for name in told(record) if name.startswith("promethios.bundle.")]


def test_other_policies_are_told_at_once(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    governor = Governor.from_text(policies())
    beat(governor)
    heard(sink, 1)
    governor.use(Governor.from_text(policies(version="8")).bundle)
    *_, latest = heard(sink, 2)
    assert told(latest)["promethios.bundle.version"] == "8"
    assert message(latest).sequence_num == 2


def test_they_come_again_and_again_and_are_numbered(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    beat(heartbeat_interval=0.05)
    found = [message(record) for record in heard(sink, 4)]
    numbers = [each.sequence_num for each in found]
    # News that was not sent yet is replaced by newer news.
    assert numbers[0] == 1 and numbers == sorted(set(numbers))
    assert 1 in (later - earlier for earlier, later in pairwise(numbers))
    assert len({each.health.start_time_unix_nano for each in found}) == 1
    uptimes = [told(record)["promethios.agent.uptime"] for record in sink.logs()]
    assert uptimes == sorted(uptimes)
    assert told(sink.logs()[0])["promethios.agent.heartbeat.interval"] == 0.05


def test_an_interval_of_0_sends_none(sink: OtlpSink, deliver: Callable[..., Delivery], soon: Any) -> None:
    delivery = deliver(heartbeat_interval=0)
    heartbeat = Heartbeat(delivery, lambda: RESOURCE)
    heartbeat.beat_soon()
    heartbeat.shutdown()
    delivery.close(soon())
    assert sink.requests == []


def test_the_last_one_says_goodbye_and_is_whole(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    heartbeat = beat(Governor.from_text(policies()))
    heard(sink, 1)
    heartbeat.shutdown()
    heartbeat.shutdown()
    first, last = map(message, heard(sink, 2))
    assert [each.HasField("agent_disconnect") for each in (first, last)] == [False, True]
    assert (last.sequence_num, last.health.status) == (2, "stopped")
    assert last.agent_description == first.agent_description


def test_a_goodbye_is_sent_also_where_nothing_was_said_before(
    sink: OtlpSink, deliver: Callable[..., Delivery], soon: Any
) -> None:
    delivery = deliver(heartbeat_interval=3600.0)
    Heartbeat(delivery, lambda: RESOURCE).shutdown()
    delivery.close(soon())
    assert [message(record).HasField("agent_disconnect") for record in sink.logs()] == [True]


def test_it_tells_how_delivery_fares_and_what_failed_last(
    sink: OtlpSink, beat: Callable[..., Heartbeat], batch: Any, soon: Any
) -> None:
    heartbeat = beat()
    heard(sink, 1)
    delivery = heartbeat._delivery
    sink.script(Answer(400))
    delivery.submit(batch(items=3))
    delivery.submit(batch(items=2))
    delivery.flush(soon())
    heartbeat.beat_soon()
    latest = heard(sink, 4)[-1]
    attributes = told(latest)
    assert attributes["promethios.exporter.sent"] == 2
    assert attributes["promethios.exporter.dropped"] == {"refused": 3}
    assert (attributes["promethios.exporter.queued"], attributes["promethios.exporter.spooled"]) == (0, 0)
    part = message(latest).health.component_health_map["delivery"]
    assert (part.healthy, part.status, part.last_error) == (True, "delivering", "HTTP 400")
    assert part.status_time_unix_nano


def test_it_is_counted_neither_as_sent_nor_as_waiting(
    sink: OtlpSink, beat: Callable[..., Heartbeat], soon: Any
) -> None:
    heartbeat = beat()
    heard(sink, 1)
    heartbeat._delivery.wait(soon())
    totals = heartbeat._delivery.totals()
    assert (totals.delivered, totals.queued, totals.spooled, dict(totals.dropped)) == (0, 0, 0, {})


def test_of_many_in_an_outage_the_newest_alone_is_sent(
    deaf_port: int, deliver: Callable[..., Delivery], soon: Any
) -> None:
    delivery = deliver(endpoint=f"http://127.0.0.1:{deaf_port}", heartbeat_interval=0.005)
    heartbeat = Heartbeat(delivery, lambda: RESOURCE)
    while heartbeat._sequence < 50:
        time.sleep(0.005)
    heartbeat.shutdown()
    with OtlpSink(port=deaf_port) as sink:
        delivery.close(soon())
        numbers = [message(record).sequence_num for record in sink.logs()]
    assert numbers[-1] == heartbeat._sequence
    # The one that was under way when the receiver came back may arrive before.
    assert len(numbers) <= 2


def test_it_goes_before_what_waits_for_the_end_of_an_outage(
    deaf_port: int, deliver: Callable[..., Delivery], batch: Any, soon: Any
) -> None:
    delivery = deliver(endpoint=f"http://127.0.0.1:{deaf_port}", heartbeat_interval=3600.0)
    for number in range(20):
        delivery.submit(batch(f"work {number}"))
    heartbeat = Heartbeat(delivery, lambda: RESOURCE)
    heartbeat.shutdown()
    with OtlpSink(port=deaf_port) as sink:
        delivery.close(soon())
        paths = [request.path for request in sink.requests]
    assert "/v1/logs" in paths[:2]
    assert len(paths) == 21


def test_where_all_is_parked_it_is_what_finds_out_that_it_is_over(
    sink: OtlpSink, deliver: Callable[..., Delivery], batch: Any, soon: Any
) -> None:
    sink.default = Answer(401)
    delivery = deliver(heartbeat_interval=3600.0)
    delivery.submit(batch("work"))
    delivery.wait(soon())
    heartbeat = Heartbeat(delivery, lambda: RESOURCE)
    heartbeat.beat_soon()
    while not heartbeat._sequence:
        time.sleep(0.01)
    sink.default = Answer()
    delivery.use_key("pmk_other")
    assert delivery.wait(soon())
    heartbeat.shutdown()
    assert message(sink.logs()[0]).health.component_health_map["delivery"].status == "parked"
    assert "HTTP 401" in message(sink.logs()[0]).health.last_error


def test_a_goodbye_that_nobody_hears_is_in_the_spool_for_the_next_process(
    sink: OtlpSink, deaf_port: int, deliver: Callable[..., Delivery], tmp_path: Any, soon: Any
) -> None:
    spool = tmp_path / "spool"
    away = deliver(endpoint=f"http://127.0.0.1:{deaf_port}", spool_dir=spool, heartbeat_interval=3600.0)
    Heartbeat(away, lambda: RESOURCE).shutdown()
    result = away.close(time.monotonic())
    assert (result.delivered, result.dropped) == (0, 0)
    deliver(spool_dir=spool)
    (record,) = heard(sink, 1)
    assert message(record).HasField("agent_disconnect")


def test_a_forked_child_is_an_instance_of_its_own(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    provider = TracerProvider(resource=RESOURCE)
    heartbeat = beat()
    heartbeat._resource = lambda: provider.resource
    heard(sink, 1)
    time.sleep(0.01)
    child = os.fork()
    if not child:
        heartbeat.shutdown()
        heartbeat._delivery.close(time.monotonic() + 10)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    parent, forked = map(message, heard(sink, 2))
    assert forked.sequence_num == 1
    assert forked.instance_uid != parent.instance_uid
    assert forked.health.start_time_unix_nano > parent.health.start_time_unix_nano
    assert pairs(forked.agent_description.non_identifying_attributes)["process.pid"] == child


@pytest.mark.parametrize("hostile", ["x" * 100_000, "\0", "ü" * 5000, 7, True, ("a", "b"), 1.5])
def test_it_stays_small_whatever_the_resource_says(
    sink: OtlpSink, beat: Callable[..., Heartbeat], hostile: Any
) -> None:
    names = ("service.name", "service.instance.id", "host.name", "gen_ai.agent.id", "k8s.pod.name")
    everything = [
        *names,
        "service.namespace",
        "service.version",
        "container.id",
        "cloud.region",
        "os.version",
    ]
    beat(
        Governor.from_text(policies(name="n" * 200, version="v" * 200)),
        resource=Resource(dict.fromkeys(everything, hostile)),
    )
    (record,) = heard(sink, 1)
    assert record.ByteSize() < 4096
    assert message(record).sequence_num == 1


def test_an_instance_without_a_uuid_has_one_made_of_its_name(
    sink: OtlpSink, beat: Callable[..., Heartbeat]
) -> None:
    for _ in range(2):
        beat(resource=Resource({"service.instance.id": "worker-1"}))
    first, second = map(message, heard(sink, 2))
    assert first.instance_uid == second.instance_uid
    assert len(first.instance_uid) == 16
    assert base64.b64decode(plain(sink.logs()[0].body)["instance_uid"]) == first.instance_uid


def _spans(governor: Governor | None) -> tuple[Any, Coverage]:
    provider, coverage = TracerProvider(), Coverage(governor)
    if governor:
        provider.add_span_processor(GovernanceSpanProcessor(governor))
    provider.add_span_processor(coverage)
    return provider.get_tracer("t"), coverage


def _tool(name: str) -> dict[str, str]:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}


def test_operations_that_were_decided_in_time_are_governed() -> None:
    tracer, coverage = _spans(Governor.from_text(policies()))
    tracer.start_span("execute_tool read", attributes=_tool("read")).end()
    with pytest.raises(PolicyViolation):
        tracer.start_span("execute_tool delete_all", attributes=_tool("delete_all"))
    assert (coverage.governed, coverage.ungoverned) == (2, 0)


def test_what_is_decided_when_it_is_over_is_not_governed() -> None:
    tracer, coverage = _spans(Governor.from_text(policies()))
    late = tracer.start_span("work")
    late.set_attributes(_tool("read"))
    late.end()
    assert (coverage.governed, coverage.ungoverned) == (0, 1)


def test_without_policies_no_operation_is_governed_and_other_spans_are_none() -> None:
    tracer, coverage = _spans(None)
    tracer.start_span("execute_tool read", attributes=_tool("read")).end()
    tracer.start_span("GET /", attributes={"http.request.method": "GET"}).end()
    tracer.start_span("odd", attributes={"gen_ai.operation.name": "odd"}).end()
    assert (coverage.governed, coverage.ungoverned) == (0, 1)


def test_the_gauge_names_the_policies_in_force_too(deliver: Callable[..., Delivery]) -> None:
    governor, reader = Governor.from_text(policies()), InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    observe(provider, deliver(), governor)
    for version in ("7", "8"):
        governor.use(Governor.from_text(policies(version=version)).bundle)
        data = reader.get_metrics_data()
        assert data
        metrics = {each.name: each for each in data.resource_metrics[0].scope_metrics[0].metrics}
        (point,) = metrics["promethios.agent.heartbeat"].data.data_points
        assert point.attributes == {
            "promethios.bundle.version": version,
            "promethios.bundle.hash": governor.bundle.id.hash,
        }
    provider.shutdown()


def test_coverage_is_told(sink: OtlpSink, beat: Callable[..., Heartbeat]) -> None:
    tracer, coverage = _spans(None)
    tracer.start_span("execute_tool read", attributes=_tool("read")).end()
    beat(None, coverage)
    (record,) = heard(sink, 1)
    counts = [told(record)[f"promethios.coverage.{name}"] for name in ("governed", "ungoverned")]
    assert counts == [0, 1]
