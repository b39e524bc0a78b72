"""K18: where webhooks may lead, and that they lead nowhere else, whatever a resolver says a moment later."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.support.hooks import HookServer
from tests.support.receiver import RunningReceiver, start_promethios

from promethios.receiver.alerts.channels import Channel
from promethios.receiver.alerts.networks import refusal
from promethios.receiver.alerts.outcome import NotSent
from promethios.receiver.alerts.signature import sign
from promethios.receiver.alerts.webhook import Webhooks, resolve

SECRET = "0123456789abcdef0123456789abcdef"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)

#: Addresses that nothing is sent to, by what they are.
REFUSED = {
    "127.0.0.1": "loopback",
    "127.8.9.10": "loopback",
    "::1": "loopback",
    "0.0.0.0": "reserved",
    "::": "reserved",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "fd00::1": "private",
    "fec0::1": "private",
    "169.254.169.254": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "100.64.0.1": "private",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "192.0.2.1": "private",
    "198.18.0.1": "private",
    "2001:db8::1": "private",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "2002:7f00:1::": "loopback",
    "2002:a9fe:a9fe::1": "link-local",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b:1::a00:1": "private",
    "::7f00:1": "loopback",
}
PUBLIC = ("93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def channel(url: str) -> Channel:
    return Channel("pager", webhook=url, secret=SECRET)


def sent(webhooks: Webhooks, url: str) -> str | None:
    """Why nothing was sent; None where it was."""
    try:
        webhooks.send(channel(url), "id-1", b"{}")
    except NotSent as error:
        return str(error)
    return None


@pytest.mark.parametrize("address", REFUSED)
def test_k18_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(address, ()) == f"it is {REFUSED[address]}"


@pytest.mark.parametrize("address", PUBLIC)
def test_k18_a_public_address_is_not_refused(address: str) -> None:
    assert refusal(address, ()) is None


def test_k18_what_the_configuration_allows_is_not_refused_and_nothing_else() -> None:
    allowed = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))
    assert refusal("10.1.2.3", allowed) is None
    assert refusal("::ffff:10.1.2.3", allowed) is None
    assert refusal("fd12::1", allowed) is None
    assert refusal("10.2.0.1", allowed) == "it is private"
    assert refusal("127.0.0.1", allowed) == "it is loopback"


def test_k18_what_is_no_address_is_refused() -> None:
    assert refusal("localhost", ()) == "it is no address"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]"])
def test_k18_no_way_to_write_this_machine_reaches_it(hook: HookServer, host: str) -> None:
    why = sent(Webhooks(), f"http://{host}:{hook.port}/hook")
    assert why is not None
    assert hook.got == []


def test_k18_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    webhooks = Webhooks(resolver=lambda *_: ["93.184.216.34", "10.0.0.5"])
    assert sent(webhooks, "https://hooks.example.com/") == (
        "hooks.example.com leads to 10.0.0.5, and it is private: see allow_networks"
    )


def test_k18_a_name_that_is_resolved_anew_leads_nowhere_else(hook: HookServer) -> None:
    """DNS rebinding: the first answer is fine, and every later one is another."""
    with HookServer() as secret_service:
        answers = [["127.0.0.2"], ["127.0.0.1"]]
        asked = []

        def rebinding(host: str, port: int) -> list[str]:
            asked.append((host, port))
            return answers[min(len(asked), len(answers)) - 1]

        allowed = (ipaddress.ip_network("127.0.0.2/32"),)
        listener = socket.create_server(("127.0.0.2", secret_service.port))
        with listener:
            answering = threading.Thread(target=_answer_once, args=(listener,))
            answering.start()
            url = f"http://rebind.example.com:{secret_service.port}/hook"
            assert sent(Webhooks(allowed, rebinding), url) is None
            answering.join()
        assert asked == [("rebind.example.com", secret_service.port)]
        assert secret_service.got == []
        # The next message asks again, and what it hears now is refused.
        assert sent(Webhooks(allowed, rebinding), url) == (
            "rebind.example.com leads to 127.0.0.1, and it is loopback: see allow_networks"
        )
        assert secret_service.got == []


def _answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_k18_the_name_stays_in_the_request(hook: HookServer) -> None:
    webhooks = Webhooks(LOOPBACK, lambda *_: ["127.0.0.1"])
    assert sent(webhooks, f"http://hooks.example.com:{hook.port}/a?b=c") is None
    (got,) = hook.got
    assert got.headers["Host"] == f"hooks.example.com:{hook.port}"
    assert got.path == "/a?b=c"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_k18_a_redirect_is_not_followed(hook: HookServer, status: int) -> None:
    with HookServer(status, {"Location": hook.url}) as first:
        assert sent(Webhooks(LOOPBACK), first.url) == (f"it answered {status} and redirects are not followed")
        assert len(first.got) == 1
    assert hook.got == []


def test_k18_a_proxy_of_the_environment_is_not_used(
    hook: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HookServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert sent(Webhooks(LOOPBACK), hook.url) is None
        assert proxy.got == []
    assert len(hook.got) == 1


def test_k18_without_tls_only_where_the_configuration_allows_the_network() -> None:
    why = sent(Webhooks(resolver=lambda *_: ["93.184.216.34"]), "http://hooks.example.com/")
    assert why == ("hooks.example.com leads to 93.184.216.34 without TLS: use https, or see allow_networks")


def test_k18_the_certificate_must_be_the_names(tmp_path: Path) -> None:
    authority = trustme.CA()
    client = ssl.create_default_context()
    authority.configure_trust(client)
    for name, expected in (("hooks.example.com", None), ("other.example.com", "cannot be trusted")):
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(server)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            answering = threading.Thread(target=_answer_tls, args=(listener, server))
            answering.start()
            webhooks = Webhooks(LOOPBACK, lambda *_: ["127.0.0.1"], client)
            port = listener.getsockname()[1]
            why = sent(webhooks, f"https://hooks.example.com:{port}/")
            answering.join()
        assert (why is None) if expected is None else (why is not None and expected in why)


def _answer_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as secure:
            heard = secure.recv(65_536)
            while not heard.endswith(b"{}"):  # what is not read would have the answer thrown away
                heard += secure.recv(65_536) or b"{}"
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    except OSError:
        connection.close()


def test_k18_an_answer_without_end_is_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def flood() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                try:
                    while True:
                        connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                except OSError:
                    ended.set()

        thread = threading.Thread(target=flood)
        thread.start()
        assert sent(Webhooks(LOOPBACK), f"http://127.0.0.1:{listener.getsockname()[1]}/") is None
        thread.join()
        assert ended.is_set()


def test_k18_a_head_without_end_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def flood() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                with suppress(OSError):
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1_000)

        thread = threading.Thread(target=flood)
        thread.start()
        why = sent(Webhooks(LOOPBACK), f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
        assert why == "127.0.0.1: HTTPException"


class Slow(ssl.SSLContext):
    """Ends handshakes late."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        secure = super().wrap_socket(*arguments, **options)
        time.sleep(2.0)
        return secure


