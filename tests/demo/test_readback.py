"""The search for the card number finds it wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from promethios.receiver.demo.readback import places_with_card

PIECE = 1 << 20


@pytest.mark.parametrize("at", [0, 100, PIECE - 19, PIECE - 8, PIECE - 1, PIECE, PIECE + 5, 3 * PIECE - 3])
@pytest.mark.parametrize("card", [b"4111111111111111", b"4111 1111 1111 1111", b"4111-1111-1111-1111"])
def test_finds_the_card_number_wherever_it_is_in_a_file(tmp_path: Path, at: int, card: bytes) -> None:
    (tmp_path / "demo.db").write_bytes(b"")
    (tmp_path / "demo.db-wal").write_bytes(bytes(at) + card + bytes(50))
    assert places_with_card(tmp_path / "demo.db", "") == ["demo.db-wal"]


def test_finds_the_card_number_with_the_llm(tmp_path: Path) -> None:
    assert places_with_card(tmp_path / "demo.db", "pay 4111 1111 1111 1111!") == ["the LLM's requests"]


def test_finds_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "demo.db").write_bytes(b"4111 [REDACTED:pii.card] 1111")
    assert places_with_card(tmp_path / "demo.db", "4111") == []
