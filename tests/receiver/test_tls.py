"""TLS: what every client of OpenTelemetry can do with it, what is refused, and certificates that change."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import grpc
import pytest
from click.testing import CliRunner
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.support.certificates import Certificates
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver
from tests.support.wire import body_of, chunked, exchange, post, read_all, status_of

from promethios.governance.cli import main as root
from promethios.receiver.settings import Settings, SettingsError
from promethios.receiver.tls import Certificates as Loaded

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture(scope="module")
def receiver(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[RunningReceiver]:
    """A receiver that speaks TLS; the tests share it."""
    folder = tmp_path_factory.mktemp("receiver")
    with RunningReceiver(
        folder / "promethios.db", *certificates.options, environment={"PROMETHIOS_IDLE_SECONDS": "2"}
    ) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[RunningReceiver]:
    """A receiver that asks clients for a certificate."""
    folder = tmp_path_factory.mktemp("strict")
    options = (*certificates.options, "--tls-client-ca", str(certificates.ca))
    with RunningReceiver(folder / "promethios.db", *options) as running:
        yield running


def place(receiver: RunningReceiver) -> tuple[str, int]:
    parts = urlsplit(receiver.http)
    assert parts.hostname is not None and parts.port is not None
    return parts.hostname, parts.port


def connect(receiver: RunningReceiver, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(place(receiver), timeout=30)
    return context.wrap_socket(plain, server_hostname="localhost")


def ask(receiver: RunningReceiver, context: ssl.SSLContext, request: bytes) -> bytes:
    """Send bytes over TLS, and read until the receiver closes."""
    with connect(receiver, context) as connection:
        connection.sendall(request)
        return read_all(connection)


def half_closed(receiver: RunningReceiver, context: ssl.SSLContext, request: bytes) -> bytes:
    """Send bytes and the end of what is sent, and read the answer: no `SSLSocket` can do that."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, answer = context.wrap_bio(incoming, outgoing, server_hostname="localhost"), b""
    with socket.create_connection(place(receiver), timeout=30) as connection:
        for step in (client.do_handshake, lambda: client.write(request), client.unwrap):
            with contextlib.suppress(ssl.SSLWantReadError):
                step()
            connection.sendall(outgoing.read())
            if step == client.do_handshake:
                incoming.write(connection.recv(65_536))
                client.do_handshake()
                connection.sendall(outgoing.read())
        while part := connection.recv(65_536):
            incoming.write(part)
    while True:
        try:
            part = client.read(65_536)
        except ssl.SSLError:
            return answer
        if not part:
            return answer
        answer += part


def spans_sent_with(exporter: Any, name: str) -> None:
    provider = TracerProvider(resource=Resource({"gen_ai.agent.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("tests").start_span("chat").end()
    provider.shutdown()


def agents(receiver: RunningReceiver, context: ssl.SSLContext) -> set[str]:
    connection = http.client.HTTPSConnection(*place(receiver), context=context, timeout=30)
    connection.request("GET", "/api/v1/agents", headers=receiver.admin)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 200, text
    return set(text.decode().split('"'))


def test_k09_the_ready_line_says_https(receiver: RunningReceiver, certificates: Certificates) -> None:
    assert receiver.http.startswith("https://127.0.0.1:")
    with urlopen(f"{receiver.http}/health/live", context=certificates.client()) as answer:
        assert answer.status == 200


def test_k09_an_address_for_others_is_served_with_tls() -> None:
    settings = Settings(http="0.0.0.0:4318", grpc="[::]:4317", tls_cert="cert.pem", tls_key="key.pem")
    assert settings.tls


@pytest.mark.parametrize("certified", [False, True], ids=["server", "both"])
def test_the_stock_exporter_over_http_with_its_certificate_options(
    receiver: RunningReceiver,
    strict: RunningReceiver,
    certificates: Certificates,
    certified: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where they are set, requests believes them and not what its session was given.
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    target = strict if certified else receiver
    own = {
        "client_certificate_file": str(certificates.client_cert),
        "client_key_file": str(certificates.client_key),
    }
    exporter = HttpExporter(
        endpoint=f"{target.http}/v1/traces",
        certificate_file=str(certificates.ca),
        headers=target.ingest,
        **(own if certified else {}),
    )
    spans_sent_with(exporter, "over-http")
    assert "over-http" in agents(target, certificates.client(certified=certified))


@pytest.mark.parametrize("certified", [False, True], ids=["server", "both"])
def test_the_stock_exporter_over_grpc_with_its_certificate_options(
    receiver: RunningReceiver,
    strict: RunningReceiver,
    certificates: Certificates,
    certified: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = strict if certified else receiver
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificates.ca))
    if certified:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(certificates.client_cert))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(certificates.client_key))
    exporter = GrpcExporter(endpoint=f"https://{target.grpc}", headers=(("x-api-key", target.ingest_key),))
    spans_sent_with(exporter, "over-grpc")
    assert "over-grpc" in agents(target, certificates.client(certified=certified))


def test_k09_http_without_a_clients_certificate_is_not_heard(
    strict: RunningReceiver, certificates: Certificates
) -> None:
    with pytest.raises(OSError):
        assert ask(strict, certificates.client(), b"GET /health/live HTTP/1.0\r\n\r\n")
        raise ConnectionResetError("closed without an answer")


def test_k09_grpc_without_a_clients_certificate_is_not_heard(
    strict: RunningReceiver, certificates: Certificates
) -> None:
    credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes())
    with grpc.secure_channel(strict.grpc, credentials) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(EXPORT)(b"", timeout=10, metadata=[("x-api-key", strict.ingest_key)])
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_k09_a_clients_certificate_of_another_authority_is_refused(
    strict: RunningReceiver, certificates: Certificates, tmp_path: Path
) -> None:
    stranger = Certificates.make(tmp_path / "stranger")
    context = certificates.client()
    context.load_cert_chain(stranger.client_cert, stranger.client_key)
    with pytest.raises(OSError):
        assert ask(strict, context, b"GET /health/live HTTP/1.0\r\n\r\n")
        raise ConnectionResetError("closed without an answer")


