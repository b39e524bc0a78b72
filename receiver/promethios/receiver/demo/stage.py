"""The demonstration's course: set up, let the agents play, read back, compare."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from promethios.receiver.cli.keystores import DatabaseKeys
from promethios.receiver.demo.llm import StandIn
from promethios.receiver.demo.processes import Process, play, serve
from promethios.receiver.demo.readback import Readback, places_with_card
from promethios.receiver.demo.scenes import SCENES
from promethios.receiver.demo.show import Show

POLICIES: Final = Path(__file__).with_name("policies.yaml")


@dataclass(slots=True)
class Told:
    """What the agents told of themselves, to be compared with what was stored."""

    decisions: int = 0
    lost: int = 0
    tools_run: dict[str, int] = field(default_factory=dict)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take one of their lines."""
        if "point" in line:
            self.decisions += 1
        elif "ran" in line:
            self.tools_run[line["ran"]] = self.tools_run.get(line["ran"], 0) + 1
        elif "delivered" in line:
            self.lost += line["parked"] + line["dropped"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A running receiver and a stand-in for an LLM, ready for agents.

    Args:
        receiver: The receiver's process.
        url: Where it is.
        llm: The stand-in.
        database: The receiver's file.
        ingest_key: For the agents.
        read_key: For reading back, and for the console.
    """

    receiver: Process
    url: str
    llm: StandIn
    database: Path
    ingest_key: str
    read_key: str

    def perform(self, show: Show) -> dict[str, Any]:
        """Let the agents play at once, show them one after the other, and sum up.

        Raises:
            ProcessError: An agent failed.
        """
        readback = Readback(self.url, self.read_key)
        told = Told()
        with contextlib.ExitStack() as stack:
            given = self._environment()
            playing = [stack.enter_context(play(scene.name, given)) for scene in SCENES]
            for scene, process in zip(SCENES, playing, strict=True):
                show.scene(scene)
                for line in process.lines():
                    told.add(line)
                    show.line(line)
        agents = readback.agents(told.decisions)
        summary = self._sum_up(told, agents)
        show.counts(agents)
        show.proofs(summary)
        return summary

    def _environment(self) -> dict[str, str]:
        return {
            "PROMETHIOS_ENDPOINT": self.url,
            "PROMETHIOS_API_KEY": self.ingest_key,
            "PROMETHIOS_POLICIES": str(POLICIES),
            "OPENAI_BASE_URL": self.llm.url,
            "OPENAI_API_KEY": "the stand-in asks for none",
        }

    def _sum_up(self, told: Told, agents: list[dict[str, Any]]) -> dict[str, Any]:
        names = ("decisions", "blocked", "redacted", "flagged", "violations", "calls", "governed")
        requests = self.llm.requests
        return {
            **{name: sum(row[name] for row in agents) for name in names},
            "agents": {row["agent_id"]: {name: row[name] for name in names} for row in agents},
            "told": told.decisions,
            "complete": told.lost == 0 and sum(row["decisions"] for row in agents) == told.decisions,
            "llm_requests": len(requests),
            "tools_run": told.tools_run,
            "deletions": told.tools_run.get("delete_customer", 0),
            "card_found": places_with_card(self.database, json.dumps(requests)),
        }


def holds(summary: Mapping[str, Any]) -> bool:
    """Whether everything is stored that should be, and nothing happened that should not."""
    return bool(summary["complete"] and not summary["deletions"] and not summary["card_found"])


@contextlib.contextmanager
def set_up(database: Path | None, address: str) -> Iterator[Stage]:
    """A stage, taken down again in the end.

    Args:
        database: The file to keep; None for a temporary one.
        address: Where the receiver listens.

    Raises:
        ProcessError: The receiver did not start.
        KeyStoreError: The database cannot be used.
    """
    with contextlib.ExitStack() as stack:
        if database is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="promethios-demo-"))
            database = Path(folder) / "demo.db"
        keys = DatabaseKeys(str(database))
        ingest_key, read_key = (keys.create({"scope": scope})["key"] for scope in ("ingest", "read"))
        receiver = stack.enter_context(serve(str(database), address))
        url = receiver.first_line()["http"]
        llm = stack.enter_context(StandIn())
        yield Stage(receiver, url, llm, database, ingest_key, read_key)
