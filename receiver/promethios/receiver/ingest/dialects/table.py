"""The words of other systems of governance. Each was read in the package that is named; what could be run was
recorded, under `tests/receiver/payloads`.

What a system does not say is not guessed: without a verdict there is no decision, only a span or a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from promethios.governance import semconv
from promethios.governance.decision import Verdict
from promethios.receiver.ingest.dialects.model import (
    SPAN_NAME,
    SPAN_STATUS,
    SPAN_STATUS_MESSAGE,
    Dialect,
    Words,
)

_ALLOW, _FLAG, _REDACT, _APPROVE, _BLOCK = Verdict

#: Microsoft's words. ``log`` and ``audit`` match and let pass; ``allowed`` and booleans come of `str()`.
_AGT_WORDS: Final[Words] = {
    "allow": _ALLOW, "allowed": _ALLOW, "true": _ALLOW, "permit": _ALLOW,
    "log": _FLAG, "audit": _FLAG, "warn": _FLAG, "flag": _FLAG,
    "require_approval": _APPROVE, "escalate": _APPROVE,
    "deny": _BLOCK, "denied": _BLOCK, "block": _BLOCK, "blocked": _BLOCK, "false": _BLOCK,
}  # fmt: skip
_AGT_STAGES: Final = {
    "pre_input": "model.before",
    "pre_tool": "tool.before",
    "post_tool": "tool.after",
    "pre_output": "response",
}
_AGT: Final = "agent-governance-toolkit-core 5.0.0"

#: `agentmesh.governance.otel_observability`: a span around each evaluation; its rule is "none" without one.
AGT_EVALUATION: Final = Dialect(
    name="agt",
    source=_AGT,
    verdict=(("agt.policy.action", _AGT_WORDS),),
    policy=("agt.policy.name", "agt.policy.rule"),
    detector=("agt.policy.rule",),
    reason=(SPAN_STATUS_MESSAGE,),
    stage=("agt.policy.stage",),
    points=_AGT_STAGES,
    point="tool.before",
    tool=("agt.tool.name",),
)
#: `agent_os.otel_audit_backend`: a log record for each entry of the audit log.
AGT_AUDIT: Final = Dialect(
    name="agt",
    source=_AGT,
    verdict=(("agt.audit.decision", _AGT_WORDS),),
    policy=("agt.audit.meta.policy", "agt.audit.event_type"),
    reason=("agt.audit.reason",),
    point="tool.before",
    tool=("agt.audit.action",),
    milliseconds=("agt.audit.latency_ms",),
)
#: `agent_os.exporters.citadel_exporter`: a span for each event. Read, not recorded: it sends to Azure alone.
AGT_EVENT: Final = Dialect(
    name="agt",
    source=_AGT,
    verdict=(("agt.decision", _AGT_WORDS),),
    policy=("agt.policy_name",),
    version=("agt.policy_bundle_id",),
    point="tool.before",
    tool=("agt.action",),
)
#: `agentmesh.observability`: ``mesh.governance.policy_decision`` and ``mesh.governance.policy_check``. The
#: latter has `str()` of whatever the decorated function returned, such as ``allowed=True action='allow'``.
MESH: Final = Dialect(
    name="mesh",
    source=_AGT,
    verdict=(("policy.decision", {**_AGT_WORDS, "allowed=true": _ALLOW, "allowed=false": _BLOCK}),),
    policy=("policy.name",),
    reason=("policy.reason",),
    point="tool.before",
    tool=("governance.resource",),
    milliseconds=("mesh.operation.duration_ms",),
)

#: `nemoguardrails.tracing` and its IORails engine, which says ``Input`` and ``Output`` and sets ``rail.stop``
#: only where it stops. Dialog and generation rails steer the conversation: they decide nothing. Rails that
#: mask text do not tell it. Reasons come with captured content only.
NEMO: Final = Dialect(
    name="nemo",
    source="nemoguardrails 0.24.1",
    verdict=(("rail.stop", {"true": _BLOCK, "false": _ALLOW}),),
    unsaid=_ALLOW,
    policy=("rail.name",),
    reason=("guardrails.rail.reason",),
    stage=("rail.type",),
    points={
        "input": "model.before",
        "output": "response",
        "retrieval": "tool.after",
        "tool_input": "tool.after",  # the results of tools, before the model reads them
        "tool_output": "tool.before",  # the calls that the model asks for
    },
)

#: `openlit.guard`: an event for each guard, on the span that was the current one.
OPENLIT: Final = Dialect(
    name="openlit",
    source="openlit 1.45.0",
    verdict=(("guard.action", {"allow": _ALLOW, "warn": _FLAG, "redact": _REDACT, "deny": _BLOCK}),),
    policy=("guard.name",),
    detector=("guard.classification",),
    reason=("guard.explanation",),
    stage=("guard.phase",),
    points={"preflight": "model.before", "postflight": "model.after"},
    point="model.before",
    milliseconds=("guard.latency_ms",),
)

#: OpenInference has a kind of span for guardrails and no word for what they decided. An error is what stops
#: the caller; the result that some write as the span's output is taken where it is one of these words. A
#: tripwire of OpenAI Agents leaves neither, but a message on another span; a guardrail that crashes looks the
#: same (openinference-instrumentation-openai-agents 2.6.0). So these spans tell nothing.
OPENINFERENCE: Final = Dialect(
    name="openinference",
    source="openinference-semantic-conventions 0.1.42",
    verdict=(
        (SPAN_STATUS, {"2": _BLOCK}),
        (
            "output.value",
            {
                "pass": _ALLOW, "passed": _ALLOW, "allow": _ALLOW, "allowed": _ALLOW,
                "fail": _BLOCK, "failed": _BLOCK, "block": _BLOCK, "blocked": _BLOCK,
                "flag": _FLAG, "flagged": _FLAG,
            },
        ),
    ),
    strict=False,
    policy=("guardrail_name", SPAN_NAME),
    reason=(SPAN_STATUS_MESSAGE,),
    point="model.before",
)  # fmt: skip
#: Guardrails AI's own spans, one for each validator. Those around them are of OpenInference's kind too, and
#: end in the same error. What is done about a failure is what the validator was made with.
GUARDRAILS_AI: Final = Dialect(
    name="guardrails-ai",
    source="guardrails-ai 0.11.0",
    verdict=(
        (
            "validator.on_fail",
            {
                "exception": _BLOCK, "refrain": _BLOCK,
                "filter": _REDACT, "fix": _REDACT, "fix_reask": _REDACT,
                "reask": _FLAG, "noop": _FLAG, "custom": _FLAG,
            },
        ),
    ),
    failed="validator.validate.output.error_message",
    policy=("validator.name",),
    reason=("validator.validate.output.error_message",),
    point="model.after",
)  # fmt: skip

#: The draft event (open-telemetry/semantic-conventions-genai), on spans that are not ours and as log records.
#: The value is the guardrail's own: Amazon Bedrock's, Google Model Armor's, Azure AI Content Safety's (0 to
#: 7), a tripwire's. A match of a blocklist has none.
GUARDRAIL_RESULT: Final = Dialect(
    name="genai",
    source="the draft of gen_ai.guardrail.result, autumn of 2026",
    verdict=(
        (
            semconv.GUARDRAIL_RESULT_VALUE,
            {
                "none": _ALLOW, "no_match_found": _ALLOW, "false": _ALLOW, "0": _ALLOW,
                "allow": _ALLOW, "pass": _ALLOW,
                "guardrail_intervened": _BLOCK, "true": _BLOCK, "deny": _BLOCK, "block": _BLOCK,
                "match_found": _FLAG, "warn": _FLAG, "flag": _FLAG, "audit": _FLAG, "log": _FLAG,
                **dict.fromkeys("1234567", _FLAG),
                "modify": _REDACT, "redact": _REDACT, "mask": _REDACT, "anonymized": _REDACT,
                "approve": _APPROVE, "escalate": _APPROVE,
            },
        ),
    ),
    unsaid=_FLAG,
    policy=(semconv.GUARDRAIL_POLICY_ID, "gen_ai.guardrail.component.name"),
    version=(semconv.GUARDRAIL_POLICY_VERSION,),
    detector=(semconv.GUARDRAIL_RISK_CATEGORY, semconv.GUARDRAIL_RULE_ID),
    reason=(semconv.GUARDRAIL_RESULT_REASON,),
    severities={"1": "low", "2": "low", "5": "high", "6": "high", "7": "high"},
    stage=("gen_ai.guardrail.source",),
    points={
        "input": "model.before", "output": "model.after",
        "tool_input": "tool.before", "tool_output": "tool.after",
    },
    point="model.before",
    several=True,
)  # fmt: skip
#: The conventions' event for a judgement of an answer. Labels are the evaluator's own: the pairs that the
#: conventions give as examples, and a few like them, are known; a score alone is no verdict.
EVALUATION: Final = Dialect(
    name="evaluation",
    source="gen_ai.evaluation.result, GenAI conventions 1.38",
    verdict=(
        (
            "gen_ai.evaluation.score.label",
            {
                "pass": _ALLOW, "passed": _ALLOW, "relevant": _ALLOW, "correct": _ALLOW, "safe": _ALLOW,
                "fail": _FLAG, "failed": _FLAG, "not_relevant": _FLAG, "incorrect": _FLAG, "unsafe": _FLAG,
            },
        ),
    ),
    strict=False,
    policy=("gen_ai.evaluation.name",),
    reason=("gen_ai.evaluation.explanation",),
    point="model.after",
)  # fmt: skip

#: The attribute by which a span is known to tell something.
SPANS: Final[Mapping[str, Dialect]] = {
    "agt.policy.action": AGT_EVALUATION,
    "agt.decision": AGT_EVENT,
    "policy.decision": MESH,
    "rail.type": NEMO,
    "openinference.span.kind": OPENINFERENCE,
    "validator.name": GUARDRAILS_AI,
}
MARKERS: Final = frozenset(SPANS)

#: What the marker's value, or the span's name, has to begin with, where the marker may mean something else.
MARKED: Final[Mapping[str, str]] = {"openinference.span.kind": "GUARDRAIL"}
NAMED: Final[Mapping[str, str]] = {"policy.decision": "mesh.governance."}
#: What a span of the marker must not have: then another dialect tells it.
UNLESS: Final[Mapping[str, frozenset[str]]] = {
    "openinference.span.kind": frozenset({"guardrails.version", "validator.name"})
}

#: Events of spans, and log records, by their names.
EVENTS: Final[Mapping[str, Dialect]] = {
    "guard.evaluation": OPENLIT,
    "gen_ai.evaluation.result": EVALUATION,
    semconv.GUARDRAIL_EVENT: GUARDRAIL_RESULT,
    "audit_entry": AGT_AUDIT,
}
#: What a log record has its name in where it is older than the field for it.
EVENT_NAME: Final = "event.name"