def test_k09_a_clients_certificate_does_not_replace_its_key(
    strict: RunningReceiver, certificates: Certificates
) -> None:
    answer = ask(
        strict,
        certificates.client(certified=True),
        b"GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    assert status_of(answer) == 401


def test_k09_a_command_shows_a_clients_certificate(
    strict: RunningReceiver, certificates: Certificates
) -> None:
    command = ("keys", "list", "--url", strict.http)
    files = {
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates.ca),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificates.client_cert),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(certificates.client_key),
    }
    env = {"PROMETHIOS_ADMIN_KEY": strict.admin_key, **files}
    done = CliRunner().invoke(root, command, env=env)
    assert (done.exit_code, done.stderr) == (0, "")
    client = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
    for missing, hint in (
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "; OTEL_EXPORTER_OTLP_CERTIFICATE names the authorities to trust\n",
        ),
        (
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
            f"; does it speak TLS, and want a client's certificate? {client} name one\n",
        ),
    ):
        done = CliRunner().invoke(root, command, env={**env, missing: ""})
        assert (done.exit_code, done.stderr.endswith(hint)) == (1, True), done.stderr


def test_k09_files_that_a_command_cannot_use_are_named(strict: RunningReceiver, tmp_path: Path) -> None:
    env = {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "none"), "PROMETHIOS_ADMIN_KEY": "k"}
    done = CliRunner().invoke(root, ("keys", "list", "--url", strict.http), env=env)
    named = ", ".join(
        f"OTEL_EXPORTER_OTLP_{name}" for name in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
    )
    message = f"Error: cannot use the files that {named} name: [Errno 2] No such file or directory\n"
    assert (done.exit_code, done.stderr) == (1, message)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_k09_tls_older_than_1_2_is_refused(
    receiver: RunningReceiver, certificates: Certificates, transport: str
) -> None:
    host, port = place(receiver) if transport == "http" else str(receiver.grpc).rsplit(":", 1)
    context = certificates.client()
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    # Older versions need signatures that OpenSSL offers at this level only.
    context.set_ciphers("ALL:@SECLEVEL=0")
    refused = pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version|EOF occurred")
    with socket.create_connection((host, int(port)), timeout=30) as plain, refused:
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_k09_newer_versions_are_spoken(
    receiver: RunningReceiver, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = certificates.client()
    context.minimum_version = context.maximum_version = version
    assert status_of(ask(receiver, context, b"GET /health/live HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_plain_http_is_told_to_speak_https(receiver: RunningReceiver, size: int) -> None:
    answer = exchange(receiver.http, post("/v1/traces", [("Content-Length", str(size))], bytes(size)))
    assert status_of(answer) == 400
    assert b'"detail":"this port speaks HTTPS: use https://"' in body_of(answer)


def test_nonsense_closes_its_own_connection_only(
    receiver: RunningReceiver, certificates: Certificates
) -> None:
    for nonsense in (
        b"\x16",
        b"\x16\x03\x01\xff\xff" + bytes(70_000),
        b"\x16\x03\x01\x00\x05hello",
        b"\x80\x2e",
    ):
        with socket.create_connection(place(receiver), timeout=30) as connection:
            connection.sendall(nonsense)
    assert status_of(ask(receiver, certificates.client(), b"GET /health/live HTTP/1.0\r\n\r\n")) == 200
    assert "Traceback" not in receiver.stderr


def test_a_handshake_that_does_not_end_is_ended(receiver: RunningReceiver) -> None:
    with socket.create_connection(place(receiver), timeout=30) as connection:
        connection.sendall(b"\x16\x03\x01")
        assert connection.recv(1) == b""


def test_who_does_not_end_the_handshake_holds_nobody_up(
    receiver: RunningReceiver, certificates: Certificates
) -> None:
    idle = [socket.create_connection(place(receiver), timeout=30) for _ in range(40)]
    try:
        for connection in idle:
            connection.sendall(b"\x16\x03\x01")
        assert status_of(ask(receiver, certificates.client(), b"GET /health/live HTTP/1.0\r\n\r\n")) == 200
    finally:
        for connection in idle:
            connection.close()


def test_many_requests_share_one_connection(receiver: RunningReceiver, certificates: Certificates) -> None:
    connection = http.client.HTTPSConnection(*place(receiver), context=certificates.client(), timeout=30)
    connection.connect()
    first = connection.sock
    for _ in range(50):
        connection.request("GET", "/")
        assert len(connection.getresponse().read()) > 1_000
    assert connection.sock is first
    connection.close()


@pytest.mark.parametrize("size", [1, 16_384, 16_385, 65_536, 3_000_000])
def test_a_body_of_any_size_arrives_whole(
    receiver: RunningReceiver, certificates: Certificates, size: int
) -> None:
    name = f"n{size}"
    body = trace_request(
        span(attributes={"long": "x" * size}), resource={"gen_ai.agent.name": name}
    ).SerializeToString()
    headers = [("Content-Type", "application/x-protobuf"), ("x-api-key", receiver.ingest_key)]
    length = ("Content-Length", str(len(body)))
    answer = ask(receiver, certificates.client(), post("/v1/traces", [*headers, length], body))
    assert (status_of(answer), body_of(answer)) == (200, b"")
    assert name in agents(receiver, certificates.client())


def test_a_body_that_drips_in_is_read_to_its_end(
    receiver: RunningReceiver, certificates: Certificates
) -> None:
    body = trace_request(span(), resource={"gen_ai.agent.name": "dripping"}).SerializeToString()
    headers = [("Content-Type", "application/x-protobuf"), ("x-api-key", receiver.ingest_key)]
    request = post("/v1/traces", [*headers, ("Content-Length", str(len(body)))], body)
    with connect(receiver, certificates.client()) as connection:
        for at in range(0, len(request), 7):
            connection.sendall(request[at : at + 7])
        assert status_of(read_all(connection)) == 200
    assert "dripping" in agents(receiver, certificates.client())


def test_a_body_that_ends_early_is_400(receiver: RunningReceiver, certificates: Certificates) -> None:
    headers = [
        ("Content-Type", "application/json"), ("Content-Length", "9"), ("x-api-key", receiver.ingest_key),
    ]  # fmt: skip
    answer = half_closed(receiver, certificates.client(), post("/v1/traces", headers, b"{}"))
    assert status_of(answer) == 400
    assert b"the body ended after 2 of 9 bytes" in body_of(answer)


def test_a_connection_that_is_cut_is_nobody_elses_matter(
    receiver: RunningReceiver, certificates: Certificates
) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", "9")]
    connection = connect(receiver, certificates.client())
    connection.sendall(post("/v1/traces", headers, b"{}"))
    with socket.socket(fileno=connection.detach()) as below:
        below.settimeout(30)
        below.shutdown(socket.SHUT_WR)
        read_all(below)
    assert status_of(ask(receiver, certificates.client(), b"GET /health/live HTTP/1.0\r\n\r\n")) == 200
    assert "Traceback" not in receiver.stderr


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ([("Content-Length", "70000")], b"", 401),
        ([("Transfer-Encoding", "chunked")], chunked(bytes(70_000)), 401),
        ([("Content-Length", "-1")], b"", 400),
        ([("x", "y" * 70_000)], b"", 431),
    ],
    ids=["large", "chunked", "false", "header"],
)
def test_limits_hold_before_anybody_has_shown_a_key(
    receiver: RunningReceiver,
    certificates: Certificates,
    headers: list[tuple[str, str]],
    body: bytes,
    status: int,
) -> None:
    answer = ask(receiver, certificates.client(), post("/v1/traces", headers, body))
    assert status_of(answer) == status


def test_clients_at_once_get_each_their_own_answers(
    receiver: RunningReceiver, certificates: Certificates
) -> None:
    failed: list[object] = []

    def run(number: int) -> None:
        connection = http.client.HTTPSConnection(*place(receiver), context=certificates.client(), timeout=30)
        for turn in range(10):
            path = f"/{number}-{turn}" + "x" * 50
            connection.request("POST", path, bytes(20_000))
            answer = connection.getresponse()
            text = answer.read()
            if (answer.status, path[:40].encode() in text) != (404, True):
                failed.append((path, answer.status, text))
        connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_renewed_certificate_is_used_without_a_restart(certificates: Certificates, tmp_path: Path) -> None:
    old, new = Certificates.make(tmp_path / "old"), Certificates.make(tmp_path / "new")
    with RunningReceiver(tmp_path / "promethios.db", *old.options) as receiver:
        assert agents(receiver, old.client())
        old.cert.write_text("no certificate")
        assert agents(receiver, old.client()), "what cannot be used must not be used"
        for name in ("cert.pem", "key.pem"):
            shutil.copy(tmp_path / "new" / name, tmp_path / "old" / name)
        assert agents(receiver, new.client())
        with pytest.raises(ssl.SSLError):
            connect(receiver, old.client())
        credentials = grpc.ssl_channel_credentials(new.ca.read_bytes())
        with grpc.secure_channel(receiver.grpc, credentials) as channel:
            called = channel.unary_unary(EXPORT)
            assert called(b"", timeout=10, metadata=[("x-api-key", receiver.ingest_key)]) == b""
        receiver.stop()
        assert f"TLS: keeping the old certificate: tls_cert = {old.cert}" in receiver.stderr
        assert f"TLS: using the new certificate in {old.cert}" in receiver.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tls_key": ""}, "tls_cert = {cert}: it needs tls_key too"),
        ({"tls_cert": ""}, "tls_key = {key}: it needs tls_cert too"),
        (
            {"tls_cert": "", "tls_key": "", "tls_client_ca": "{ca}"},
            (
                "tls_client_ca = {ca}: clients show certificates over TLS only; it needs tls_cert and "
                "tls_key too"
            ),
        ),
        ({"tls_cert": "{ca}.none"}, "cannot read {ca}.none: No such file or directory"),
        (
            {"tls_key": "{client_key}"},
            "tls_cert = {cert}, tls_key = {client_key}: the key is another certificate's",
        ),
        (
            {"tls_cert": "{nothing}"},
            (
                "tls_cert = {nothing}, tls_key = {key}: these must be a certificate and its private key in "
                "PEM, without a password"
            ),
        ),
        ({"tls_client_ca": "{nothing}"}, "tls_client_ca = {nothing}: it has no certificates in PEM"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    certificates: Certificates, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    names = {**vars(certificates), "nothing": nothing}
    given = {"tls_cert": "{cert}", "tls_key": "{key}", **change}
    with pytest.raises(SettingsError) as caught:
        Loaded(Settings(**{name: text.format(**names) for name, text in given.items()}))  # type: ignore[arg-type]
    assert str(caught.value) == message.format(**names)


def test_k12_a_key_with_a_password_is_refused_and_asks_nobody(
    certificates: Certificates, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(certificates.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(SettingsError, match="without a password"):
        Loaded(Settings(tls_cert=str(certificates.cert), tls_key=str(locked)))


def test_k12_a_private_key_is_not_shown(certificates: Certificates) -> None:
    loaded = Loaded(Settings(tls_cert=str(certificates.cert), tls_key=str(certificates.key)))
    assert "PRIVATE KEY" not in repr(loaded.pem())
