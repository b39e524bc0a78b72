"""The receiver's own figures over OTLP: what is sent, to whom, and what happens when nobody takes it."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings, SettingsError
from promethios.receiver.telemetry.counts import Reason
from promethios.receiver.telemetry.encoding import encode
from promethios.receiver.telemetry.figures import Observer
from promethios.receiver.telemetry.instruments import INSTRUMENTS, Distribution, Kind
from promethios.receiver.telemetry.sending import SelfTelemetry

RESOURCE = {"service.name": "promethios-receiver"}
IN_THE_CLEAR = (
    "self_endpoint = http://collector:4318: self_key would travel in the clear; use https, "
    "or send to 127.0.0.1"
)
NO_BASE_ADDRESS = (
    "self_endpoint: it must be the base address of OTLP/HTTP, such as http://127.0.0.1:4318, "
    "without user, password and query; a key goes into self_key"
)


class Backend(ThreadingHTTPServer):
    """Somebody who takes OTLP; `answer` is the status that it gives, or whoever is at `forward`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = 200
        self.location = ""
        self.forward = ""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Backend
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        self.send_response(self._forward(body) if self.server.forward else self.server.answer)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _forward(self, body: bytes) -> int:
        request = Request(self.server.forward + self.path, body, dict(self.headers))
        with suppress(HTTPError), urlopen(request, timeout=30) as answer:
            return int(answer.status)
        return 503

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def observer(services: Services) -> Observer:
    return Observer(services, Budget(1_000))


def metrics_of(body: bytes) -> dict[str, Metric]:
    request = ExportMetricsServiceRequest.FromString(body)
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric for metric in scope.metrics}


def test_the_request_has_every_instrument_as_it_is(observer: Observer, services: Services) -> None:
    services.counts.refused("logs", Reason.INVALID_ITEM, 3)
    figures = observer.look()
    metrics = metrics_of(encode(figures, observer.started, RESOURCE))
    assert list(metrics) == [instrument.name for instrument in INSTRUMENTS]
    for instrument in INSTRUMENTS:
        metric = metrics[instrument.name]
        assert (metric.unit, metric.description) == (instrument.unit, instrument.about)
        kinds = {Kind.COUNTER: "sum", Kind.GAUGE: "gauge", Kind.HISTOGRAM: "histogram"}
        assert metric.WhichOneof("data") == kinds[instrument.kind]
        points = getattr(metric, kinds[instrument.kind]).data_points
        assert len(points) == len(list(instrument.read(figures)))
        for point, (labels, value) in zip(points, instrument.read(figures), strict=True):
            said = {pair.key: pair.value.string_value for pair in point.attributes}
            assert said == dict(zip(instrument.labels, labels, strict=True))
            assert point.start_time_unix_nano == services.started < point.time_unix_nano
            if isinstance(value, Distribution):
                assert (tuple(point.bucket_counts), tuple(point.explicit_bounds)) == (
                    value.counts,
                    value.bounds,
                )
                assert (point.count, point.sum) == (sum(value.counts), value.total)
            else:
                assert getattr(point, point.WhichOneof("value")) == value


def test_counters_are_cumulative_and_only_grow(observer: Observer) -> None:
    metrics = metrics_of(encode(observer.look(), observer.started, RESOURCE))
    for instrument in INSTRUMENTS:
        if instrument.kind is Kind.COUNTER:
            data = metrics[instrument.name].sum
            assert (data.is_monotonic, data.aggregation_temporality) == (True, 2)
    assert metrics["promethios.receiver.commit.duration"].histogram.aggregation_temporality == 2


def test_it_is_sent_packed_with_the_key_and_says_who_it_is(backend: Backend, observer: Observer) -> None:
    sender = SelfTelemetry(observer, f"{backend.url}/", "secret-key", 60)
    assert sender.send()
    assert sender.send()
    (path, headers, body), (_, _, second) = backend.requests
    assert path == "/v1/metrics"
    assert headers["authorization"] == "Bearer secret-key"
    assert (headers["content-type"], headers["content-encoding"]) == ("application/x-protobuf", "gzip")
    assert headers["user-agent"].startswith("promethios-receiver/")
    resources = []
    for each in (body, second):
        (resource,) = ExportMetricsServiceRequest.FromString(gzip.decompress(each)).resource_metrics
        resources.append({pair.key: pair.value.string_value for pair in resource.resource.attributes})
    assert resources[0] == resources[1]
    assert set(resources[0]) == {"service.name", "service.version", "service.instance.id"}
    assert b"secret-key" not in gzip.decompress(body)


def test_without_a_key_none_is_sent(backend: Backend, observer: Observer) -> None:
    assert SelfTelemetry(observer, backend.url, "", 60).send()
    ((_, headers, _),) = backend.requests
    assert "authorization" not in headers


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_a_refusal_is_logged_once_and_so_is_its_end(
    backend: Backend, observer: Observer, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    sender = SelfTelemetry(observer, backend.url, "secret-key", 60)
    backend.answer = status
    assert [sender.send() for _ in range(3)] == [False, False, False]
    assert len(backend.requests) == 3, "one request each: figures are cumulative, so nothing is sent again"
    backend.answer = 200
    assert sender.send()
    url = f"{backend.url}/v1/metrics"
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot send the receiver's own figures to {url}: it answered {status}",
        f"the receiver's own figures are sent to {url} again",
    ]


