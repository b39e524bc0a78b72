"""Colours and the words they stand for; each scale stays apart under the three kinds of colour blindness.

Chosen by the smallest CIE76 distance between any two of a scale, as seen normally and with protanopia,
deuteranopia and tritanopia simulated (Machado, Oliveira and Fernandes, 2009), with at least 3:1 against
Grafana's dark panels. A test measures both.
"""

from __future__ import annotations

from typing import Final

#: Worst first, as legends list them.
SEVERITIES: Final = {"critical": "#d841a2", "high": "#ea5a1c", "medium": "#f0d57a", "low": "#4a86f0"}

#: What was decided or enforced, most severe first.
VERDICTS: Final = {
    "block": "#ea3a24",
    "approve": "#b6dfef",
    "redact": "#a684ef",
    "flag": "#f2d95c",
    "allow": "#3a8f80",
}

STATUSES: Final = {"live": "#45b7a6", "stale": "#f2c027", "down": "#da252e", "stopped": "#6e7080"}

#: The tiers of trust, worst first.
TIERS: Final = {
    "restricted": "#da252e",
    "probation": "#f2c027",
    "standard": "#b6dfef",
    "trusted": "#45b7a6",
}

#: Whether a policy's verdict was acted on.
MODES: Final = {"enforced": "#ea3a24", "shadow": "#a684ef"}

#: Calls with and without a decision.
COVERAGE: Final = {"ungoverned": "#da252e", "governed": "#45b7a6"}

#: How urgent an alert is.
URGENCIES: Final = {"critical": "#d841a2", "warning": "#f0d57a", "info": "#4a86f0"}

#: What has become of an alert.
ALERT_STATES: Final = {"firing": "#da252e", "pending": "#f2c027", "resolved": "#45b7a6"}

#: How a control is met.
CONTROL_STATES: Final = {"failing": "#da252e", "shadow": "#a684ef", "enforced": "#45b7a6"}

#: What failed: evaluating a policy, calling a model, calling a tool.
ERRORS: Final = {"policy": "#ea3a24", "model": "#f0d57a", "tool": "#4a86f0"}

QUANTILES: Final = {"p99": "#d841a2", "p95": "#f0d57a", "p50": "#4a86f0"}

DIRECTIONS: Final = {"input": "#4a86f0", "output": "#b6dfef"}

SIGNALS: Final = {"spans": "#4a86f0", "metrics": "#f0d57a", "logs": "#45b7a6"}

#: A number without a judgement in it.
NEUTRAL: Final = "#8ab0f0"
GOOD: Final = STATUSES["live"]
WARN: Final = STATUSES["stale"]
BAD: Final = STATUSES["down"]
