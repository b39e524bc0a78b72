"""F20: the servers and workers that agents run in, as they are started in production."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.faults.processes import Station
from tests.support.ports import free_port
from tests.support.receiver import RunningReceiver


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


@contextmanager
def serving(
    station: Station, *command: str, quiet: bool = True, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A server that is told to stop in the end, and must."""
    with station.start(*command, **environment) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=45)
            assert not quiet or "Traceback" not in stderr, stderr
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def ask(port: int, path: str = "", seconds: float = 30) -> str:
    """A request, again until it is answered: a worker that is being replaced refuses some."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=seconds) as answer:
                return str(answer.read().decode())
        except (URLError, ConnectionError):
            assert time.monotonic() < until, "nobody answers"
            threading.Event().wait(0.1)


@pytest.mark.parametrize(
    ("workers", "environment"),
    [
        (("sync", "--preload", "--max-requests", "6"), {"MASTER_WORKS": "yes"}),
        (("gthread", "--threads", "4", "--preload"), {}),
        (("sync", "--preload"), {"SET_UP": "after"}),
        (("gevent", "--preload", "--config", "tests/faults/kinds/patched.py"), {"MASTER_WORKS": "yes"}),
        (("gevent",), {}),
    ],
    ids=["sync-preload-recycled", "gthread-preload", "post-fork", "gevent-preload", "gevent"],
)
def test_f20_gunicorn_loses_nothing(
    receiver: RunningReceiver,
    tmp_path: Path,
    workers: tuple[str, ...],
    environment: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    station, port = Station(receiver, tmp_path, request.node.callspec.id), free_port()
    options = ("--bind", f"127.0.0.1:{port}", "--workers", "2", "--no-control-socket")
    command = ("-m", "gunicorn", "tests.faults.kinds.served:app", *options, "--worker-class", *workers)
    with serving(station, *command, **environment):
        ask(port)
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(ask, [port] * 20, ["look_up", "delete_user"] * 10))
    station.verify()
    assert len(station.ledger) >= 21


def test_f20_gunicorn_that_patches_late_loses_nothing(receiver: RunningReceiver, tmp_path: Path) -> None:
    station, port = Station(receiver, tmp_path, "late"), free_port()
    options = ("--bind", f"127.0.0.1:{port}", "--no-control-socket", "--preload", "--worker-class", "gevent")
    command = ("-m", "gunicorn", "tests.faults.kinds.served:app", *options)
    with serving(station, *command, quiet=False), ThreadPoolExecutor(4) as clients:
        list(clients.map(ask, [port] * 10))
    station.verify()


def test_f20_celery_loses_nothing(receiver: RunningReceiver, tmp_path: Path) -> None:
    for name in ("messages", "control", "results"):
        (tmp_path / name).mkdir()
    station = Station(receiver, tmp_path, "celery")
    options = ("--pool", "prefork", "--concurrency", "2", "--max-tasks-per-child", "4", "--loglevel", "INFO")
    command = ("-m", "celery", "-A", "tests.faults.kinds.queued", "worker", *options)
    environment = {"QUEUE": str(tmp_path)}
    with serving(station, *command, **environment):
        ask_worker = (
            "from tests.faults.kinds.queued import task\n"
            "from celery import group\n"
            "group(task.s('look_up') for _ in range(12)).apply_async().get(timeout=60)\n"
        )
        station.run("-c", ask_worker, seconds=90, **environment)
    station.verify()
    assert len(station.ledger) == 12


def test_f20_uvicorn_loses_nothing(receiver: RunningReceiver, tmp_path: Path) -> None:
    station, port = Station(receiver, tmp_path, "uvicorn"), free_port()
    command = ("-m", "uvicorn", "tests.faults.kinds.asgi:app", "--port", str(port), "--workers", "2")
    with serving(station, *command):
        ask(port)
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(ask, [port] * 20))
    station.verify()
    assert len(station.ledger) == 21
