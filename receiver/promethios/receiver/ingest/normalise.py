"""Which attributes become columns: the GenAI conventions of today, and what instrumentations wrote before.

One table: for each column the attributes that may hold it, the best first. The older names are those of the
earlier GenAI conventions, of OpenInference (``llm.*``, ``openinference.*``) and of OpenLLMetry
(``traceloop.*``, ``llm.usage.*``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from promethios.governance import semconv

_TEXT_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "operation": (semconv.OPERATION_NAME,),
    "provider": (semconv.PROVIDER_NAME, semconv.LEGACY_SYSTEM, "llm.provider", "llm.system"),
    "model": (semconv.REQUEST_MODEL, "llm.model_name", "llm.request.model"),
    "response_model": (semconv.RESPONSE_MODEL, "llm.response.model"),
    "tool": (semconv.TOOL_NAME, "tool.name"),
    "conversation_id": (semconv.CONVERSATION_ID, "session.id", "traceloop.association.properties.session_id"),
}
_TOKEN_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "input_tokens": (
        semconv.USAGE_INPUT_TOKENS,
        semconv.LEGACY_PROMPT_TOKENS,
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
    ),
    "output_tokens": (
        semconv.USAGE_OUTPUT_TOKENS,
        semconv.LEGACY_COMPLETION_TOKENS,
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
    ),
}

#: What other conventions call a kind of span, and the operation that it is.
_SPAN_KINDS: Final = ("openinference.span.kind", "traceloop.span.kind", "llm.request.type")
_KIND_OPERATIONS: Final = {
    "LLM": "chat",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "EMBEDDING": "embeddings",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
}

#: Operations that call a model or a tool: what governance should have decided.
CALLS: Final = ("chat", "text_completion", "generate_content", "embeddings", "execute_tool")

UNKNOWN_AGENT: Final = "unknown"


class GenAI(NamedTuple):
    """The columns that a span has of its operation; None where it does not say."""

    operation: str | None
    provider: str | None
    model: str | None
    response_model: str | None
    tool: str | None
    conversation_id: str | None
    input_tokens: int | None
    output_tokens: int | None


def genai_of(attributes: Mapping[str, Any]) -> GenAI:
    """Read the operation's columns from a span's attributes."""
    texts = {column: _first(attributes, names, str) for column, names in _TEXT_COLUMNS.items()}
    tokens = {column: _first(attributes, names, int) for column, names in _TOKEN_COLUMNS.items()}
    texts["operation"] = texts["operation"] or _operation_by_kind(attributes)
    return GenAI(**texts, **tokens)


def agent_of(attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    """Which agent it is: by its id, else its name, else its service's name."""
    names = (semconv.AGENT_ID, semconv.AGENT_NAME)
    return (
        _first(attributes, names, str)
        or _first(resource, (*names, semconv.SERVICE_NAME), str)
        or UNKNOWN_AGENT
    )


def _first(attributes: Mapping[str, Any], names: tuple[str, ...], kind: type) -> Any:
    """The first attribute that is there, has the type that its column has, and is not empty text."""
    for name in names:
        value = attributes.get(name)
        if type(value) is kind and value != "":
            return value
    return None


def _operation_by_kind(attributes: Mapping[str, Any]) -> str | None:
    kind = _first(attributes, _SPAN_KINDS, str)
    return None if kind is None else _KIND_OPERATIONS.get(kind)
