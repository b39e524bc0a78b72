"""Proxies of the environment: which one is used for what, and requests through a real one."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from tests.support.deliveries import KEY, batch

from promethios.exporter import Settings, SettingsError
from promethios.exporter.outcomes import Delivered, Parked, Transient
from promethios.exporter.sender import Sender
from promethios.exporter.testing import OtlpSink

NAME = "receiver.example.com"


class Proxy(ThreadingHTTPServer):
    """Forwards HTTP, tunnels TLS, both to `target` whatever the name was; asks for `password` if told."""

    daemon_threads = True

    def __init__(self, target: int, password: str = "") -> None:
        self.target, self.password, self.asked = target, password, list[str]()
        super().__init__(("127.0.0.1", 0), _Forward)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_POST(self) -> None:
        if self._refused():
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
        with self._onward() as onward:
            onward.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
            while part := onward.recv(65536):
                self.wfile.write(part)
        self.close_connection = True

    def do_CONNECT(self) -> None:
        if self._refused():
            return
        self.send_response(200)
        self.end_headers()
        with self._onward() as onward, contextlib.suppress(OSError):
            ends = {self.connection: onward, onward: self.connection}
            while True:
                for ready in select.select(list(ends), [], [])[0]:
                    part = ready.recv(65536)
                    if not part:
                        self.close_connection = True
                        return
                    ends[ready].sendall(part)

    def _onward(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.target))

    def _refused(self) -> bool:
        self.server.asked.append(f"{self.command} {self.path}")
        wanted = "Basic " + base64.b64encode(self.server.password.encode()).decode()
        if not self.server.password or self.headers.get("Proxy-Authorization") == wanted:
            return False
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.close_connection = True
        return True

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


@contextlib.contextmanager
def proxy_to(sink: OtlpSink, password: str = "") -> Iterator[Proxy]:
    with Proxy(sink.port, password) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


def send(environ: Mapping[str, str], **settings: Any) -> Any:
    sender = Sender(Settings.load(environ, **{"api_key": KEY, "timeout": 5.0, **settings}))
    outcome = sender.send(batch())
    sender.close()
    return outcome


def test_a_request_goes_through_the_proxy_of_the_environment(sink: OtlpSink) -> None:
    with proxy_to(sink) as proxy:
        environ = {"HTTP_PROXY": f"http://{proxy.address}"}
        assert send(environ, endpoint=f"http://{NAME}:4318") == Delivered()
        assert proxy.asked == [f"POST http://{NAME}:4318/v1/traces"]
    (request,) = sink.requests
    assert request.path == "/v1/traces"
    assert request.headers["host"] == f"{NAME}:4318"
    assert request.body == batch().body


def test_https_is_tunnelled_so_that_the_proxy_sees_neither_key_nor_data(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    with OtlpSink(tls=context) as sink, proxy_to(sink) as proxy:
        environ = {"https_proxy": proxy.address}
        given = {"endpoint": f"https://{NAME}", "certificate": tmp_path / "ca.pem"}
        assert send(environ, **given) == Delivered()
        assert proxy.asked == [f"CONNECT {NAME}:443"]
        assert sink.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_proxy_gets_the_name_and_password_of_its_url(sink: OtlpSink) -> None:
    with proxy_to(sink, "me:pa ss") as proxy:
        given = {"endpoint": f"http://{NAME}"}
        assert send({"HTTP_PROXY": f"http://me:pa%20ss@{proxy.address}"}, **given) == Delivered()
        assert send({"HTTP_PROXY": f"http://{proxy.address}"}, **given) == Parked(
            "HTTP 407: the proxy wants to know who asks: check `proxy`"
        )
        assert send({"HTTPS_PROXY": f"http://{proxy.address}"}, endpoint=f"https://{NAME}") == Transient(
            "no answer: of the proxy, OSError: check `proxy`"
        )


def test_a_proxy_that_is_away_is_tried_again_and_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert send({}, endpoint=f"http://{NAME}", proxy=f"http://127.0.0.1:{port}") == Transient(
        "no answer: of the proxy, NewConnectionError (connection refused): check `proxy`"
    )


def test_the_password_of_a_proxy_is_in_no_text() -> None:
    settings = Settings.load({"HTTP_PROXY": "http://me:hunter2@proxy"}, endpoint=f"http://{NAME}", api_key="")
    assert settings.proxy == "http://me:hunter2@proxy"
    assert "hunter2" not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        Settings.load({"HTTP_PROXY": "socks5://me:hunter2@proxy"}, endpoint=f"http://{NAME}", api_key="")
    assert str(caught.value) == (
        "`proxy` (from HTTP_PROXY) is not the address of an HTTP proxy:"
        " give one such as http://proxy:3128, or name the endpoint in NO_PROXY"
    )


PROXIES = {"HTTP_PROXY": "http://plain:1", "HTTPS_PROXY": "http://secure:1"}


@pytest.mark.parametrize(
    ("endpoint", "environ", "proxy"),
    [
        (f"http://{NAME}", PROXIES, "http://plain:1"),
        (f"https://{NAME}", PROXIES, "http://secure:1"),
        (f"https://{NAME}", {"ALL_PROXY": "any:1"}, "http://any:1"),
        (f"https://{NAME}", {"HTTP_PROXY": "http://plain:1"}, None),
        (f"http://{NAME}", {"HTTP_PROXY": " "}, None),
        (f"http://{NAME}", {**PROXIES, "http_proxy": "http://lower:1"}, "http://lower:1"),
        # A client of a CGI script can set HTTP_PROXY by a header "Proxy".
        (f"http://{NAME}", {**PROXIES, "REQUEST_METHOD": "POST"}, None),
        ("http://localhost:4318", PROXIES, None),
        ("http://127.0.0.1:4318", PROXIES, None),
        ("https://[::1]:4318", PROXIES, None),
        ("http://collector.localhost", PROXIES, None),
        (f"http://{NAME}", {**PROXIES, "NO_PROXY": "*"}, None),
        (f"http://{NAME}", {**PROXIES, "NO_PROXY": f"other, {NAME.upper()}"}, None),
        (f"http://{NAME}:4318", {**PROXIES, "NO_PROXY": f"{NAME}:4318"}, None),
        (f"http://{NAME}:4318", {**PROXIES, "NO_PROXY": f"{NAME}:80"}, "http://plain:1"),
        (f"http://{NAME}", {**PROXIES, "NO_PROXY": ".example.com"}, None),
        (f"http://{NAME}", {**PROXIES, "NO_PROXY": "*.example.com"}, None),
        (f"http://{NAME}", {**PROXIES, "no_proxy": "example.com"}, None),
        (f"http://{NAME}", {**PROXIES, "NO_PROXY": "ample.com, ,"}, "http://plain:1"),
        ("http://10.1.2.3", {**PROXIES, "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://11.1.2.3", {**PROXIES, "NO_PROXY": "10.0.0.0/8,10.0.0.0/99"}, "http://plain:1"),
        ("https://[fd00::1]", {**PROXIES, "NO_PROXY": "fd00::/8"}, None),
    ],
)
def test_the_environment_says_what_goes_through_which_proxy(
    endpoint: str, environ: dict[str, str], proxy: str | None
) -> None:
    assert Settings.load(environ, endpoint=endpoint, api_key=KEY).proxy == proxy


def test_a_proxy_in_code_wins_and_an_empty_one_is_none(sink: OtlpSink) -> None:
    given = {"endpoint": f"http://{NAME}", "api_key": KEY}
    assert Settings.load(PROXIES, **given, proxy="http://mine:1").proxy == "http://mine:1"
    assert Settings.load(PROXIES, **given, proxy="").proxy == ""
    assert send(PROXIES, endpoint=sink.url, proxy="") == Delivered()


@pytest.mark.parametrize("proxy", ["socks5://a:1", "a:1", "http://", "http://a:0", "http://a:b", "ftp://a"])
def test_what_is_no_http_proxy_is_an_error(proxy: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^`proxy` is not the address of an HTTP proxy: give one such as"
    ):
        Settings.load({}, api_key=KEY, proxy=proxy)
