"""All that an examination of this environment found.

One file for each thing that is looked at. Nothing is changed, and nothing of the agent is imported or run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promethios.exporter.examination import (
    configuration_file,
    installed,
    policies,
    round_trip,
    spool,
    variables,
)
from promethios.exporter.examination.settings import Row, look
from promethios.governance.findings import Finding, Level


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Args:
        settings: Every setting, with its value and where it came from.
        findings: What was looked at, in the order in which it matters to an agent.
    """

    settings: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """How bad the worst of it is."""
        return max((each.level for each in self.findings), default=Level.OK)


def examine(environ: Mapping[str, str], *, offline: bool = False) -> Report:
    """Look at all that an agent with this environment would run with.

    Args:
        environ: The environment.
        offline: Whether to leave the endpoint alone.
    """
    about_file, given = configuration_file.look(environ)
    rows, settings, found = look(environ, given)
    found += policies.look(str(given.get("policies") or environ.get("PROMETHIOS_POLICIES", "")).strip())
    found += installed.libraries()
    found += installed.entry_points_found()
    found += variables.look(environ, settings)
    found += about_file
    if settings is not None:
        found += spool.look(settings)
        if not offline:
            found += round_trip.look(settings)
    return Report(tuple(rows), tuple(found))
