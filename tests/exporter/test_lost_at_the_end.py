"""What a process could not deliver when it ended is in its log: no metric can tell it any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promethios.exporter.batch import Batch
from promethios.exporter.delivery import Delivery

Deliver = Callable[..., Delivery]
MakeBatch = Callable[..., Batch]


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "are lost" in message]


def test_what_waits_in_memory_at_the_end_is_told_with_what_would_have_kept_it(
    deliver: Deliver, batch: MakeBatch, deaf_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = f"http://127.0.0.1:{deaf_port}"
    delivery = deliver(endpoint=endpoint)
    delivery.submit(batch("a", 3))
    delivery.submit(batch("b", 4))
    delivery.close(0.0)
    delivery.close(0.0)
    assert _told(caplog) == [f"7 items that {endpoint} has not taken are lost: a `spool_dir` would keep them"]


def test_what_waits_in_the_spool_at_the_end_is_not_lost(
    deliver: Deliver, batch: MakeBatch, deaf_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = deliver(endpoint=f"http://127.0.0.1:{deaf_port}", spool_dir=tmp_path / "spool")
    delivery.submit(batch("a", 3))
    assert delivery.close(0.0).parked == 3
    assert _told(caplog) == []


def test_what_no_spool_could_take_is_told_as_that(
    deliver: Deliver, batch: MakeBatch, deaf_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("a file")
    endpoint = f"http://127.0.0.1:{deaf_port}"
    delivery = deliver(endpoint=endpoint, spool_dir=tmp_path / "spool")
    delivery.submit(batch("a", 3))
    delivery.close(0.0)
    assert _told(caplog) == [f"3 items that {endpoint} has not taken are lost: the spool could not take them"]
