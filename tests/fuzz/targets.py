"""What is fuzzed: each decoder of bytes that come from outside, and what must hold whatever they are.

A decoder may refuse what it is given, for good; a target then returns False. Whatever else it raises, what
the database could not take, and what a second reader of the same bytes sees otherwise, is a finding.
"""

from __future__ import annotations

import gzip
import json as standard
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.support.otlp_choices import BY_SIGNAL, requests
from tests.support.transports import as_json

from promethios.receiver.access.keyring import KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.app import create_app
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.pipeline import ADD, Signal, Stored
from promethios.receiver.otlp import json
from promethios.receiver.otlp.body import unpack
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.messages import decode
from promethios.receiver.plain.kinds import KINDS
from promethios.receiver.refusal import Refusal
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings

_ITEMS: Final = 1_000
_LIMIT: Final = 1 << 20
_SIGNALS: Final = tuple(Signal)
_BUDGET: Final = Budget(1 << 30)
_MEMORY: Final = sqlite3.connect(":memory:", check_same_thread=False)
_TWICE: Final = "an object has the same key twice"


def protobuf(data: bytes) -> bool:
    """A request in protobuf; the first byte chooses the signal."""
    signal = _signal(data)
    try:
        message = decode(signal, data[1:], _ITEMS)
    except Refusal as refusal:
        _final(refusal)
        return False
    _rows(signal, message)
    return True


def otlp_json(data: bytes) -> bool:
    """A request in JSON; what is said of its keys is held against Python's own reader."""
    signal, twice = _signal(data), ""
    try:
        with _BUDGET.share() as share:
            message, _ = json.decode(signal, data[1:], _ITEMS, share)
    except Refusal as refusal:
        _final(refusal)
        if not refusal.message.endswith(_TWICE):
            return False
        twice = refusal.message
    try:
        standard.loads(data[1:] or b"{}", object_pairs_hook=_no_key_twice)
    except KeyError:
        assert twice, "a key that comes twice was taken"
    except RecursionError:
        return not twice
    else:
        assert not twice, "keys that come once were refused"
        _rows(signal, message)
    return not twice


def packed(data: bytes) -> bool:
    """A body in gzip; what it unpacks to is held against Python's own reader."""
    try:
        with _BUDGET.share() as share:
            body = unpack(data, _LIMIT, share)
    except Refusal as refusal:
        _final(refusal)
        return False
    assert len(body) <= _LIMIT
    assert body == gzip.decompress(data)
    return True


class PlainJson:
    """A request in plain JSON, by way of its route; the first byte chooses which.

    Args:
        services: A receiver's parts; nothing is stored in its database.
    """

    def __init__(self, services: Services) -> None:
        request = KeyRequest("default", frozenset({Scope.INGEST}), None)
        key = services.writer.do(lambda connection: create_key(connection, request))
        self._headers = {"x-api-key": key.reveal()}
        told = replace(services, pipeline=_Rows())  # type: ignore[arg-type]
        self._client = create_app(told, _BUDGET).test_client()

    def __call__(self, data: bytes) -> bool:
        """Send it; what is neither taken nor refused for good is a finding."""
        path = f"/api/v1/{list(KINDS)[data[0] % len(KINDS) if data else 0]}"
        answer = self._client.post(
            path, data=data[1:], content_type="application/json", headers=self._headers
        )
        assert answer.status_code in (200, 400), answer.data
        return answer.status_code == 200


Target = Callable[[bytes], bool]
TARGETS: Final = ("protobuf", "json", "gzip", "plain")


@contextmanager
def opened(target: str) -> Iterator[Target]:
    """A target, and what it needs for the time of the block."""
    if target != "plain":
        yield {"protobuf": protobuf, "json": otlp_json, "gzip": packed}[target]
        return
    with TemporaryDirectory() as folder:
        services = Services.open(Settings(db=f"{folder}/promethios.db", commit_ms=0))
        try:
            yield PlainJson(services)
        finally:
            services.close()


