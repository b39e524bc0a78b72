"""What the receiver has of the demonstration, asked through its API, and the proofs that it shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import urllib3

from promethios.receiver.demo.scenes import CARD

#: Seconds to wait for telemetry that is still under way.
PATIENCE: Final = 10.0
#: A card number as people and machines write it.
_SPELLINGS: Final = tuple(CARD.replace(" ", separator).encode() for separator in (" ", "-", ""))

_LONGEST: Final = max(map(len, _SPELLINGS))
_PIECE: Final = 1 << 20


class Readback:
    """Questions to a receiver about what happened since this object was made.

    Args:
        url: The receiver.
        key: A key with the scope ``read``.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._since = time.time_ns() // 1_000_000 - 1_000

    def agents(self, decisions: int) -> list[dict[str, Any]]:
        """A row for each agent, once so many decisions are stored, or when `PATIENCE` is over."""
        deadline = time.monotonic() + PATIENCE
        while True:
            rows = self.ask("agents")
            if sum(row["decisions"] for row in rows) >= decisions or time.monotonic() > deadline:
                return rows
            time.sleep(0.1)

    def ask(self, resource: str) -> list[dict[str, Any]]:
        """The rows of a resource of the API.

        Raises:
            RuntimeError: The receiver refused or failed.
        """
        answer = urllib3.request(
            "GET",
            f"{self._url}/api/v1/{resource}",
            fields={"from": str(self._since), "to": str(time.time_ns() // 1_000_000 + 60_000)},
            headers={"Authorization": f"Bearer {self._key}"},
            retries=False,
        )
        if answer.status != 200:
            raise RuntimeError(f"GET {resource} gave {answer.status}: {answer.data.decode(errors='replace')}")
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows


def places_with_card(database: Path, received: str) -> list[str]:
    """Where the card number is that must be nowhere: in the database's files, or with the LLM.

    Args:
        database: The SQLite file; the files beside it that begin with its name are searched too.
        received: Everything that the stand-in received, as text.
    """
    found = [path.name for path in database.parent.glob(f"{database.name}*") if _has_card(path)]
    return found + ["the LLM's requests"] * any(spelling.decode() in received for spelling in _SPELLINGS)


def _has_card(path: Path) -> bool:
    """Search a file of any size, piece by piece; pieces overlap, so that none cuts a number in two."""
    tail = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if any(spelling in tail + piece for spelling in _SPELLINGS):
                return True
            tail = piece[-_LONGEST:]
    return False
