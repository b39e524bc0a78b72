"""What a row of each list holds, as `rows.py` has it of the other routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.receiver.openapi.columns import COLUMNS, moment, or_null, real, row, text, whole

_SPAN: Final = row(
    "time agent_id model tool conversation_id decision_id trace_id span_id",
    name=text("What the span is called"),
    operation=or_null(text("The operation, such as chat or execute_tool")),
    provider=or_null(text("Whose model it is")),
    duration_ms=real("How long it took, milliseconds"),
    status=text("How it ended", enum=["unset", "ok", "error"]),
    status_message=text("What the error was"),
    verdict=or_null(text("What was decided about it; null where nothing was")),
    decision_id=or_null(text("The decision about it; of several the most severe")),
    input_tokens=or_null({"type": "integer", "description": "Tokens that the model was given"}),
    output_tokens=or_null({"type": "integer", "description": "Tokens that it gave"}),
)

#: By the path under ``/api/v1/``.
LISTED: Final[Mapping[str, dict[str, Any]]] = {
    "decisions": row(
        "time decision_id seq agent_id instance_id point verdict enforced mode model tool conversation_id "
        "policies reason duration_us bundle_version dialect trace_id span_id"
    ),
    "violations": row(
        "time severity agent_id policy_id action enforced mode reason detector point model tool decision_id "
        "trace_id span_id"
    ),
    "spans": _SPAN,
    "ungoverned": _SPAN,
    "traces": row(
        "trace_id service_name agent_id spans",
        time=moment("When its first span began"),
        root=text("What its root is called; without one, its earliest span"),
        duration_ms=real("From the first span's beginning to the last one's end, milliseconds"),
        errors=whole("Spans that failed"),
        verdict=or_null(text("The most severe decision in it; null without any")),
    ),
    "logs": row("time severity agent_id body event_name trace_id span_id"),
    "conversations": row(
        "agent_id decisions blocked violations",
        conversation_id=text("The conversation"),
        first_seen=moment("Its first decision in the range"),
        last_seen=moment("Its last decision in the range"),
        trace_id=text("The trace of its last decision, 32 hexadecimal digits"),
    ),
    "trust/changes": row(
        "time agent_id score trace_id",
        change={"type": "integer", "description": "How many points more or less than it was told before"},
        cause=text("What happened, such as scored or alarmed"),
        reason=text("Why, in words that hold no content"),
        decision_id=text("The decision that moved it; empty without"),
    ),
    "tools": row(
        "agents last_seen",
        tool=text("The tool"),
        calls=whole("Spans that say that they are calls of it"),
        allowed=whole("Decisions that let a call in"),
        flagged=whole("Decisions about it that were enforced as a flag"),
        redacted=whole("Decisions about it that were enforced as a redaction"),
        approved=whole("Decisions about it that asked somebody"),
        blocked=whole("Decisions about it that were enforced as a block"),
        errors=whole("Calls that failed"),
    ),
    "bundles": row(
        "bundle_version agents decisions",
        bundle_name=text("What the policies are called"),
        bundle_hash=text("The SHA-256 of their text, hexadecimal"),
        first_seen=moment("When they first decided in the range"),
        last_seen=moment("When they last decided in the range"),
    ),
    "evidence": row(
        "agent_id instance_id decisions",
        first_seq=whole("The number of its first decision in the range"),
        last_seq=whole("The number of its last one"),
        missing=whole("How many between them are not here"),
        last_seen=moment("When it last decided in the range"),
    ),
    "compliance": row(
        "policies",
        framework=text("Whose control it is, such as EU-AI-Act; empty where a policy does not say"),
        control=text("The control, such as Art.15"),
        evidence=whole("Matches of its policies in the range"),
        enforced=whole("How many of them were of enforced policies"),
        status=text(
            "failing: a policy could not be evaluated; shadow: none of them is enforced",
            enum=["enforced", "shadow", "failing"],
        ),
        last_seen=moment("When one of its policies matched last"),
    ),
    "annotations": row(
        "time agent_id",
        time_end=or_null(moment("Until when; null for a moment, and for what is not over")),
        title=text("What it was"),
        text=text("More about it"),
        tags=text("Words to find it by, joined by commas"),
        kind=text("A version of policies that was new, or an alert", enum=["policy", "alert"]),
    ),
    "retention": row(
        "",
        kind=text("What is kept, by its table; `database`, which the operator is told of, for the file"),
        rows=or_null(whole("How many rows; of heartbeats a million are counted at most")),
        oldest=or_null(moment("The oldest of them, by its own time; null without rows")),
        keep_days=or_null(whole("For how many days they are kept; null for ever")),
        limit_bytes=or_null(whole("How large the database may be; null without a limit")),
        bytes=or_null(whole("How large it is; null but for `database`")),
    ),
    "metrics": row(
        "agents last_seen",
        name=text("The metric"),
        unit=text("Its unit; empty where it tells none"),
        type=text("OTLP's type of its points, such as gauge, sum or histogram"),
        points=whole("Points in the range"),
    ),
    "series/metric": row(
        "time agent_id", value=or_null({**COLUMNS["value"], "description": "The metric; null without points"})
    ),
}
