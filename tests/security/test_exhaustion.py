"""What one client uses up is not missing to another; and what errors say of it in the log."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from tests.support.certificates import Certificates

from promethios.receiver.access.keys import new_key
from promethios.receiver.answers import HEADERS
from promethios.receiver.refusal import Refusal
from promethios.receiver.secure import IN_THE_CLEAR
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.tls import Certificates as Loaded

SECRET = "5ecret-c0ntent"


@contextlib.contextmanager
def every_reader_taken(services: Services) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        for _ in range(16):
            held.enter_context(services.readers.connect())
        yield


def test_k16_questions_that_take_every_reader_keep_no_key_from_being_looked_up(
    services: Services, client: FlaskClient, make_key: Any
) -> None:
    """The loop that serves all of HTTP looks keys up too: it would stand still for as long."""
    ingest = make_key("default", "ingest")
    body = {"agent_id": "clerk"}
    with every_reader_taken(services):
        assert services.gate.knows([("x-api-key", new_key().reveal())]) is False
        assert client.post("/api/v1/heartbeat", json=body, headers=ingest).status_code == 200


@pytest.mark.parametrize("side", ["readers", "lookups", "writer"])
def test_k12_an_error_of_the_database_does_not_repeat_what_was_stored(
    services: Services, side: str, caplog: pytest.LogCaptureFixture
) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO no_such_table VALUES (:content)"), {"content": SECRET})

    with caplog.at_level(logging.DEBUG), pytest.raises((SQLAlchemyError, Refusal)) as caught:
        if side == "writer":
            services.writer.do(work)
        else:
            with getattr(services.store, side).connect() as connection:
                work(connection)
    assert SECRET not in f"{caught.value!r} {caught.value} {caplog.text}"


def test_k11_an_address_writes_no_line_of_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(rest: str) -> str:
        raise RuntimeError("a bug of ours")

    client.application.add_url_rule("/health/broken/<rest>", "health.broken", fail)
    with caplog.at_level(logging.ERROR):
        assert client.get("/health/broken/a%0aERROR%20forged").status_code == 503
    (message,) = (record.getMessage() for record in caplog.records)
    assert message == "'GET /health/broken/a\\nERROR forged' failed"


def test_k11_a_certificate_that_is_missing_is_told_once_and_not_for_each_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Certificates.make(tmp_path / "made")
    loaded = Loaded(Settings(tls_cert=str(made.cert), tls_key=str(made.key)))
    first, text = loaded.pem(), made.cert.read_bytes()
    for _ in range(2):
        made.cert.unlink()
        assert [loaded.pem() for _ in range(5)] == [first] * 5
        made.cert.write_bytes(text)
        assert loaded.pem().chain == text
    told = [record.getMessage() for record in caplog.records if "keeping" in record.getMessage()]
    assert len(told) == 2
    assert told[0].startswith("TLS: keeping the old certificate: ")


def test_k11_who_speaks_http_where_https_is_spoken_reads_the_headers_too() -> None:
    for name, value in HEADERS.items():
        assert f"\r\n{name}: {value}\r\n".encode() in IN_THE_CLEAR
    head, _, body = IN_THE_CLEAR.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
