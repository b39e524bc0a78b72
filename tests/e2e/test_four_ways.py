"""The same script is set up in four ways, and the receiver has the same rows."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import AGENTS, EXAMPLES
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn

SCRIPT = AGENTS / "shop.py"
POLICIES = EXAMPLES / "zero_code" / "policies.yaml"
BIN = Path(sys.executable).parent

#: What other instrumentations see is theirs, and `configure()` loads none.
OTHERS = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")} - {"promethios"}

#: A way: what to run, and what else is in its environment. It may write files into a folder of its own.
Way = Callable[[Path], tuple[list[str], dict[str, str]]]


def one_line(folder: Path) -> tuple[list[str], dict[str, str]]:
    copy = folder / "shop.py"
    copy.write_text("from promethios.exporter import configure; configure()\n" + SCRIPT.read_text("utf-8"))
    return [sys.executable, str(copy)], {}


def promethios_run(_: Path) -> tuple[list[str], dict[str, str]]:
    return [str(BIN / "promethios"), "run", "--", sys.executable, str(SCRIPT)], {}


def opentelemetry_instrument(_: Path) -> tuple[list[str], dict[str, str]]:
    return [str(BIN / "opentelemetry-instrument"), sys.executable, str(SCRIPT)], {}


def configuration_file(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The example's, with the policies that the other ways have."""
    file = (EXAMPLES / "configuration_file" / "otel.yaml").read_text("utf-8")
    assert "policies.yaml" in file
    (folder / "otel.yaml").write_text(file.replace("policies.yaml", str(POLICIES)))
    return opentelemetry_instrument(folder)[0], {"OTEL_CONFIG_FILE": str(folder / "otel.yaml")}


def opentelemetry_instrument_and_exporters(_: Path) -> tuple[list[str], dict[str, str]]:
    """What is named is not added a second time."""
    named = {f"OTEL_{signal}_EXPORTER": "promethios" for signal in ("TRACES", "METRICS", "LOGS")}
    return opentelemetry_instrument(_)[0], {**named, "OTEL_METRIC_EXPORT_INTERVAL": "500"}


WAYS: tuple[Way, ...] = (
    one_line,
    promethios_run,
    opentelemetry_instrument,
    configuration_file,
    opentelemetry_instrument_and_exporters,
)

ROWS = {
    "decisions": [
        ("model.after", "allow", "allow", "gpt-4o-mini"),
        ("model.after", "allow", "allow", "gpt-4o-mini"),
        ("model.before", "allow", "allow", "gpt-4o-mini"),
        ("model.before", "block", "block", "gpt-4"),
        ("model.before", "redact", "redact", "gpt-4o-mini"),
    ],
    "violations": [("models", "block", "model.before"), ("no-cards", "redact", "model.before")],
    "spans": [
        *[("ask gpt-4", None, 1), ("ask gpt-4o-mini", None, 2)],
        *[("promethios.decide", "ask gpt-4", 1), ("promethios.decide", "ask gpt-4o-mini", 4)],
    ],
    "heartbeats": [("enforce", "zero-code", "1")],
    "logs": [("closed, card [REDACTED:pii.card]",)],
    "metrics": [("orders",), ("promethios.agent.heartbeat",), ("promethios.decisions",)],
}

QUERIES = {
    "spans": "SELECT s.name, p.name, count(*) FROM spans s LEFT JOIN spans p"
    " ON p.trace_id = s.trace_id AND p.span_id = s.parent_span_id WHERE s.agent_id = ? GROUP BY 1, 2",
    "heartbeats": "SELECT DISTINCT mode, bundle_name, bundle_version FROM heartbeats"
    " WHERE agent_id = ? AND sequence_num > 0",
    "logs": "SELECT body FROM logs WHERE agent_id = ? AND body LIKE '%closed%'",
    "metrics": "SELECT DISTINCT name FROM metric_series WHERE agent_id = ?"
    " AND name IN ('orders', 'promethios.agent.heartbeat', 'promethios.decisions') ORDER BY 1",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_same_script_gives_the_same_rows(way: Way, receiver: RunningReceiver, tmp_path: Path) -> None:
    command, variables = way(tmp_path)
    with StandIn() as llm:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PROMETHIOS_"))},
            "LLM": llm.url,
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(OTHERS),
            "OTEL_SERVICE_NAME": way.__name__,
            "PROMETHIOS_API_KEY": receiver.ingest_key,
            "PROMETHIOS_ENDPOINT": receiver.http,
            "PROMETHIOS_POLICIES": str(POLICIES),
            "PROMETHIOS_SPOOL_DIR": str(tmp_path / "spool"),
            **variables,
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
        received = repr(llm.requests)
    assert done.stdout.splitlines() == [
        "gpt-4o-mini: answered",
        "gpt-4o-mini: answered",
        "gpt-4: PolicyViolation",
    ], done.stderr
    assert " 1111" not in received
    assert _rows(receiver, way.__name__) == ROWS


def _rows(receiver: RunningReceiver, agent: str) -> dict[str, Any]:
    decisions = receiver.data("decisions", agent=agent)
    violations = receiver.data("violations", agent=agent)
    with closing(sqlite3.connect(receiver.db)) as database:
        stored = {name: database.execute(query, [agent]).fetchall() for name, query in QUERIES.items()}
    return {
        "decisions": sorted(
            (row["point"], row["verdict"], row["enforced"], row["model"]) for row in decisions
        ),
        "violations": sorted((row["policy_id"], row["action"], row["point"]) for row in violations),
        **stored,
    }
