"""The generator: ``python -m promethios.dashboards.build`` writes the JSON files of this package anew.

The same sources give the same bytes: tests compare them with the files in the repository.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

try:
    with warnings.catch_warnings():
        # At import, the SDK's modules recommend its v2 schema. The classic one stays: Grafana 11.6 reads it.
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.builders import dashboard, stat  # noqa: F401
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import dashboard as m
except ModuleNotFoundError as missing:
    raise SystemExit(
        "cannot generate dashboards: grafana-foundation-sdk is not installed; it is for development only. "
        "Install the group dev (pip install --group dev), or use the JSON that comes with the package "
        "(promethios dashboards export DIR)"
    ) from missing

from promethios.dashboards import alerts
from promethios.dashboards.agent import agent
from promethios.dashboards.compliance import compliance
from promethios.dashboards.overview import overview
from promethios.dashboards.policies import policies
from promethios.dashboards.trace import trace

JSON_DIR: Final = Path(__file__).parent / "json"


def generate() -> Mapping[str, bytes]:
    """Return each dashboard's file name and its JSON, indented, keys sorted, with a newline at the end."""
    made = (make().build() for make in (overview, agent, policies, compliance, trace))
    return {f"{board.uid}.json": encode(board) for board in made}


def encode(board: m.Dashboard) -> bytes:
    """Return a dashboard's JSON."""
    plain = json.loads(json.dumps(board, cls=JSONEncoder))
    # The SDK would have Grafana hide links and annotations in a menu; this shows them beside the variables.
    for shown in (*plain["links"], *plain["annotations"].get("list", [])):
        shown.pop("placement")
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def main(folder: Path = JSON_DIR) -> None:
    """Write every dashboard into ``folder`` and say so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in generate().items():
        (folder / name).write_bytes(body)
        print(f"wrote {folder / name} ({len(body)} bytes)", file=sys.stderr)


if __name__ == "__main__":
    main()
    # The rules lead to panels by number.
    alerts.main()
