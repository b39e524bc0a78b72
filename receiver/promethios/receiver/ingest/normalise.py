"""Which attributes become columns: the GenAI conventions of today, and what instrumentations write instead.

`promethios.governance.dialects` has the one table of what others call the conventions' names, with the source
of each; agents read by it as well. What is here makes columns of it: for each the attributes that may hold
it, the best first. Numbered content (``gen_ai.prompt.0.content``, ``llm.input_messages.0.message.content``)
is kept as it is, among the span's attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from promethios.governance import semconv
from promethios.governance.dialects import NAMES, OPERATIONS

#: The conventions' own names, in the order of `GenAI`, and the type that each column has.
_TEXTS: Final = (
    semconv.OPERATION_NAME,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.RESPONSE_MODEL,
    semconv.TOOL_NAME,
    semconv.CONVERSATION_ID,
)
_TOKENS: Final = (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)
_COLUMNS: Final = (*_TEXTS, *_TOKENS)
_TYPES: Final = (*(str,) * len(_TEXTS), *(int,) * len(_TOKENS))
_OPERATION: Final = 0
_TOOL: Final = _COLUMNS.index(semconv.TOOL_NAME)

#: What else may hold each column. OpenLLMetry 0.4 and older wrote the response's model so.
_OTHERS: Final = tuple(
    {**NAMES, semconv.RESPONSE_MODEL: ("llm.response.model",)}.get(name, ()) for name in _COLUMNS
)

#: Marker -> what its values mean.
_KINDS: Final = {
    marker: {value: OPERATIONS[each, value] for each, value in OPERATIONS if each == marker}
    for marker in dict.fromkeys(marker for marker, _ in OPERATIONS)
}
#: Names of operations that are the conventions' but for their spelling: OpenLIT 1.45 writes the first.
_SPELLINGS: Final = {"embedding": "embeddings"}

#: Whose an item is, the best name first: the conventions', OpenInference's, those of governance toolkits.
_AGENTS_OF_GENAI: Final = (semconv.AGENT_ID, semconv.AGENT_NAME)
_OTHER_AGENTS: Final = (
    *NAMES[semconv.AGENT_NAME],
    "agt.agent.id",  # agent-governance-toolkit 5.0
    "agt.agent_id",  # agent-governance-toolkit 5.0
    "governance.agent_did",  # agent-governance-toolkit 5.0, mesh
    "agent.did",  # agent-governance-toolkit 5.0, mesh
)
_ENTITY: Final = "traceloop.entity.name"
_ENTITY_KIND: Final = "traceloop.span.kind"
_AGENTS_ELSEWHERE: Final = frozenset((*_OTHER_AGENTS, _ENTITY))

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


#: A span that has none of these speaks the conventions' language of today, or says nothing of an operation.
_ELSEWHERE: Final = frozenset(_KINDS).union(*_OTHERS)


def genai_of(attributes: Mapping[str, Any]) -> GenAI:
    """Read the operation's columns from a span's attributes."""
    found: list[Any] = list(map(attributes.get, _COLUMNS))
    for column, value in enumerate(found):
        if value is not None and (type(value) is not _TYPES[column] or value == ""):
            found[column] = None
    if found[_OPERATION] in _SPELLINGS:
        found[_OPERATION] = _SPELLINGS[found[_OPERATION]]
    if not _ELSEWHERE.isdisjoint(attributes):
        _fill(found, attributes)
    return GenAI(*found)


def _fill(found: list[Any], attributes: Mapping[str, Any]) -> None:
    """What is still missing, from the names that others give it."""
    for column, others in enumerate(_OTHERS):
        if found[column] is None:
            found[column] = _first(attributes, others, _TYPES[column])
    if found[_OPERATION] is None:
        found[_OPERATION] = _operation_by_kind(attributes)
    if found[_TOOL] is None and found[_OPERATION] == "execute_tool":
        found[_TOOL] = _first(attributes, (_ENTITY,), str)


def _first(attributes: Mapping[str, Any], names: tuple[str, ...], kind: type) -> Any:
    """The first attribute that is there, has the type that its column has, and is not empty text."""
    for name in names:
        value = attributes.get(name)
        if type(value) is kind and value != "":
            return value
    return None


def _operation_by_kind(attributes: Mapping[str, Any]) -> str | None:
    for marker, operations in _KINDS.items():
        kind = attributes.get(marker)
        if type(kind) is str and kind in operations:
            return operations[kind]
    return None


def agent_of(attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    """Which agent it is: by its id, else its name, else its service's name."""
    return (
        _agent_in(attributes)
        or _agent_in(resource)
        or _first(resource, (semconv.SERVICE_NAME,), str)
        or UNKNOWN_AGENT
    )


def _agent_in(attributes: Mapping[str, Any]) -> str | None:
    name: str | None = _first(attributes, _AGENTS_OF_GENAI, str)
    if name is None and not _AGENTS_ELSEWHERE.isdisjoint(attributes):
        entity = (_ENTITY,) if attributes.get(_ENTITY_KIND) == "agent" else ()
        name = _first(attributes, (*_OTHER_AGENTS, *entity), str)
    return name
