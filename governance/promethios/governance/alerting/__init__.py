"""What is an alert: the one definition, for the receiver's own alerts and for Grafana's.

Each rule compares one number with a threshold. The number is the answer of ``GET /api/v1/signals/<id>``: a
row for each set of labels, evaluated by the receiver in-process and asked for by Grafana. Never imported in
an agent.
"""

from promethios.governance.alerting.files import (
    load_rules,
    read_alerting,
    read_rules,
    read_seconds,
    refuse,
)
from promethios.governance.alerting.rules import RULES, SEVERITIES, AlertingError, AlertRule, rule_named

__all__ = [
    "RULES",
    "SEVERITIES",
    "AlertRule",
    "AlertingError",
    "load_rules",
    "read_alerting",
    "read_rules",
    "read_seconds",
    "refuse",
    "rule_named",
]
