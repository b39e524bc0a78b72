"""The HTTP server's end, in this process: what had arrived before it is answered."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from tests.support.wire import post, read_all, status_of

from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.server import HttpServer
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings

PAUSE_SECONDS = 0.7


@pytest.fixture
def server(services: Services, tmp_path: Path) -> HttpServer:
    settings = Settings(db=str(tmp_path / "promethios.db"), http="127.0.0.1:0")
    app = create_app(services, Budget(settings.memory_bytes))
    return HttpServer(app, services.gate, settings, services.counts)


@pytest.mark.parametrize("begun", [0, 40])
def test_what_arrived_while_the_server_was_held_up_is_answered_at_its_end(
    server: HttpServer, begun: int
) -> None:
    request = post(
        "/v1/traces", [("Content-Type", "application/x-protobuf"), ("Content-Length", "9")], bytes(9)
    )
    serving = threading.Thread(target=server.run)
    serving.start()
    with socket.create_connection((server.address.host, server.address.port), timeout=30) as connection:
        # An answered request shows that the connection is accepted, and is no other's.
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n" + request[:begun])
        assert status_of(connection.recv(65_536)) == 200
        server.stop()
        serving.join()
        # The machine is busy: for a while the process does not run, and the rest arrives meanwhile.
        time.sleep(PAUSE_SECONDS)
        connection.sendall(request[begun:])
        server.drain()
        assert status_of(read_all(connection)) == 401
