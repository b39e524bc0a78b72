"""Client certificates: checked when they are loaded, shown to receivers that ask, read anew when renewed."""

from __future__ import annotations

import shutil
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from tests.support.certificates import Certificates
from tests.support.deliveries import KEY, batch, delivering, soon
from tests.support.receiver import RunningReceiver

from promethios.exporter import FlushResult, Settings, SettingsError
from promethios.exporter.outcomes import Delivered, Transient
from promethios.exporter.sender import Sender
from promethios.exporter.testing import OtlpSink

#: TLS 1.3 refuses a client after its handshake: the client sees why, or only that it has ended.
REFUSED = (
    "no answer: SSLError (tlsv13 alert certificate required): check `endpoint` and `client_certificate`",
    "no answer: SSLError (tlsv1 alert unknown ca): check `endpoint` and `client_certificate`",
    "no answer: SSLError (the receiver ended it): check `endpoint` and `client_certificate`",
    "no answer: ProtocolError",
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls") / "foreign")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, ours: Certificates) -> Iterator[RunningReceiver]:
    """A receiver that asks clients for a certificate."""
    options = (*ours.options, "--tls-client-ca", str(ours.ca))
    with RunningReceiver(
        tmp_path_factory.mktemp("strict") / "promethios.db", *options, grpc="off"
    ) as running:
        yield running


@pytest.fixture
def strict_sink(ours: Certificates) -> Iterator[OtlpSink]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.cert, ours.key)
    context.load_verify_locations(ours.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with OtlpSink(tls=context) as sink:
        yield sink


def spans_in(receiver: RunningReceiver) -> int:
    with closing(sqlite3.connect(f"file:{receiver.db}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])


def shown(files: Certificates) -> dict[str, Any]:
    return {"client_certificate": files.client_cert, "client_key": files.client_key}


def test_the_receiver_takes_a_certificate_that_its_authority_vouches_for(
    strict: RunningReceiver, ours: Certificates
) -> None:
    before = spans_in(strict)
    given = {"api_key": strict.ingest_key, "certificate": ours.ca, **shown(ours)}
    with delivering(strict.http, **given) as delivery:
        delivery.submit(batch("certified", 2))
        assert delivery.flush(soon()) == FlushResult(delivered=2)
    assert spans_in(strict) == before + 2


def test_certificate_and_key_may_be_one_file(
    strict_sink: OtlpSink, ours: Certificates, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(ours.client_cert.read_bytes() + ours.client_key.read_bytes())
    with delivering(strict_sink.url, certificate=ours.ca, client_certificate=both) as delivery:
        delivery.submit(batch())
        assert delivery.flush(soon()) == FlushResult(delivered=1)


def test_the_environment_names_them_as_opentelemetry_does(strict_sink: OtlpSink, ours: Certificates) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": strict_sink.url,
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(ours.ca),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(ours.client_cert),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(ours.client_key),
    }
    sender = Sender(Settings.load(environ, api_key=KEY))
    assert sender.send(batch()) == Delivered()
    sender.close()


@pytest.mark.parametrize("wrong", ["none", "of another authority"])
def test_a_receiver_that_refuses_us_is_tried_again_and_the_reason_points_at_the_setting(
    strict: RunningReceiver, ours: Certificates, foreign: Certificates, wrong: str
) -> None:
    given = {} if wrong == "none" else shown(foreign)
    sender = Sender(Settings.load({}, endpoint=strict.http, api_key=KEY, certificate=ours.ca, **given))
    outcomes = [sender.send(batch("x", items)) for items in (1, 1, 20_000)]
    sender.close()
    assert all(isinstance(outcome, Transient) and outcome.reason in REFUSED for outcome in outcomes), outcomes


def test_a_renewed_certificate_is_used_without_a_restart_and_nothing_is_lost_until_then(
    strict: RunningReceiver,
    ours: Certificates,
    foreign: Certificates,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = {name: tmp_path / name for name in shown(foreign)}
    for name, file in shown(foreign).items():
        shutil.copy(file, files[name])
    before = spans_in(strict)
    given = {"api_key": strict.ingest_key, "certificate": ours.ca, **files}
    with delivering(strict.http, **given) as delivery:
        delivery.submit(batch("renewed", 3))
        wait_until(lambda: any(" for now: " in message for message in caplog.messages))
        for name, file in shown(ours).items():
            # One after the other, as such things are done: for a moment they do not fit.
            shutil.copy(file, files[name])
        assert delivery.flush(soon()) == FlushResult(delivered=3)
    assert spans_in(strict) == before + 3
    said = next(message for message in caplog.messages if " for now: " in message)
    assert said.partition(" for now: ")[2] in REFUSED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("key of another", "`client_key` is '{}': it is not the private key of `client_certificate`"),
        ("no key", "`client_key` is '{}': there is no such file"),
    ],
)
def test_files_that_do_not_fit_at_the_moment_are_named_and_tried_again(
    strict_sink: OtlpSink,
    ours: Certificates,
    foreign: Certificates,
    tmp_path: Path,
    change: str,
    said: str,
) -> None:
    key = tmp_path / "key.pem"
    shutil.copy(ours.client_key, key)
    given = {"certificate": ours.ca, "client_certificate": ours.client_cert, "client_key": key}
    sender = Sender(Settings.load({}, endpoint=strict_sink.url, api_key=KEY, **given))
    if change == "no key":
        key.unlink()
    else:
        shutil.copy(foreign.client_key, key)
    assert sender.send(batch()) == Transient(f"no answer: {said.format(key)}")
    shutil.copy(ours.client_key, key)
    assert sender.send(batch()) == Delivered()
    sender.close()


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def locked(key: Path, folder: Path) -> Path:
    """The same key, under a password."""
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    file = folder / "locked.pem"
    file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    return file


NO_CERTIFICATES = "it cannot be read as certificates in PEM"
NO_KEY = "it holds no private key in PEM that needs no password"


@pytest.mark.parametrize(
    ("setting", "file", "others", "problem"),
    [
        ("certificate", "nowhere", (), "there is no such file"),
        ("certificate", "words", (), NO_CERTIFICATES),
        ("certificate", "key", (), NO_CERTIFICATES),
        ("client_certificate", "nowhere", ("client_key",), "there is no such file"),
        ("client_certificate", "folder", ("client_key",), "there is no such file"),
        ("client_certificate", "words", ("client_key",), NO_CERTIFICATES),
        ("client_certificate", "key", ("client_key",), NO_CERTIFICATES),
        ("client_certificate", "certificate", (), NO_KEY),
        ("client_key", "nowhere", ("client_certificate",), "there is no such file"),
        ("client_key", "words", ("client_certificate",), NO_KEY),
        ("client_key", "locked", ("client_certificate",), NO_KEY),
        (
            "client_key",
            "foreign",
            ("client_certificate",),
            "it is not the private key of `client_certificate`",
        ),
        ("client_key", "key", (), "give its certificate too, as `client_certificate`"),
    ],
)
def test_files_that_cannot_work_are_errors_when_settings_are_loaded(
    ours: Certificates,
    foreign: Certificates,
    tmp_path: Path,
    setting: str,
    file: str,
    others: tuple[str, ...],
    problem: str,
) -> None:
    (tmp_path / "words").write_text("-----BEGIN words-----")
    found = {
        "nowhere": tmp_path / "nowhere",
        "words": tmp_path / "words",
        "folder": tmp_path,
        "key": ours.client_key,
        "certificate": ours.client_cert,
        "foreign": foreign.client_key,
        "locked": locked(ours.client_key, tmp_path),
    }[file]
    given = {name: file for name, file in shown(ours).items() if name in others}
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, api_key=KEY, **{setting: found, **given})
    assert str(caught.value) == f"`{setting}` is {str(found)!r}: {problem}"
    assert caught.value.setting == setting


def test_an_error_names_the_variable_that_the_file_came_from() -> None:
    environ = {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/nowhere.pem"}
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ, api_key=KEY)
    assert str(caught.value) == (
        "`client_certificate` (from OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE) is '/nowhere.pem':"
        " there is no such file"
    )


@pytest.mark.parametrize(
    ("names", "ended", "reason"),
    [
        (("127.0.0.1",), True, "certificate has expired"),
        (
            ("elsewhere.example",),
            False,
            "IP address mismatch, certificate is not valid for '127.0.0.1'.",
        ),
    ],
    ids=["expired", "of another name"],
)
def test_a_receiver_that_is_not_to_be_trusted_is_named_gets_no_key_and_loses_nothing(
    tmp_path: Path, names: tuple[str, ...], ended: bool, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    until = {"not_after": datetime(2020, 1, 1, tzinfo=UTC)} if ended else {}
    issued = authority.issue_cert(*names, **until)
    good = authority.issue_cert("127.0.0.1")
    context, right = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    issued.configure_cert(context)
    good.configure_cert(right)
    with (
        OtlpSink(tls=context) as sink,
        delivering(sink.url, certificate=tmp_path / "ca.pem", spool_dir=tmp_path / "spool") as delivery,
    ):
        delivery.submit(batch("kept", 3))
        wait_until(lambda: bool(caplog.messages))
        (said,) = caplog.messages
        assert said.startswith(f"no delivery to {sink.url} for now: no answer: SSLError ({reason}): check")
        port = sink.port
        sink.close()
        assert sink.requests == []
        with OtlpSink(port, tls=right) as renewed:
            renewed.wait(1)
            assert delivery.flush(soon()) == FlushResult(delivered=3)
