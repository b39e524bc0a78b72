"""Whether the endpoint takes what an agent sends: one empty OTLP request, which leaves nothing behind."""

from __future__ import annotations

import time

from promethios.exporter.batch import Batch, Signal
from promethios.exporter.outcomes import Delivered, Parked, Permanent
from promethios.exporter.sender import Sender
from promethios.exporter.settings import Settings
from promethios.governance.findings import Finding, Level


def look(settings: Settings) -> list[Finding]:
    """Send an empty request for logs, as an agent would, with its key and its trust."""
    sender = Sender(settings)
    began = time.monotonic()
    try:
        outcome = sender.send(Batch.pack(Signal.LOGS, 0, b""))
    finally:
        sender.close()
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    there = settings.endpoint
    match outcome:
        case Delivered():
            return [Finding("endpoint", Level.OK, f"{there} took a request in {took}")]
        case Parked():
            said = f"{there} answered in {took}, and everything would be parked: {outcome.reason}"
            return [Finding("endpoint", Level.ERROR, said, "what is parked goes out when it is set right")]
        case Permanent():
            said = f"{there} answered in {took}, and everything would be lost: {outcome.reason}"
            return [Finding("endpoint", Level.ERROR, said, "look at the receiver's log")]
    said = f"{there}: {outcome.reason}, after {took}"
    return [Finding("endpoint", Level.ERROR, said, _kept(settings))]


def _kept(settings: Settings) -> str:
    if settings.spool_dir is None:
        return "until it answers, telemetry waits in memory, and is lost with the process: set `spool_dir`"
    return f"until it answers, telemetry waits in {settings.spool_dir}"
