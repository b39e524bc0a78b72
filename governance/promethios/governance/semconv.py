"""The one place of attribute, event, span and metric names.

The ``gen_ai.*`` names follow OpenTelemetry's GenAI semantic conventions, which are in development: they
are kept here, not imported, so that a rename there is one line here. The ``gen_ai.guardrail.*`` names are a
draft.
"""

from typing import Final

#: The release of the GenAI conventions that these names were read from.
GENAI_CONVENTIONS: Final = "1.37.0"

# The operation (GenAI conventions).
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"

# The operation, as older instrumentations name it.
LEGACY_SYSTEM: Final = "gen_ai.system"
LEGACY_PROMPT_TOKENS: Final = "gen_ai.usage.prompt_tokens"
LEGACY_COMPLETION_TOKENS: Final = "gen_ai.usage.completion_tokens"

# The operation's name by its kind: what a span must say to be seen as an agent's operation.
OPERATION_KINDS: Final = {
    "chat": "model",
    "embeddings": "model",
    "execute_tool": "tool",
    "generate_content": "model",
    "invoke_agent": "agent",
    "text_completion": "model",
}

# The resource.
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"

TENANT_ID: Final = "promethios.tenant.id"

# The governance span, and the stamp on the operation's span (the first four).
DECISION_SPAN: Final = "promethios.decide"
DECISION_ID: Final = "promethios.decision.id"
DECISION_VERDICT: Final = "promethios.decision.verdict"
DECISION_ENFORCED: Final = "promethios.decision.enforced"
DECISION_LAYER: Final = "promethios.decision.layer"
DECISION_SEQ: Final = "promethios.decision.seq"
DECISION_POINT: Final = "promethios.decision.point"
DECISION_MODE: Final = "promethios.decision.mode"
DECISION_DURATION: Final = "promethios.decision.duration_us"
BUNDLE_NAME: Final = "promethios.bundle.name"
BUNDLE_VERSION: Final = "promethios.bundle.version"
BUNDLE_HASH: Final = "promethios.bundle.hash"
TRUST_SCORE: Final = "gen_ai.agent.trust.score"
TRUST_METHOD: Final = "gen_ai.agent.trust.method"

# An event of the governance span for each match.
GUARDRAIL_EVENT: Final = "gen_ai.guardrail.result"
GUARDRAIL_POLICY_ID: Final = "gen_ai.guardrail.policy.id"
GUARDRAIL_POLICY_VERSION: Final = "gen_ai.guardrail.policy.version"
GUARDRAIL_RULE_ID: Final = "gen_ai.guardrail.policy.rule.id"
GUARDRAIL_RESULT_TYPE: Final = "gen_ai.guardrail.result.type"
GUARDRAIL_RESULT_VALUE: Final = "gen_ai.guardrail.result.value"
GUARDRAIL_RESULT_REASON: Final = "gen_ai.guardrail.result.reason"
GUARDRAIL_RISK_CATEGORY: Final = "gen_ai.guardrail.risk.category"
POLICY_SEVERITY: Final = "promethios.policy.severity"
POLICY_CONTROLS: Final = "promethios.policy.controls"
POLICY_MODE: Final = "promethios.policy.mode"
POLICY_FAILED: Final = "promethios.policy.failed"
POLICY_EVIDENCE: Final = "promethios.policy.evidence"
POLICY_WEIGHT: Final = "promethios.policy.weight"

# Metrics.
METRIC_DECISIONS: Final = "promethios.decisions"
METRIC_MATCHES: Final = "promethios.policy.matches"
METRIC_DURATION: Final = "promethios.evaluation.duration"
METRIC_ERRORS: Final = "promethios.evaluation.errors"
METRIC_UNRECORDED: Final = "promethios.decisions.unrecorded"
METRIC_TRUST: Final = "promethios.agent.trust"
METRIC_HEARTBEAT: Final = "promethios.agent.heartbeat"
METRIC_QUEUED: Final = "promethios.exporter.queued"
METRIC_SPOOLED: Final = "promethios.exporter.spooled"
METRIC_SENT: Final = "promethios.exporter.sent"
METRIC_DROPPED: Final = "promethios.exporter.dropped"
