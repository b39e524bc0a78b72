"""What older and other instrumentations write, in the words of the GenAI conventions.

One table for each kind of thing that is said: what an operation is, what identifies it and what it used, and
its content. OpenInference and OpenLLMetry (with Traceloop's names) write most of it after a span's start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from promethios.governance import semconv

#: An operation's span has one of these; a span that has none of them is no operation.
MARKERS: Final = frozenset(
    {
        semconv.OPERATION_NAME,
        "llm.request.type",
        "openinference.span.kind",
        "traceloop.span.kind",
    }
)

# Read in the packages: GenAI is the semantic conventions' own earlier names (with their last release), OI is
# OpenInference's semantic conventions 0.1.42, OLM is OpenLLMetry's (opentelemetry-semantic-conventions-ai
# 0.5.1; "was" where 0.4 and older wrote it, and 0.5 has renamed it to GenAI's).

#: What a span is: marker and its value, the name of the operation. The receiver reads by it too.
OPERATIONS: Final = {
    ("openinference.span.kind", "AGENT"): "invoke_agent",  # OI
    ("openinference.span.kind", "EMBEDDING"): "embeddings",  # OI
    ("openinference.span.kind", "LLM"): "chat",  # OI; it tells no completion from a chat
    ("openinference.span.kind", "TOOL"): "execute_tool",  # OI
    ("llm.request.type", "chat"): "chat",  # OLM
    ("llm.request.type", "completion"): "text_completion",  # OLM
    ("llm.request.type", "embedding"): "embeddings",  # OLM
    ("traceloop.span.kind", "agent"): "invoke_agent",  # OLM
    ("traceloop.span.kind", "tool"): "execute_tool",  # OLM
}

#: What identifies an operation and what it used, the preferred name first. The receiver reads by it too.
NAMES: Final = {
    semconv.PROVIDER_NAME: (
        semconv.LEGACY_SYSTEM,  # GenAI 1.36; OLM
        "llm.provider",  # OI: who serves it
        "llm.system",  # OI: whose model it is
    ),
    semconv.REQUEST_MODEL: (
        "llm.model_name",  # OI
        "embedding.model_name",  # OI
        "llm.request.model",  # OLM, was
    ),
    semconv.TOOL_NAME: ("tool.name",),  # OI
    semconv.AGENT_NAME: ("agent.name",),  # OI
    semconv.CONVERSATION_ID: (
        "session.id",  # OI; the general conventions, of a client's session
        "traceloop.association.properties.session_id",  # OLM, by agreement: the name is the application's
    ),
    semconv.USAGE_INPUT_TOKENS: (
        semconv.LEGACY_PROMPT_TOKENS,  # GenAI 1.26; OLM, was
        "llm.token_count.prompt",  # OI
        "llm.usage.prompt_tokens",  # OLM, was
    ),
    semconv.USAGE_OUTPUT_TOKENS: (
        semconv.LEGACY_COMPLETION_TOKENS,  # GenAI 1.26; OLM, was
        "llm.token_count.completion",  # OI
        "llm.usage.completion_tokens",  # OLM, was
    ),
}
# What an operation's span says of itself under names that any span may have.
_NAMES_OF: Final = {
    "execute_tool": {
        semconv.TOOL_NAME: ("traceloop.entity.name",),
        semconv.TOOL_CALL_ARGUMENTS: ("tool.parameters", "input.value", "traceloop.entity.input"),
        semconv.TOOL_CALL_RESULT: ("output.value", "traceloop.entity.output"),
    },
    "invoke_agent": {
        semconv.AGENT_NAME: ("traceloop.entity.name",),
        semconv.INPUT_MESSAGES: ("input.value", "traceloop.entity.input"),
        semconv.OUTPUT_MESSAGES: ("output.value", "traceloop.entity.output"),
    },
}
_CONTENT: Final = {
    semconv.INPUT_MESSAGES: ("input.value",),
    semconv.OUTPUT_MESSAGES: ("output.value",),
}
# Messages that are spread over numbered attributes, and what stands between number and field.
_NUMBERED: Final = {
    semconv.INPUT_MESSAGES: ("llm.input_messages.", "gen_ai.prompt."),
    semconv.OUTPUT_MESSAGES: ("llm.output_messages.", "gen_ai.completion."),
}
_FIELD_OF_MESSAGE: Final = "message."

_OTHERS: Final = (
    MARKERS
    | {name for others in NAMES.values() for name in others}
    | {name for names in _NAMES_OF.values() for others in names.values() for name in others}
) - {semconv.OPERATION_NAME}

#: The names that identify an operation or say what it used: the content is not among them.
IDENTITY: Final = (
    MARKERS
    | {name for preferred, others in NAMES.items() for name in (preferred, *others)}
    | {"traceloop.entity.name", semconv.AGENT_ID, semconv.TENANT_ID}
)


def translated(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes with the conventions' names beside those of other dialects; what is said already stays.

    The very same object where there is nothing to translate, or nothing that describes an operation.
    """
    if _OTHERS.isdisjoint(attributes):
        return attributes
    operation = attributes.get(semconv.OPERATION_NAME) or _operation(attributes)
    if operation is None:
        return attributes
    found: dict[str, Any] = {semconv.OPERATION_NAME: operation}
    tables = (NAMES, _NAMES_OF.get(operation, _CONTENT) if isinstance(operation, str) else _CONTENT)
    for names in tables:
        for preferred, others in names.items():
            _take(found, preferred, others, attributes)
    for preferred, prefixes in _NUMBERED.items():
        if messages := _messages(attributes, prefixes):
            found[preferred] = messages
    return {**found, **attributes}


def _operation(attributes: Mapping[str, Any]) -> str | None:
    for marker in ("openinference.span.kind", "llm.request.type", "traceloop.span.kind"):
        value = attributes.get(marker)
        if isinstance(value, str) and (found := OPERATIONS.get((marker, value))):
            return found
    return None


def _take(
    found: dict[str, Any], preferred: str, others: Iterable[str], attributes: Mapping[str, Any]
) -> None:
    if preferred not in attributes and preferred not in found:
        for name in others:
            if (value := attributes.get(name)) is not None:
                found[preferred] = value
                return


def _messages(attributes: Mapping[str, Any], prefixes: tuple[str, ...]) -> list[dict[str, Any]]:
    """The messages of attributes such as ``gen_ai.prompt.0.content``, in the order of their numbers."""
    messages: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if not name.startswith(prefixes):
            continue
        prefix = next(each for each in prefixes if name.startswith(each))
        number, _, field = name[len(prefix) :].partition(".")
        if number.isdecimal() and field:
            messages.setdefault(int(number), {})[field.removeprefix(_FIELD_OF_MESSAGE)] = value
    return [messages[number] for number in sorted(messages)]
