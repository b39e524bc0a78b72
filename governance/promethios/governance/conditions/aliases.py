"""The steady names of an operation's data, and the attributes that each is read from.

An alias outlives the renaming of an attribute: old and new names stand in one row of `ALIASES`, the
preferred one first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from promethios.governance import semconv
from promethios.governance.conditions.errors import EvaluationError
from promethios.governance.conditions.types import INT, TEXT, Type
from promethios.governance.conditions.values import adopt


@dataclass(frozen=True, slots=True)
class Alias:
    """A name, the type of its values, and the attributes that hold them; unset, it is empty text or 0.

    A `steady` one has few values in the life of an agent.
    """

    name: str
    type: Type
    attributes: tuple[str, ...]
    steady: bool = False

    def read(self, attributes: Mapping[str, Any]) -> str | int:
        """The value of the first attribute that is set.

        Raises:
            EvaluationError: that value is not of the alias's type.
        """
        value = first_of(attributes, self.attributes)
        if value is None:
            return "" if self.type == TEXT else 0
        value = adopt(value)
        if type(value) is not (str if self.type == TEXT else int):
            raise EvaluationError(f"the attribute behind '{self.name}' is not of type {self.type}")
        return value


def first_of(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of the names that is set, else None."""
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return value
    return None


def first_text(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of the names that is set to a text, else an empty one."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return str.__str__(value)
    return ""


_ROWS: Final = (
    Alias("agent.id", TEXT, (semconv.AGENT_ID,)),
    Alias("agent.name", TEXT, (semconv.AGENT_NAME,), steady=True),
    Alias("agent.version", TEXT, (semconv.AGENT_VERSION,), steady=True),
    Alias("conversation.id", TEXT, (semconv.CONVERSATION_ID,)),
    Alias("environment", TEXT, (semconv.DEPLOYMENT_ENVIRONMENT, "deployment.environment"), steady=True),
    Alias("error.type", TEXT, (semconv.ERROR_TYPE,)),
    Alias("model.max_tokens", INT, (semconv.REQUEST_MAX_TOKENS,)),
    Alias("model.provider", TEXT, (semconv.PROVIDER_NAME, semconv.LEGACY_SYSTEM), steady=True),
    Alias("model.request", TEXT, (semconv.REQUEST_MODEL,), steady=True),
    Alias("model.response", TEXT, (semconv.RESPONSE_MODEL,)),
    Alias("operation.name", TEXT, (semconv.OPERATION_NAME,), steady=True),
    Alias("server.address", TEXT, (semconv.SERVER_ADDRESS,), steady=True),
    Alias("service.name", TEXT, (semconv.SERVICE_NAME,), steady=True),
    Alias("service.version", TEXT, (semconv.SERVICE_VERSION,), steady=True),
    Alias("tenant.id", TEXT, (semconv.TENANT_ID,)),
    Alias("tool.call_id", TEXT, (semconv.TOOL_CALL_ID,)),
    Alias("tool.name", TEXT, (semconv.TOOL_NAME,), steady=True),
    Alias("tool.type", TEXT, (semconv.TOOL_TYPE,), steady=True),
    Alias("usage.input_tokens", INT, (semconv.USAGE_INPUT_TOKENS, semconv.LEGACY_PROMPT_TOKENS)),
    Alias("usage.output_tokens", INT, (semconv.USAGE_OUTPUT_TOKENS, semconv.LEGACY_COMPLETION_TOKENS)),
    Alias("user.id", TEXT, (semconv.USER_ID, semconv.LEGACY_ENDUSER_ID)),
)

#: Every alias that is read from attributes, by its name. None of them carries content.
ALIASES: Final[Mapping[str, Alias]] = MappingProxyType({alias.name: alias for alias in _ROWS})

#: The names that carry content: they may be used in conditions, and never in messages.
CONTENT: Final = ("arguments", "input", "output", "result")
