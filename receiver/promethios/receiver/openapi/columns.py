"""The words of the API's answers: what each column of a row holds, said once for all routes.

A column means the same wherever it stands; where it does not, the row says so itself (`rows.py`).
Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.decision import Verdict
from promethios.governance.operation import POINTS

Schema = Mapping[str, Any]


def text(description: str, **further: Any) -> Schema:
    """Text."""
    return {"type": "string", "description": description, **further}


def whole(description: str, **further: Any) -> Schema:
    """A whole number from 0."""
    return {"type": "integer", "minimum": 0, "description": description, **further}


def real(description: str, **further: Any) -> Schema:
    """A number."""
    return {"type": "number", "description": description, **further}


def flag(description: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": description}


def or_null(schema: Schema) -> Schema:
    """The same, or null where there is none."""
    kinds = schema["type"]
    return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}


def moment(description: str) -> Schema:
    """A time."""
    return {"type": "integer", "description": f"{description}; Unix milliseconds"}


_TRACE: Final = text("The trace, 32 hexadecimal digits; empty where there is none")
_SPAN: Final = text("The span of the operation, 16 hexadecimal digits; empty where there is none")

COLUMNS: Final[Mapping[str, Schema]] = {
    "action": text("What the policy asks for when it matches"),
    "adapters": or_null(text("The libraries whose calls adapters guard, joined by commas")),
    "agent": or_null(text("The one agent that the key speaks for; null for any")),
    "agent_id": text("The agent: its id, else its name, else its service's name"),
    "agents": whole("How many agents"),
    "alarmed": flag("Whether a sudden change is being alarmed about"),
    "approved": whole("Matches for which somebody was asked"),
    "bad": real("Faded weight of what went against it"),
    "blocked": whole("Decisions that were enforced as a block"),
    "body": or_null(text("What the record says; what is no text is JSON")),
    "bound": real("The upper 90 % bound of the share of violations"),
    "bundle_version": text("The version of the policies that decided"),
    "calls": whole("Calls of models and tools"),
    "change": real("The sum that raises the alarm of a sudden change"),
    "clock_offset": or_null(
        {
            "type": "integer",
            "description": "How far the agent's clock is ahead of the receiver's, milliseconds; null without"
            " heartbeats",
        }
    ),
    "controls": text("The controls that the policy serves, joined by commas"),
    "conversation_id": or_null(text("The conversation")),
    "cost_usd": or_null(
        real(
            "What its tokens cost at list prices, US dollars; null where nothing of it has a known price",
            minimum=0,
        )
    ),
    "coverage": or_null(
        real("The share of calls that a decision was made for; null without calls", minimum=0, maximum=1)
    ),
    "created": moment("When it was made"),
    "critical": whole("Violations of severity critical"),
    "decision_id": text("The decision"),
    "decisions": whole("How many decisions"),
    "detector": text("What was found, such as pii.card; or what matched"),
    "direction": text("Which way the tokens went", enum=["input", "output"]),
    "dropped": or_null(whole("Items that its delivery lost, since it began")),
    "duration_us": real("How long the decision took, microseconds", minimum=0),
    "enforced": text("What was done"),
    "environment": text("The environment that the key's text names"),
    "event_name": text("The event that the record is; empty for an ordinary record"),
    "evidence": real("How much is known of the agent: its faded decisions"),
    "errors": whole("Policies that could not be evaluated"),
    "expires": or_null(moment("When it ends; null for never")),
    "failed": whole("Matches whose policy could not be evaluated"),
    "first_seen": moment("When it was first seen"),
    "flagged": whole("Decisions that were enforced as a flag"),
    "good": real("Faded number of clean decisions"),
    "governed": whole("Calls that a decision was made for"),
    "heartbeat": or_null(moment("When it was last heard to say that it lives; null without heartbeats")),
    "high": whole("Violations of severity high"),
    "input_tokens": whole("Tokens that models were given"),
    "instance_id": text("The process that decided"),
    "instances": whole("Processes that were seen"),
    "key_id": text("The public part of the key"),
    "last_bundle_version": or_null(text("The version of the policies that decided last")),
    "last_error": or_null(text("What its delivery failed with last; null where it did not")),
    "last_ingest": or_null(moment("When telemetry last arrived; null for never")),
    "last_seen": moment("When it was last seen"),
    "last_used": or_null(moment("When the key was last used; null for never")),
    "logs": whole("Log records"),
    "last_ungoverned": or_null(
        moment("From when the step is in which the last ungoverned call was; null without")
    ),
    "low": whole("Violations of severity low"),
    "lowest_trust": or_null(whole("The least trust of an agent; null without agents", maximum=1000)),
    "method": text("The formula of trust and its version"),
    "medium": whole("Violations of severity medium"),
    "metric_points": whole("Points of metrics"),
    "dialect": text("Empty for a decision of Promethios; else the system whose words told it"),
    "mode": text("enforce, or shadow: decided and not enforced"),
    "model": or_null(text("The model that was asked for")),
    "output_tokens": whole("Tokens that models gave"),
    "owner": text(
        "Who answers for it: the resource attribute service.owner, owner, service.team or team; empty without"
    ),
    "own_governed": or_null(whole("Operations that it says were decided before they ran, since it began")),
    "own_ungoverned": or_null(whole("Operations that it says were not, or only when they were over")),
    "p95_ms": or_null(real("Duration of 95 % of the calls, milliseconds; null without calls", minimum=0)),
    "p95_us": or_null(
        real("Duration of 95 % of the decisions of the range's last hour, microseconds; null without any")
    ),
    "point": text("The intervention point", examples=sorted(POINTS)),
    "policies": text("The policies that matched, joined by commas"),
    "policy_id": text("The policy"),
    "processes": whole("Processes that say that they live"),
    "provider": text("Whose model it is; empty where spans do not tell"),
    "quantile": text("Which quantile", enum=["p50", "p95", "p99"]),
    "queued": or_null(whole("Items that wait in its memory")),
    "quota_bytes_per_minute": or_null(
        whole("Bytes of telemetry that the tenant may send in a minute; 0 for any, null as the receiver's")
    ),
    "quota_items_per_minute": or_null(
        whole("Spans, points and records that it may send in a minute; 0 for any, null as the receiver's")
    ),
    "reason": text("Why, in words that hold no content"),
    "redacted": whole("Decisions that were enforced as a redaction"),
    "replaces": or_null(text("The id of the key whose place this one took")),
    "revoked": or_null(moment("When it was revoked; null for a key that works")),
    "schema": text("The revision of the database's tables"),
    "scopes": text("What the key may be used for, joined by commas"),
    "score": whole("Trust, from 0 to 1000", maximum=1000),
    "sent": or_null(whole("Items that were acknowledged to it, since it began")),
    "seq": whole("The number of the decision in its process, without gaps"),
    "service_name": text("The service's name"),
    "severity": text("How severe it is"),
    "shadow": whole("Matches of policies that are in shadow: what would have been"),
    "share": or_null(
        real("The share of calls that a decision was made for; null without calls", minimum=0, maximum=1)
    ),
    "signal": text("Which signal", enum=["spans", "metrics", "logs"]),
    "span_id": _SPAN,
    "spans": whole("Spans"),
    "spooled": or_null(whole("Items that wait in its spool")),
    "started": moment("When the receiver was started"),
    "state": text(
        "alive; silent: lives and does nothing; stopped: it said goodbye; missing: it should have been heard"
        " by now; dead: it was not for ten minutes",
        enum=["alive", "silent", "stopped", "missing", "dead"],
    ),
    "status": text("Whether the agent lives", enum=["live", "stale", "down", "stopped"]),
    "store": text("What the data is stored in"),
    "tenant": text("Whose it is"),
    "tier": text("The tier of the score", enum=["trusted", "standard", "probation", "restricted"]),
    "time": moment("When it was"),
    "tool": or_null(text("The tool")),
    "trace_id": _TRACE,
    "trust": whole("Trust, from 0 to 1000", maximum=1000),
    "ungoverned": whole("Calls that no decision was made for"),
    "updated": or_null(moment("When the latest decision moved it; null before the first")),
    "uptime": or_null(real("How long it has lived, seconds, by a clock that nobody sets", minimum=0)),
    "value": real("The number of this step"),
    "verdict": text("What was decided", enum=[verdict.value for verdict in Verdict]),
    "version": text("The version of Promethios"),
    "violations": whole("Matches of policies"),
}


def row(names: str, **own: Schema) -> dict[str, Any]:
    """A row that has all of these columns, and no other.

    Raises:
        KeyError: A name is not in `COLUMNS` and is not the row's own.
    """
    columns = {name: COLUMNS[name] for name in names.split()} | own
    return {
        "type": "object",
        "properties": columns,
        "required": sorted(columns),
        "additionalProperties": False,
    }