def test_k18_a_slow_handshake_gains_no_time_for_a_slow_answer() -> None:
    authority, client = trustme.CA(), Slow(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example.com").configure_cert(server)
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            plain, _ = listener.accept()
            with plain, suppress(OSError), server.wrap_socket(plain, server_side=True) as secure:
                asked.append(secure.recv(65_536))

        thread = threading.Thread(target=serve)
        thread.start()
        webhooks = Webhooks(LOOPBACK, lambda *_: ["127.0.0.1"], client, seconds=1.0)
        why = sent(webhooks, f"https://hooks.example.com:{listener.getsockname()[1]}/")
        thread.join()
    assert why == "hooks.example.com: it took too long"
    assert asked in ([], [b""]), "nothing is sent when the time is over"


def test_k18_a_name_without_an_address_is_told() -> None:
    def nowhere(*_: object) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert sent(Webhooks(resolver=nowhere), "https://hooks.invalid/") == (
        "hooks.invalid cannot be resolved: Name or service not known"
    )


def test_the_system_resolves_names() -> None:
    assert "127.0.0.1" in resolve("localhost", 80)


def test_a_message_is_signed_with_its_time(hook: HookServer) -> None:
    before = int(time.time())
    Webhooks(LOOPBACK).send(channel(hook.url), "id-1", b'{"a":1}')
    (got,) = hook.got
    moment, signature = (part.partition("=")[2] for part in got.headers["X-Promethios-Signature"].split(","))
    assert before <= int(moment) <= time.time()
    expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + got.body, hashlib.sha256).hexdigest()
    assert signature == expected
    assert got.headers["X-Promethios-Id"] == "id-1"
    assert SECRET not in str(got)


