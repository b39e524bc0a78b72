"""Grafana dashboards as code, the JSON they make, and the files that provision them.

Only the generator (:mod:`promethios.dashboards.build` and what it imports) needs grafana-foundation-sdk, a
development dependency. Exporting the committed JSON needs nothing but this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

__all__ = ["boards"]


def boards() -> Mapping[str, bytes]:
    """Return the committed JSON of every dashboard by its uid, which is its file's name too.

    The entry point ``promethios`` of the group ``promethios.dashboards``: who else has dashboards for the
    receiver's console registers such a function there.
    """
    files = (resources.files(__package__) / "json").iterdir()
    return {
        file.name.removesuffix(".json"): file.read_bytes()
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".json")
    }
