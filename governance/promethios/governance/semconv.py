"""The one place of attribute, event, span and metric names.

The ``gen_ai.*`` names follow OpenTelemetry's GenAI semantic conventions, which are in development: they
are kept here, not imported, so that a rename there is one line here. The ``gen_ai.guardrail.*`` names are a
draft.
"""

from typing import Final

#: The release of the GenAI conventions that these names were read from.
GENAI_CONVENTIONS: Final = "1.37.0"

# The operation (GenAI conventions).
#: text: what the operation is, such as ``chat`` or ``execute_tool``; see `OPERATION_KINDS`.
OPERATION_NAME: Final = "gen_ai.operation.name"
#: text: who serves the model, such as ``openai``.
PROVIDER_NAME: Final = "gen_ai.provider.name"
#: text: the model that was asked for.
REQUEST_MODEL: Final = "gen_ai.request.model"
#: int: how many tokens the model may answer with.
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
#: text: the model that answered.
RESPONSE_MODEL: Final = "gen_ai.response.model"
#: text: the agent's id.
AGENT_ID: Final = "gen_ai.agent.id"
#: text: the agent's name.
AGENT_NAME: Final = "gen_ai.agent.name"
#: text: the version of the agent.
AGENT_VERSION: Final = "gen_ai.agent.version"
#: text: the conversation that the operation belongs to.
CONVERSATION_ID: Final = "gen_ai.conversation.id"
#: text: the tool that is called.
TOOL_NAME: Final = "gen_ai.tool.name"
#: text: what kind of tool it is, such as ``function``.
TOOL_TYPE: Final = "gen_ai.tool.type"
#: text: the id of the call of a tool, as the model gave it.
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
#: text, JSON: what the tool is called with, where content is captured.
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
#: text, JSON: what the tool returned, where content is captured.
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
#: text: what is asked of an MCP server: ``tools/call``, ``resources/read`` or ``prompts/get``.
MCP_METHOD: Final = "mcp.method.name"
#: text: the name that the MCP server gives itself.
MCP_SERVER_NAME: Final = "mcp.server.name"
#: text: the resource that an MCP server is asked for.
MCP_RESOURCE_URI: Final = "mcp.resource.uri"
#: text: the prompt that an MCP server is asked for.
MCP_PROMPT_NAME: Final = "gen_ai.prompt.name"
#: text, JSON: what went to the model, where content is captured.
INPUT_MESSAGES: Final = "gen_ai.input.messages"
#: text, JSON: what the model answered, where content is captured.
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
#: int: tokens of the request.
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
#: int: tokens of the answer.
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
#: int: those of the request's tokens that were read from the provider's cache.
USAGE_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
#: int: those of the request's tokens that were written to the provider's cache.
USAGE_CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"

# The operation, as older instrumentations name it.
#: text: an older name of the provider.
LEGACY_SYSTEM: Final = "gen_ai.system"
#: int: an older name of the request's tokens.
LEGACY_PROMPT_TOKENS: Final = "gen_ai.usage.prompt_tokens"
#: int: an older name of the answer's tokens.
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
#: text: the service; the agent's name where it has no other.
SERVICE_NAME: Final = "service.name"
#: text: the process; decisions are numbered for each.
SERVICE_INSTANCE_ID: Final = "service.instance.id"
#: text: such as ``prod``.
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
#: text: the release of the service.
SERVICE_VERSION: Final = "service.version"

# What is around the operation.
#: text: the person for whom the agent acts.
USER_ID: Final = "user.id"
#: text: the older name of `user.id`.
LEGACY_ENDUSER_ID: Final = "enduser.id"
#: text: the host that serves the model or tool.
SERVER_ADDRESS: Final = "server.address"
#: text: what went wrong, such as ``timeout``.
ERROR_TYPE: Final = "error.type"

#: text: whose budget an operation uses, for limits ``per: tenant``.
TENANT_ID: Final = "promethios.tenant.id"

# The governance span, and the stamp on the operation's span (the first four).
#: the name of the span that tells one decision; as long as the evaluation took.
DECISION_SPAN: Final = "promethios.decide"
#: text, 32 hexadecimal digits: unique.
DECISION_ID: Final = "promethios.decision.id"
#: text: the most severe action of all matches: ``allow``, ``flag``, ``redact``, ``approve`` or ``block``.
DECISION_VERDICT: Final = "promethios.decision.verdict"
#: text: the verdict that was carried out; milder than the verdict where a policy is in shadow, or it was
#: too late to act.
DECISION_ENFORCED: Final = "promethios.decision.enforced"
#: text: who decided an operation: ``guard``, ``gate`` (when its span began), ``processor`` (when it ended) or
#: ``other``: another span of the same operation was decided. On the operation's span only.
DECISION_LAYER: Final = "promethios.decision.layer"
#: int: the decision's number in its process, from 1, without gaps.
DECISION_SEQ: Final = "promethios.decision.seq"
#: text: the intervention point, such as ``model.before``.
DECISION_POINT: Final = "promethios.decision.point"
#: text: ``shadow`` where all that matched is in shadow, else ``enforce``.
DECISION_MODE: Final = "promethios.decision.mode"
#: double, microseconds: how long the evaluation took.
DECISION_DURATION: Final = "promethios.decision.duration_us"
#: text: the policies that decided.
BUNDLE_NAME: Final = "promethios.bundle.name"
#: text: their version, as written.
BUNDLE_VERSION: Final = "promethios.bundle.version"
#: text: the SHA-256 of their text, hexadecimal.
BUNDLE_HASH: Final = "promethios.bundle.hash"
#: int, 0 to 1000: the agent's trust after the decision. A draft.
TRUST_SCORE: Final = "gen_ai.agent.trust.score"
#: text: how trust was computed. A draft.
TRUST_METHOD: Final = "gen_ai.agent.trust.method"

