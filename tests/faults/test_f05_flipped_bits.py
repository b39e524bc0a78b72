"""F05: a bit of the database is flipped, anywhere. It is noticed, or does no harm to what is acknowledged.

SQLite keeps no checksums of pages: a bit inside a value changes that value, and nobody can tell. What can be
told is told: a damaged structure is named, the file is left as it is, and what is acknowledged can be found.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.faults.conftest import rounds
from tests.faults.oracle import Client
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.access.keyring import FIRST_TENANT, KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.store.checking import check
from promethios.receiver.store.errors import StoreError

_PLACES = rounds(8, 24)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database of some 300 spans, and a key for it."""
    db = tmp_path_factory.mktemp("whole") / "promethios.db"
    services = Services.open(_settings(db))
    request = KeyRequest(FIRST_TENANT, frozenset({Scope.INGEST}))
    key = services.writer.do(lambda connection: create_key(connection, request)).reveal()
    for _ in range(3):
        assert _send(services, key)[0] == 200
    services.close()
    return db, key


def _settings(db: Path) -> Settings:
    return Settings(db=str(db), commit_ms=0, min_free_bytes=0)


def _send(services: Services, key: str) -> tuple[int, set[bytes]]:
    spans = [span() for _ in range(100)]
    client = create_app(services, Budget(services.settings.memory_bytes)).test_client()
    headers = {"x-api-key": key, "Content-Type": "application/x-protobuf"}
    answer = client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=headers)
    return answer.status_code, {each.span_id for each in spans}


def _stored(db: Path) -> set[bytes]:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return {span_id for (span_id,) in connection.execute("SELECT span_id FROM spans NOT INDEXED")}


def _flip(file: Path, place: int, bit: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        (byte,) = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << bit]))


@pytest.mark.parametrize("number", range(_PLACES))
def test_f05_a_flipped_bit_is_noticed_or_does_no_harm(
    whole: tuple[Path, str], tmp_path: Path, number: int
) -> None:
    original, key = whole
    db, chance = tmp_path / "promethios.db", random.Random(number)
    shutil.copy(original, db)
    before, size = _stored(original), db.stat().st_size
    # Every page begins with what leads to its rows: half of the bits are of those.
    page = 4096 * chance.randrange(size // 4096)
    _flip(db, page + chance.randrange(64 if number % 2 else 4096), chance.randrange(8))
    try:
        services = Services.open(_settings(db))
    except StoreError as refused:
        assert str(db) in str(refused)
        return
    try:
        status, sent = _send(services, key)
    finally:
        services.close()
    assert status in (200, 401, 503)
    problems = check(db, thorough=True).problems
    if status == 200:
        assert problems or sent <= _stored(db), "acknowledged, and not there"
    if not problems:
        changed = before - _stored(db)
        assert len(changed) <= 1, "rows are gone, and nothing says so"


def test_f05_a_damaged_database_is_named_and_left_as_it_is_after_a_kill(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        with Client(tmp_path, "http", receiver) as client:
            client.wait_for_more(300)
            client.stop()
        receiver.stop()
        size = receiver.db.stat().st_size
        with RunningReceiver(receiver.db) as again:
            again.kill()
        for page in range(4096, size, 4096):
            _flip(receiver.db, page, 1)
    damaged = receiver.db.read_bytes()
    ended = run_promethios("serve", "--db", str(receiver.db), "--http", "127.0.0.1:0", "--grpc", "off")
    assert ended.returncode == 1
    assert f"cannot open {receiver.db}: it is damaged" in ended.stderr
    assert "promethios doctor" in ended.stderr
    assert receiver.db.read_bytes() == damaged
    assert run_promethios("doctor", str(receiver.db)).returncode != 0
