"""The same rules in Promethios and in others, side by side in one run; see the README beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from measuring import RULES, TEXT, median

from promethios.governance.engine import Engine
from promethios.governance.governor import Governor
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle

HERE = Path(__file__).parent
HEAD = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: peers, version: "1"}
spec:
  policies:
"""
RULE = """    - {{id: no-delete-{n}, severity: high, on: [tool.before], match: {{tool: delete_{n}}},
       action: block, onError: block}}
"""
DETECT = """    - {id: clean, severity: high, on: [model.before], action: redact,
       detect: {any: ["pii.*", "secret.*"]}}
"""


def installed(folder: Path, *packages: str) -> Path:
    """The Python of an environment with the packages."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


def asked(python: Path, script: str) -> dict[str, Any]:
    """What a peer's script measured."""
    done = subprocess.run([python, HERE / script], check=True, capture_output=True, text=True, cwd=HERE)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def ours(rules: int) -> tuple[float, float]:
    """An operation that no rule stops: the engine alone, and the governor with its decision told."""
    bundle = parse_bundle(HEAD + "".join(RULE.format(n=n) for n in range(rules)))
    governor, operation = Governor(bundle), Operation("tool.before", {"gen_ai.tool.name": "read"})
    engine, state = Engine(bundle), State()
    assert engine.evaluate(Operation("tool.before", {"gen_ai.tool.name": "delete_0"}), state).enforced.stops
    return median(lambda: engine.admit(operation, state), 2000), median(
        lambda: governor.decide(operation), 2000
    )


def our_detectors() -> float:
    engine, state = Engine(parse_bundle(HEAD + DETECT)), State()
    operation = Operation("model.before", input=TEXT)
    assert engine.evaluate(Operation("model.before", input="user@example.com"), state).enforced
    return median(lambda: engine.admit(operation, state), 2000)


def show(name: str, time: float, base: float | None = None) -> None:
    ratio = f"{time / base:8.1f} x" if base else ""
    print(f"{name:66} {time:9.1f} µs {ratio}")


def main() -> None:
    default = Path(tempfile.gettempdir()) / "promethios-peers"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    toolkit = asked(installed(folder / "agt", "agent-governance-toolkit-core"), "agt.py")
    guard = asked(installed(folder / "openlit", "--no-deps", "openlit"), "openlit_pii.py")
    print(f"Python {sys.version.split()[0]}, median of the thread's CPU time, best of several runs\n")
    for rules in (1, RULES):
        decided, told = ours(rules)
        show(f"Promethios: {rules} policies, decided and counted", decided)
        show(f"Promethios: {rules} policies, decided, counted and told", told)
        for name, time in toolkit["results"].items():
            if name.startswith(f"{rules} "):
                show(f"agent-governance-toolkit-core {toolkit['version']}: {name}", time, decided)
    print()
    mine = our_detectors()
    show("Promethios: decision with all of pii.* and secret.*, 2 KB", mine)
    for name, time in guard["results"].items():
        show(f"OpenLIT {guard['version']} PII guard: {name}", time, mine)


if __name__ == "__main__":
    main()