# An event of the governance span for each match.
#: the name of an event of the governance span: one for each policy that matched. A draft.
GUARDRAIL_EVENT: Final = "gen_ai.guardrail.result"
#: text: the policy.
GUARDRAIL_POLICY_ID: Final = "gen_ai.guardrail.policy.id"
#: text: the version of its bundle.
GUARDRAIL_POLICY_VERSION: Final = "gen_ai.guardrail.policy.version"
#: text: what decided: a detector's id, or the part of the policy (``when``, ``limit`` …).
GUARDRAIL_RULE_ID: Final = "gen_ai.guardrail.policy.rule.id"
#: text: the action that the policy asks for.
GUARDRAIL_RESULT_TYPE: Final = "gen_ai.guardrail.result.type"
#: text: the action that was carried out for it.
GUARDRAIL_RESULT_VALUE: Final = "gen_ai.guardrail.result.value"
#: text: why, for people; never content.
GUARDRAIL_RESULT_REASON: Final = "gen_ai.guardrail.result.reason"
#: text: the detector that hit, where one did.
GUARDRAIL_RISK_CATEGORY: Final = "gen_ai.guardrail.risk.category"
#: text: ``low``, ``medium``, ``high`` or ``critical``.
POLICY_SEVERITY: Final = "promethios.policy.severity"
#: list of text: the controls of frameworks that the policy serves.
POLICY_CONTROLS: Final = "promethios.policy.controls"
#: text: ``enforce`` or ``shadow``.
POLICY_MODE: Final = "promethios.policy.mode"
#: bool: the policy could not be evaluated, and its ``onError`` decided.
POLICY_FAILED: Final = "promethios.policy.failed"
#: list of text: ``detector path start-end digest``; the digest is keyed, the content is not there.
POLICY_EVIDENCE: Final = "promethios.policy.evidence"
#: double: what the match weighs in the agent's trust; 0 where it does not count.
POLICY_WEIGHT: Final = "promethios.policy.weight"

# The heartbeat: an event, whose body is OpAMP's message AgentToServer.
#: the name of the event; the gauge of the same name goes with the metrics.
HEARTBEAT_EVENT: Final = "promethios.agent.heartbeat"
#: double, s: how long the process has lived, by a clock that nobody sets.
AGENT_UPTIME: Final = "promethios.agent.uptime"
#: double, s: how long until the next heartbeat.
AGENT_INTERVAL: Final = "promethios.agent.heartbeat.interval"
#: text: ``enforce``; ``shadow`` where every policy is; ``none`` without policies.
AGENT_MODE: Final = "promethios.agent.mode"
#: list of text: the libraries whose calls adapters guard, as they are imported.
AGENT_ADAPTERS: Final = "promethios.agent.adapters"
#: int: operations that were decided before they ran, since the process began.
COVERAGE_GOVERNED: Final = "promethios.coverage.governed"
#: int: operations that nothing decided, or only when they were over.
COVERAGE_UNGOVERNED: Final = "promethios.coverage.ungoverned"

# Metrics.
#: counter: decisions, by ``point``, ``verdict`` and ``enforced``.
METRIC_DECISIONS: Final = "promethios.decisions"
#: counter: policies that matched, by ``policy`` and ``severity``.
METRIC_MATCHES: Final = "promethios.policy.matches"
#: histogram, s: how long evaluations took, by ``point``.
METRIC_DURATION: Final = "promethios.evaluation.duration"
#: counter: policies that could not be evaluated, by ``policy``.
METRIC_ERRORS: Final = "promethios.evaluation.errors"
#: counter: decisions whose span sampling took; none with a lane of their own.
METRIC_UNRECORDED: Final = "promethios.decisions.unrecorded"
#: counter: bundles that were put in force while running, or were not, by ``outcome``: ``loaded``, ``failed``.
METRIC_RELOADS: Final = "promethios.policy.reloads"
#: gauge, 0 to 1000: an agent's trust, by ``agent``.
METRIC_TRUST: Final = "promethios.agent.trust"
#: gauge, 1 while the process lives: the agent's sign of life.
METRIC_HEARTBEAT: Final = "promethios.agent.heartbeat"
#: gauge: items that wait in memory.
METRIC_QUEUED: Final = "promethios.exporter.queued"
#: gauge: items that wait in the spool, on disk.
METRIC_SPOOLED: Final = "promethios.exporter.spooled"
#: counter: items that the receiver acknowledged.
METRIC_SENT: Final = "promethios.exporter.sent"
#: counter: items that were lost, by ``reason``.
METRIC_DROPPED: Final = "promethios.exporter.dropped"
