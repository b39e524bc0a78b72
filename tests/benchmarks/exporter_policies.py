"""The policies of the benchmarks' agents: the ready-made baseline, and one that blocks."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_BLOCKS = """
    - id: no-dropping
      severity: critical
      on: [tool.before]
      match: {tool: ["drop_*"]}
      action: block
      onError: block
      message: "'${tool.name}' destroys data"
"""


def write(folder: Path) -> Path:
    """Write the bundle, and tell where."""
    library = files("promethios.governance.policies") / "library"
    path = folder / "policies.yaml"
    path.write_text((library / "baseline.yaml").read_text(encoding="utf-8") + _BLOCKS, encoding="utf-8")
    return path
