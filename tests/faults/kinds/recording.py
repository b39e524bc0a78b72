"""What every agent of this folder does in each of its processes: work that tells of itself in all signals.

The ledger has a line for each decision, written before the next step and in one call, so that any number of
processes share it and no kill takes it back.
"""

from __future__ import annotations

import logging
import os
import threading
from itertools import count
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace

from promethios.exporter import Promethios, configure, in_force
from promethios.governance import Operation

_ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
_numbers = count()
_log = logging.getLogger("kinds")


def start(**settings: Any) -> Promethios:
    """Set this process up with one line, where its environment has not: that says where to in either way."""
    if handle := in_force.handle():
        return handle
    logging.getLogger().setLevel("INFO")
    return configure(log_level="INFO", **settings)


def work(agent: Promethios, tool: str = "look_up") -> str:
    """A span, and in it a log record, a count and a decision, all marked with process and number."""
    mark = f"{os.getpid()}-{next(_numbers)}"
    with agent.governor.conversation(mark), trace.get_tracer("kinds").start_as_current_span(f"work {mark}"):
        decide(agent, mark, tool)
        _log.info("work %s", mark)
    metrics.get_meter("kinds").create_counter("kinds.work").add(1, {"pid": os.getpid()})
    return mark


def decide(agent: Promethios, mark: str, tool: str = "look_up") -> None:
    """Have one decision made where the caller is, and write it down."""
    decision = agent.governor.decide(Operation("tool.before", {"gen_ai.tool.name": tool}))
    line = f"{os.getpid()} {decision.id} {decision.seq} {decision.verdict} {mark}\n"
    os.write(_ledger, line.encode())


def descriptors() -> dict[str, str]:
    """What this process holds open of sockets and spool files: where each leads, by number."""
    held = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            held[entry.name] = str(entry.readlink())
        except OSError:  # the one that lists the others
            continue
    return {number: to for number, to in held.items() if to.startswith("socket:") or ".spool" in to}


def threads() -> list[str]:
    """The names of our threads that run in this process."""
    return sorted(each.name for each in threading.enumerate() if each.name.startswith("promethios"))
