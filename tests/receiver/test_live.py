"""``/live``: what happens is told to those who listen, and listening costs nobody else anything."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from tests.support.otlp import decision_span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.access.gate import Principal
from promethios.receiver.live.hub import MOST, MOST_OF_TENANT
from promethios.receiver.live.listeners import LONGEST, Listener, Marks, Topic, begin_at
from promethios.receiver.live.news import newest, news
from promethios.receiver.services import Services
from promethios.receiver.store.alert_tables import alert_changes

SECONDS = 20.0


class Stream:
    """A client that listens, on a socket of its own."""

    def __init__(
        self, receiver: RunningReceiver, key: str = "", query: str = "", last: str = "", cookie: str = ""
    ) -> None:
        where = urlsplit(receiver.http)
        assert where.hostname and where.port
        self.socket = socket.create_connection((where.hostname, where.port), timeout=SECONDS)
        shown = f"Cookie: {cookie}" if cookie else f"x-api-key: {key}"
        resume = f"Last-Event-ID: {last}\r\n" if last else ""
        self.socket.sendall(
            f"GET /api/v1/live{query} HTTP/1.1\r\nHost: x\r\n{shown}\r\n{resume}\r\n".encode()
        )
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._file.readline() or b"-1", 16):
            if size < 0:
                raise ConnectionError("it was cut")
            yield self._file.read(size + 2)

    def events(self) -> Iterator[tuple[str, Any, str]]:
        """The name, the row and the id of each event, until the answer ends well."""
        for chunk in self._chunks():
            fields = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if ": " in line)
            if "event" in fields:
                yield fields["event"], json.loads(fields["data"]), fields["id"]

    def until(self, name: str) -> tuple[Any, str]:
        """The next event of this name: its row and its id."""
        return next((row, place) for event, row, place in self.events() if event == name)

    def close(self) -> None:
        """Go away."""
        self._file.close()
        self.socket.close()


@pytest.fixture
def listen(receiver: RunningReceiver) -> Iterator[Callable[..., Stream]]:
    """Begin to listen; it is known where the news begin when this returns."""
    streams = []

    def begin(query: str = "", key: str = "", last: str = "", ready: bool = True) -> Stream:
        stream = Stream(receiver, key or receiver.admin_key, query, last)
        streams.append(stream)
        if ready and stream.status == 200:
            stream.until("changed")
        return stream

    yield begin
    for stream in streams:
        stream.close()


def tell(receiver: RunningReceiver, agent: str, verdict: str = "block", key: str = "", **fields: Any) -> str:
    """Have an agent decide something; the id of the decision."""
    matches = () if verdict == "allow" else ({},)
    found = f"{agent}-{verdict}-{time.monotonic_ns()}"
    span = decision_span(verdict, matches, {"promethios.decision.id": found, **fields})
    span.start_time_unix_nano = span.end_time_unix_nano = time.time_ns()
    request = trace_request(span, resource={"gen_ai.agent.id": agent, "service.instance.id": found})
    headers = {"Content-Type": "application/x-protobuf", "x-api-key": key or receiver.ingest_key}
    assert receiver.post("/v1/traces", request.SerializeToString(), headers).status == 200
    return found


def make_key(receiver: RunningReceiver, **wanted: Any) -> dict[str, str]:
    """The id and the text of a new key."""
    made = receiver.request("POST", "/api/v1/keys", json.dumps(wanted).encode(), receiver.admin)
    assert made.status == 201, made.body
    return dict(made.json())


def test_a_decision_and_its_violation_are_told_as_the_lists_have_them(
    receiver: RunningReceiver, listen: Callable[..., Stream]
) -> None:
    stream = listen()
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    found = tell(receiver, "clerk")
    events = stream.events()
    told = {name: row for name, row, _ in (next(events), next(events))}
    assert told["decision"]["decision_id"] == told["violation"]["decision_id"] == found
    decision = next(row for row in receiver.data("decisions") if row["decision_id"] == found)
    violation = next(row for row in receiver.data("violations") if row["decision_id"] == found)
    assert told == {"decision": decision, "violation": violation}


def test_what_is_allowed_is_told_to_those_who_ask_for_all(
    receiver: RunningReceiver, listen: Callable[..., Stream]
) -> None:
    few, everything = listen("?agent=a-few"), listen("?agent=a-few&all=1")
    allowed, blocked = tell(receiver, "a-few", "allow"), tell(receiver, "a-few")
    assert few.until("decision")[0]["decision_id"] == blocked
    assert [everything.until("decision")[0]["decision_id"] for _ in range(2)] == [allowed, blocked]


def test_only_the_agents_that_are_asked_for_are_told_of(
    receiver: RunningReceiver, listen: Callable[..., Stream]
) -> None:
    stream = listen("?agent=wanted|also")
    tell(receiver, "other")
    found = [tell(receiver, "wanted"), tell(receiver, "also")]
    assert [stream.until("decision")[0]["decision_id"] for _ in found] == found


def test_k14_another_tenant_and_another_agent_are_never_told_of(
    receiver: RunningReceiver, listen: Callable[..., Stream]
) -> None:
    theirs = make_key(receiver, tenant="theirs", scope="ingest,read")["key"]
    bound = make_key(receiver, scope="read", agent="own")["key"]
    streams = [listen(key=theirs), listen(key=bound), listen("?agent=own|secret", key=bound)]
    tell(receiver, "secret")
    own, their_own = tell(receiver, "own"), tell(receiver, "own", key=theirs)
    assert [each.until("decision")[0]["decision_id"] for each in streams] == [their_own, own, own]


def test_something_new_is_told_of_without_a_decision(
    receiver: RunningReceiver, listen: Callable[..., Stream]
) -> None:
    stream = listen()
    tell(receiver, "calm", "allow")
    told, _ = stream.until("changed")
    (status,) = receiver.data("status")
    assert told == {"last_ingest": status["last_ingest"]}


def test_who_comes_back_misses_nothing(receiver: RunningReceiver, listen: Callable[..., Stream]) -> None:
    stream = listen("?agent=back")
    first = tell(receiver, "back")
    row, place = stream.until("decision")
    assert row["decision_id"] == first
    stream.close()
    missed = [tell(receiver, "back") for _ in range(3)]
    again = listen("?agent=back", last=place, ready=False)
    assert [again.until("decision")[0]["decision_id"] for _ in missed] == missed


@pytest.mark.parametrize("last", ["x", "1-2", "1-2-3-4", "-1-0-0", "1-2-x", "9" * 30 + "-1-1", "é"])
def test_an_id_that_is_none_begins_with_what_comes(last: str) -> None:
    assert Marks.parse(last) is None


def test_where_one_who_comes_back_begins_is_bounded() -> None:
    latest = Marks(50_000, 7, 3)
    assert begin_at(Marks(0, 0, 0), latest) == Marks(50_000 - LONGEST, 0, 0)
    assert begin_at(Marks(60_000, 8, 4), latest) == latest
    assert begin_at(Marks(49_999, 5, 3), latest) == Marks(49_999, 5, 3)
    assert Marks.parse(str(latest)) == latest


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("?from=1", "unknown parameter 'from': this route knows agent, all"),
        ("?all=yes", "'all' must be 0 or 1, not 'yes'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(receiver: RunningReceiver, query: str, detail: str) -> None:
    answer = receiver.get(f"/api/v1/live{query}")
    assert (answer.status, answer.json()["detail"]) == (400, detail)
    assert answer.json()["type"] == "tag:promethios.dev,2026:problem/bad-parameter"


def test_head_answers_and_listens_to_nothing(receiver: RunningReceiver) -> None:
    answer = receiver.request("HEAD", "/api/v1/live", headers=receiver.admin)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_a_server_that_keeps_no_connection_says_so(client: FlaskClient, make_key: Any) -> None:
    answer = client.get("/api/v1/live", headers=make_key("acme", "read"))
    detail = "this server cannot keep a connection open: run `promethios serve`"
    assert (answer.status_code, answer.get_json()["detail"]) == (503, detail)


def test_a_revoked_key_ends_the_answer(receiver: RunningReceiver, listen: Callable[..., Stream]) -> None:
    key = make_key(receiver, scope="read")
    stream = listen(key=key["key"])
    assert receiver.request("DELETE", f"/api/v1/keys/{key['key_id']}", headers=receiver.admin).status == 204
    assert [name for name, _, _ in stream.events()] == []


def test_the_end_of_a_session_ends_the_answer(receiver: RunningReceiver) -> None:
    made = receiver.request("POST", "/console/session", headers=receiver.admin)
    cookie = made.headers["Set-Cookie"].partition(";")[0]
    stream = Stream(receiver, cookie=cookie)
    assert stream.status == 200
    stream.until("changed")
    assert receiver.request("DELETE", "/console/session", headers={"Cookie": cookie}).status == 204
    assert [name for name, _, _ in stream.events()] == []
    stream.close()


@contextmanager
def small(folder: Path) -> Iterator[RunningReceiver]:
    """A receiver of its own with two threads for requests."""
    threads = {"PROMETHIOS_THREADS": "2"}
    with RunningReceiver(folder / "promethios.db", environment=threads, grpc="off") as running:
        yield running


def test_listeners_take_nothing_from_others_and_their_number_is_bounded(tmp_path: Path) -> None:
    with small(tmp_path) as running:
        streams = [Stream(running, running.admin_key) for _ in range(MOST_OF_TENANT)]
        assert {stream.status for stream in streams} == {200}
        refused = Stream(running, running.admin_key)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        other = make_key(running, tenant="other", scope="read")["key"]
        streams += [Stream(running, other) for _ in range(MOST - MOST_OF_TENANT)]
        assert {stream.status for stream in streams} == {200}
        also = Stream(running, other)
        assert also.status == 503
        found = tell(running, "clerk")
        for stream in streams[:MOST_OF_TENANT]:
            assert stream.until("decision")[0]["decision_id"] == found
        streams.pop(0).close()
        deadline = time.monotonic() + SECONDS
        while (again := Stream(running, running.admin_key)).status != 200 and time.monotonic() < deadline:
            again.close()
        assert again.status == 200, "who goes away frees the place"
        for stream in (*streams, again, refused, also):
            stream.close()


def test_silent_listeners_hold_up_neither_ingest_nor_the_end(tmp_path: Path) -> None:
    with small(tmp_path) as running:
        silent = [Stream(running, running.admin_key, "?all=1") for _ in range(8)]
        reading = Stream(running, running.admin_key, "?agent=last")
        reading.until("changed")
        reason = {"note": "x" * 1_000}
        spans = [decision_span("block", ({},), reason) for _ in range(100)]
        for number in range(4):
            for each in spans:
                each.span_id = bytes.fromhex(f"{number:04x}") + each.span_id[2:]
            body = trace_request(*spans, resource={"gen_ai.agent.id": f"agent-{number}"}).SerializeToString()
            assert running.post("/v1/traces", body).status == 200
        found = tell(running, "last")
        assert reading.until("decision")[0]["decision_id"] == found
        assert running.stop() == 0
        assert "decision" not in [name for name, _, _ in reading.events()]
        for stream in (*silent, reading):
            stream.close()


def test_the_end_of_the_receiver_ends_an_answer_well(tmp_path: Path) -> None:
    with small(tmp_path) as running:
        stream = Stream(running, running.admin_key)
        stream.until("changed")
        ended = threading.Thread(target=running.stop)
        ended.start()
        assert [name for name, _, _ in stream.events()] == []
        ended.join()
        stream.close()


class Recorded:
    """A connection that only remembers what was wanted of it."""

    connected = True

    def __init__(self, unread: int) -> None:
        self.unread = unread
        self.wanted: list[str] = []

    def push(self, data: bytes) -> None:
        self.wanted.append("push")

    def finish(self) -> None:
        self.wanted.append("finish")

    def drop(self) -> None:
        self.wanted.append("drop")


@pytest.mark.parametrize(("unread", "wanted"), [(0, ["finish"]), (1, ["finish", "drop"])])
def test_an_answer_ends_well_also_behind_what_is_on_its_way(unread: int, wanted: list[str]) -> None:
    principal = Principal("key", 1, frozenset())
    listener = Listener(principal, Topic(1, None, (), False), None, lambda _: None)
    line = Recorded(unread)
    listener.joined(line)
    listener.end()
    assert (line.wanted, listener.over) == (wanted, True)


def test_a_listener_that_says_more_is_let_go(
    receiver: RunningReceiver, listen: Callable[..., Stream]
) -> None:
    stream = listen()
    stream.socket.sendall(b"GET /api/v1/agents HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises((ConnectionError, ValueError)):
        while True:
            next(stream.events())


def test_a_client_of_http_1_0_is_told_without_chunks(receiver: RunningReceiver) -> None:
    where = urlsplit(receiver.http)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=SECONDS) as plain:
        plain.sendall(f"GET /api/v1/live HTTP/1.0\r\nx-api-key: {receiver.admin_key}\r\n\r\n".encode())
        heard = b""
        while b"event: changed\n" not in heard:
            heard += plain.recv(65_536)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body.startswith(b"retry: 3000\n\nid: ")


@pytest.mark.parametrize("bound", [None, "own"])
def test_news_are_found_by_their_ids(services: Services, bound: str | None) -> None:
    """However much is stored: an index by tenant would have all of its rows read four times a second."""
    asked: list[tuple[str, Any]] = []
    event.listen(services.readers, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    topic = Topic(1, bound, ("own", "other"), everything=False)
    with services.readers.connect() as connection:
        principal = Principal("key", 1, frozenset(), bound)
        found = news(services, connection, principal, topic, Marks(5, 5, 5), Marks(9, 9, 9))
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).one()[-1]
            for statement, values in list(asked)
        ]
    assert found == ([], Marks(9, 9, 9))
    assert plans == [
        f"SEARCH {table} USING INTEGER PRIMARY KEY (rowid>?)"
        for table in ("decisions", "violations", "alert_changes")
    ]


@pytest.mark.parametrize(
    ("bound", "agents", "expected"),
    [
        (None, (), ["own", "other", ""]),
        (None, ("own",), ["own", ""]),
        ("own", (), ["own"]),
        ("own", ("other",), []),
    ],
    ids=["all", "asked for", "bound", "bound to another"],
)
def test_an_alert_is_told_to_who_may_see_its_agent(
    services: Services, make_key: Any, bound: str | None, agents: tuple[str, ...], expected: list[str]
) -> None:
    make_key("acme", "read")
    told = {"rule": "trust-low", "labels": "", "state": "firing", "severity": "warning", "summary": "low"}
    rows = [
        {
            "tenant_id": 1,
            "agent_id": agent,
            "value": 1.0,
            "threshold": 2.0,
            "time_unix_nano": 3_000_000,
            **told,
        }
        for agent in ("own", "other", "")
    ]
    services.writer.do(lambda connection: connection.execute(alert_changes.insert(), rows) and None)
    with services.readers.connect() as connection:
        principal, topic = Principal("key", 1, frozenset(), bound), Topic(1, bound, agents, everything=False)
        found, _ = news(services, connection, principal, topic, Marks(), newest(connection))
    assert [(name, row["agent_id"]) for name, row, _ in found] == [("alert", agent) for agent in expected]
    assert all(row["time"] == 3 and row["rule"] == "trust-low" for _, row, _ in found)