def alerts_file(folder: Path, url: str, name: str = "pager") -> str:
    path = folder / "alerts.yaml"
    path.write_text(
        "allow_networks: [127.0.0.0/8]\n"
        f"channels:\n  - {{name: {name}, webhook: '{url}', secret_env: HOOK_SECRET}}\n"
    )
    return str(path)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., RunningReceiver]:
    def begin(url: str, secret: str = SECRET, name: str = "pager") -> RunningReceiver:
        return RunningReceiver(
            tmp_path / "promethios.db",
            "--alerts",
            alerts_file(tmp_path, url, name),
            environment={"HOOK_SECRET": secret},
        )

    return begin


def refused(folder: Path, url: str, secret: str = SECRET, name: str = "pager") -> str:
    process = start_promethios(
        *("serve", "--db", str(folder / "promethios.db"), "--http", "127.0.0.1:0", "--grpc", "off"),
        *("--alerts", alerts_file(folder, url, name)),
        environment={"HOOK_SECRET": secret},
    )
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    return said


def test_k18_a_changed_address_needs_a_new_secret(start: Any, tmp_path: Path) -> None:
    start("https://hooks.example.com/a").stop()
    start("https://hooks.example.com/a").stop()
    for name in ("pager", "renamed"):
        said = refused(tmp_path, "https://evil.example.com/a", name=name)
        assert (
            f"Error: alerts: channel '{name}': its webhook is not the one that its secret was for: "
            "give it a new secret, and tell it to the receiver of the webhook\n"
        ) in said
    start("https://evil.example.com/a", secret=SECRET[::-1]).stop()


def test_k18_the_secret_and_the_address_are_in_no_file_and_in_no_log(start: Any, tmp_path: Path) -> None:
    with start("https://127.0.0.1:9/very-secret-token") as receiver:
        answers = [
            receiver.get(path).body for path in ("/api/v1/alerts", "/api/v1/alerts/silences", "/metrics")
        ]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("promethios.db*"))
    for hidden in (SECRET.encode(), b"very-secret-token"):
        assert hidden not in kept
        assert hidden not in b"".join(answers)
        assert hidden.decode() not in receiver.stderr


def test_k12_a_channel_shows_no_secret() -> None:
    shown = repr(Channel("pager", url="slack://token", webhook="https://a/token", secret=SECRET))
    assert "token" not in shown
    assert SECRET not in shown


def test_the_readme_says_how_a_signature_is_checked(hook: HookServer) -> None:
    """Its lines are run on what a webhook really sends, and on what was changed on the way."""
    readme = (Path(__file__).parents[2] / "receiver" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(import hashlib.*?)```", readme, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    Webhooks(LOOPBACK).send(channel(hook.url), "id-1", b'{"a":1}')
    (got,) = hook.got
    header = got.headers["X-Promethios-Signature"]
    assert names["is_ours"](SECRET, header, got.body)
    assert not names["is_ours"](SECRET[::-1], header, got.body)
    assert not names["is_ours"](SECRET, header, b'{"a":2}')
    old = sign(SECRET, got.body, int(time.time()) - 600)
    assert not names["is_ours"](SECRET, old, got.body)
