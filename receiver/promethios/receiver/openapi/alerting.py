"""What the API says of alerts: rows of alerts, silences and signals, and how silences are made and ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.alerting import RULES, SEVERITIES
from promethios.receiver.alerts.standing import State
from promethios.receiver.api.alerts import LONGEST, LONGEST_TEXT
from promethios.receiver.openapi.columns import Schema, flag, moment, real, text, whole

_AGENT: Final = text("The agent that it is about; empty for none")
_SILENCED: Final = text("The agent whose alerts are not told; empty for every agent")

#: The columns of each route.
COLUMNS: Final[Mapping[str, Mapping[str, Schema]]] = {
    "alerts": {
        "rule": text("The rule's id"),
        "title": text("What the rule is called"),
        "severity": text("How severe it is", enum=list(SEVERITIES)),
        "state": text("Whether it is told", enum=[str(state) for state in State]),
        "agent_id": _AGENT,
        "labels": text("What tells it from other alerts of the rule: a JSON object"),
        "value": real("The rule's number, when it was bad last"),
        "threshold": real("What it was compared with"),
        "since": moment("When the number became bad"),
        "last_change": moment("When the state changed"),
        "silenced": flag("Whether a silence covers it"),
        "summary": text("One line about it"),
    },
    "alerts/silences": {
        "silence_id": whole("The silence"),
        "rule": text("The rule whose alerts are not told; empty for every rule"),
        "agent_id": _SILENCED,
        "reason": text("Why"),
        "author": text("Who said so, and with which key"),
        "created": moment("When it was made"),
        "until": moment("When it ends"),
    },
    **{
        f"signals/{rule.id}": {
            rule.labels[0]: text("Whose number it is"),
            "value": real(f"{rule.title}: the number that the rule compares, in {rule.unit}"),
        }
        for rule in RULES
    },
}


def rows() -> dict[str, dict[str, Any]]:
    """The row of each route."""
    return {
        path: {
            "type": "object",
            "properties": dict(columns),
            "required": sorted(columns),
            "additionalProperties": False,
        }
        for path, columns in COLUMNS.items()
    }


#: What makes a silence.
NEW_SILENCE: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "rule": {"type": "string", "description": "The rule's id; without it, every rule"},
                    "agent": {
                        "type": "string",
                        "maxLength": LONGEST_TEXT,
                        "description": "The agent; without it, every one",
                    },
                    "seconds": {"type": "integer", "minimum": 1, "maximum": LONGEST, "default": 7_200},
                    "reason": {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT},
                    "author": {"type": "string", "maxLength": LONGEST_TEXT, "description": "Who says so"},
                },
                "required": ["reason"],
                "additionalProperties": False,
            }
        }
    },
}


def describe_silences(_: str, method: str) -> dict[str, Any]:
    """How a silence is made and ended."""
    if method == "DELETE":
        return {
            "summary": "End a silence: what it kept back is told.",
            "responses": {"204": {"description": "It is over"}},
            "refusals": (404,),
        }
    listed = {
        "type": "object",
        "properties": {"data": {"type": "array", "items": rows()["alerts/silences"]}},
        "required": ["data"],
    }
    return {
        "summary": "Tell nothing of a rule or an agent for a while.",
        "requestBody": NEW_SILENCE,
        "responses": {"201": {"description": "Done", "content": {"application/json": {"schema": listed}}}},
        "refusals": (409, 413),
    }