def seeds(target: str) -> list[bytes]:
    """What mutation begins with: whole inputs of a target, with much of what there is in them."""
    whole = [
        (bytes([place]), request)
        for place, signal in enumerate(BY_SIGNAL)
        for request in requests(signal)[::5]
    ]
    if target == "protobuf":
        return [first + request.SerializeToString() for first, request in whole]
    if target == "json":
        twice = b'\x00{"resourceSpans": [{"resource": {}, "resource": {"\\"": ":"}}], "a": 1, "b": 2}'
        return [*(first + as_json(request) for first, request in whole), twice]
    if target == "gzip":
        bodies = [request.SerializeToString() for _, request in whole[::4]]
        levels = [gzip.compress(body, level, mtime=0) for body in bodies for level in (0, 1, 9)]
        return [*levels, levels[0] * 3, gzip.compress(bytes(_LIMIT + 1)), zlib.compress(bodies[0])]
    told = [(place, _TOLD.get(name, {**_COMMON, **_IDS})) for place, name in enumerate(KINDS)]
    return [
        bytes([place]) + standard.dumps(each).encode() for place, one in told for each in (one, [one, one])
    ]


def words(target: str) -> list[bytes]:
    """What is worth putting into an input of a target as a whole."""
    if target == "json":
        return sorted(_keys(standard.loads(b"[" + b",".join(each[1:] for each in seeds(target)) + b"]")))
    if target == "plain":
        return sorted({f'"{name}"'.encode() for kind in KINDS.values() for name in kind.fields})
    return [b"\x1f\x8b\x08", b"\x0a\x00", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]


def _keys(document: Any) -> set[bytes]:
    inner = (
        document if isinstance(document, list) else document.values() if isinstance(document, dict) else ()
    )
    own = {f'"{key}"'.encode() for key in document} if isinstance(document, dict) else set[bytes]()
    return own.union(*map(_keys, inner))


def _signal(data: bytes) -> Signal:
    return _SIGNALS[data[0] % len(_SIGNALS) if data else 0]


def _final(refusal: Refusal) -> None:
    assert not refusal.kind.retryable, refusal.message
    assert refusal.message.isprintable() or "\n" in refusal.message, refusal.message


def _rows(signal: Signal, message: Any) -> None:
    """Make the rows, and hand their values to SQLite."""
    batch = Batch(1, signal, 1)
    ADD[signal](batch, Origin(1, None), message)
    for rows in batch.rows.values():
        for row in rows:
            _MEMORY.execute(f"SELECT {','.join('?' * len(row))}", row).fetchall()


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise KeyError("twice")
    return found


class _Rows:
    """A pipeline that makes the rows and stores nothing."""

    def ingest(self, _: object, signal: Signal, message: Any, *__: object) -> Stored:
        _rows(signal, message)
        return Stored()


_COMMON: Final = {"agent_id": "clerk", "service_name": "shop", "instance_id": "1", "time": 1763800000000}
_IDS: Final = {"id": "5b8e", "trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "eee19b7ec3c1b174"}
#: Objects with every sort of value, by kind.
_TOLD: Final[dict[str, dict[str, Any]]] = {
    "heartbeat": {**_COMMON, "value": 1.5},
    "metrics": {
        **_COMMON, "name": "orders", "value": -2e3, "type": "counter", "unit": "EUR", "description": "x",
        "attributes": {"a": 1, "b": [1.5, True, "c"]},
    },
    "logs": {**_COMMON, **_IDS, "body": "x", "severity": "WARN", "event_name": "e", "attributes": {"a": 0}},
    "violations": {
        **_COMMON, **_IDS, "policy_id": "no-delete", "severity": "critical", "action": "block", "tool": "rm",
        "controls": ["EU-AI-Act/Art.15"], "weight": 0.5, "point": "tool.before", "duration_us": 42.5,
    },
}  # fmt: skip
