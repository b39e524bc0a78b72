"""What a look at a database found, and how bad it is."""

from promethios.governance.findings import Finding, Level

__all__ = ["Finding", "Level"]