def test_nobody_there_is_logged_once(observer: Observer, caplog: pytest.LogCaptureFixture) -> None:
    with Backend() as gone:
        url = gone.url
    sender = SelfTelemetry(observer, url, "secret-key", 60)
    assert not sender.send()
    assert not sender.send()
    (record,) = caplog.records
    assert record.getMessage().startswith(f"cannot send the receiver's own figures to {url}/v1/metrics: ")
    assert "secret-key" not in caplog.text


def test_a_redirection_is_not_followed(backend: Backend, observer: Observer) -> None:
    """It would take the key to whom nobody meant."""
    with Backend() as other:
        backend.answer, backend.location = 307, f"{other.url}/v1/metrics"
        assert not SelfTelemetry(observer, backend.url, "secret-key", 60).send()
        assert other.requests == []


def test_it_is_off_by_default(observer: Observer) -> None:
    assert SelfTelemetry.of(Settings(), observer) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"self_key": "k"}, "self_key: it needs self_endpoint too"),
        (
            {"self_endpoint": "http://collector:4318", "self_key": "k"},
            IN_THE_CLEAR,
        ),
        (
            {"self_endpoint": "http://127.0.0.1:4318", "self_seconds": 0},
            "self_seconds = 0: it must be at least 1",
        ),
        *(
            (
                {"self_endpoint": wrong},
                NO_BASE_ADDRESS,
            )
            for wrong in (
                "collector:4318",
                "grpc://collector:4317",
                "http://",
                "http://user:secret@collector:4318",
                "http://collector:port",
                "http://collector:4318?key=secret",
                "http://[::1",
            )
        ),
    ],
)
def test_an_endpoint_that_cannot_be_meant_is_an_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(**settings)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("endpoint", "key"),
    [
        ("http://127.0.0.1:4318", "k"),
        ("http://[::1]:4318", "k"),
        ("https://collector.example/otlp", "k"),
        ("http://collector:4318", ""),
    ],
)
def test_an_endpoint_that_can_be_meant_is_taken(endpoint: str, key: str) -> None:
    assert Settings(self_endpoint=endpoint, self_key=key).self_endpoint == endpoint


def test_the_key_is_not_shown_with_the_settings() -> None:
    assert "secret-key" not in repr(Settings(self_endpoint="https://collector", self_key="secret-key"))


def test_a_wrong_endpoint_keeps_serve_from_starting(tmp_path: Path) -> None:
    ended = run_promethios("serve", "--db", str(tmp_path / "p.db"), "--self-endpoint", "collector")
    assert ended.returncode == 1
    assert "Error: self_endpoint: it must be the base address" in ended.stderr
    assert not (tmp_path / "p.db").exists()


def test_one_receiver_watches_another(tmp_path: Path) -> None:
    """Sent by `promethios serve`, stored and answered by another one."""
    with RunningReceiver(tmp_path / "watching.db") as watching:
        own = {
            "PROMETHIOS_SELF_ENDPOINT": watching.http,
            "PROMETHIOS_SELF_KEY": watching.ingest_key,
            "PROMETHIOS_SELF_SECONDS": "1",
        }
        with RunningReceiver(tmp_path / "watched.db", environment=own) as watched:
            wait_for_points(watching)
            assert watched.stop() == 0
            assert watched.stderr.count("cannot send") == 0
        (agent,) = watching.data("agents")
        assert agent["agent_id"] == "promethios-receiver"


def wait_for_points(receiver: RunningReceiver) -> None:
    for _ in range(300):
        if receiver.data("status")[0]["metric_points"]:
            return
        threading.Event().wait(0.1)
    raise AssertionError("no figures came")


def test_sent_to_its_own_address_it_does_not_feed_itself(tmp_path: Path, backend: Backend) -> None:
    """Every request has as many points as the first, and SIGTERM ends it as ever."""
    db = tmp_path / "p.db"
    made = run_promethios("keys", "create", "--db", str(db), "--scope", "ingest", "--json")
    own = {
        "PROMETHIOS_SELF_ENDPOINT": backend.url,
        "PROMETHIOS_SELF_KEY": json.loads(made.stdout)["key"],
        "PROMETHIOS_SELF_SECONDS": "1",
    }
    with RunningReceiver(db, environment=own) as receiver:
        backend.forward = receiver.http
        for _ in range(300):
            if len(backend.requests) > 3:
                break
            threading.Event().wait(0.1)
        assert receiver.stop() == 0
    sizes = [points_in(gzip.decompress(body)) for _, _, body in backend.requests]
    assert len(sizes) > 3
    assert len(set(sizes)) == 1


def points_in(body: bytes) -> int:
    metrics = metrics_of(body).values()
    return sum(len(getattr(metric, str(metric.WhichOneof("data"))).data_points) for metric in metrics)
