"""What a policy can look at in one operation, read lazily and once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, Protocol

from promethios.governance.conditions.aliases import ALIASES, CONTENT, Alias
from promethios.governance.conditions.environment import Environment, Frame, Variable, constant
from promethios.governance.conditions.errors import EvaluationError
from promethios.governance.conditions.types import DOUBLE, INT, MAP, TEXT, Type
from promethios.governance.operation import Operation

#: The longest text that a content alias gives, in characters; a longer one is an evaluation error.
MAX_TEXT: Final = 1 << 20
_MAX_DEPTH: Final = 64
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Past(Protocol):
    """What conditions ask about what was before; `limits.State` knows it.

    The attributes are those of the operation: they say whose past is meant.
    """

    def trust_score(self, attributes: Mapping[str, Any], /) -> int:
        """The agent's trust, 0 to 1000."""

    def cost_usd(self, per: str, attributes: Mapping[str, Any], /) -> float:
        """What the ``conversation`` or the ``agent`` has cost so far, in US dollars."""

    def tokens(self, per: str, attributes: Mapping[str, Any], /) -> int:
        """How many tokens the ``conversation`` or the ``agent`` has used so far."""


class Facts(Frame):
    """The frame that conditions over an operation run on.

    Args:
        operation: What is evaluated.
        state: What was before. Without it the names that need it are evaluation errors.
    """

    __slots__ = ("_arguments", "_known", "_state", "_texts", "attributes", "operation")

    def __init__(self, operation: Operation, state: Past | None = None) -> None:
        super().__init__()
        self.operation = operation
        self.attributes = operation.attributes
        self._state = state
        # Made where needed: most operations are decided by their attributes alone.
        self._texts: dict[str, str] | None = None
        self._known: dict[str, Any] | None = None
        self._arguments: Mapping[str, Any] | None = None

    def past(self, name: str) -> Any:
        """The value of one of `PAST`; the same however often it is asked for in one evaluation.

        Raises:
            EvaluationError: there is no state.
        """
        if self._known is None:
            self._known = {}
        value = self._known.get(name)
        if value is None:
            value = self._known[name] = read_past(name, self.attributes, self._state)
        return value

    def arguments(self) -> Mapping[str, Any]:
        """The tool's arguments; empty where there are none.

        Raises:
            EvaluationError: they are neither a map nor the JSON text of one.
        """
        if self._arguments is None:
            self._arguments = _arguments(self.operation.arguments)
        return self._arguments

    def text(self, name: str) -> str:
        """A field of the payload as text: itself, or every text in it, a line for each; empty where unset.

        Raises:
            EvaluationError: it is larger than `MAX_TEXT` or nests too deeply.
        """
        if self._texts is None:
            self._texts = {}
        text = self._texts.get(name)
        if text is None:
            value = getattr(self.operation, name)
            text = self._texts[name] = (
                str.__str__(value) if isinstance(value, str) else "\n".join(_texts(value))
            )
        if len(text) > MAX_TEXT:
            raise EvaluationError(f"'{name}' is longer than {MAX_TEXT} characters")
        return text


def environment(params: Mapping[str, Any], absent: Mapping[str, str] = _NOTHING) -> Environment:
    """The names that a policy can use.

    Args:
        params: Its parameters.
        absent: The content that its points do not have, and what to say of it.
    """
    known = {name: variable for name, variable in _VARIABLES.items() if name not in absent}
    return Environment({**known, "params": constant(MAP, params)}, lambda facts: facts.attributes, absent)


def read_past(name: str, attributes: Mapping[str, Any], state: Past | None) -> Any:
    """The value of one of `PAST`; raises `EvaluationError` where there is no state."""
    if state is None:
        raise EvaluationError(f"'{name}' is not known here")
    return _PAST[name][1](state, attributes)


def _arguments(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except (ValueError, RecursionError):
            raise EvaluationError("the arguments are not valid JSON") from None
    if isinstance(value, Mapping):
        return value
    raise EvaluationError("the arguments are not a map")


def _texts(value: Any) -> Iterator[str]:
    """Every text in lists and maps, in order; bounded, because what looks like a tree may contain itself."""
    left, stack = MAX_TEXT, [(value, 0)]
    while stack:
        item, depth = stack.pop()
        # What lies on the stack counts too: lists in lists may share their items, or have no end.
        inner = [] if isinstance(item, str) else _inner(item, left + 1)
        left -= len(item) if isinstance(item, str) else len(inner)
        if left < 0 or depth > _MAX_DEPTH:
            raise EvaluationError("the content is too large or nests too deeply")
        if isinstance(item, str):
            yield str.__str__(item)
        stack += [(each, depth + 1) for each in reversed(inner)]


def _inner(item: Any, most: int) -> list[Any]:
    """What is directly in a list or map, up to `most` of it; nothing where it is another thing."""
    if isinstance(item, Mapping):
        return list(islice(item.values(), most))
    return list(islice(item, most)) if isinstance(item, (list, tuple)) else []


def _alias(alias: Alias) -> Variable:
    return _text_alias(alias) if alias.type == TEXT else _int_alias(alias)


def _text_alias(alias: Alias) -> Variable:
    preferred = alias.attributes[0]

    def read(facts: Facts) -> Any:
        value = facts.attributes.get(preferred)
        # Nearly every value is what it should be; the rest is looked at more closely.
        return value if type(value) is str else alias.read(facts.attributes)

    return Variable(TEXT, read, attribute=preferred, steady=alias.steady)


def _int_alias(alias: Alias) -> Variable:
    preferred = alias.attributes[0]

    def read(facts: Facts) -> Any:
        value = facts.attributes.get(preferred)
        return value if type(value) is int and -_SURE < value < _SURE else alias.read(facts.attributes)

    return Variable(INT, read, steady=alias.steady)


def _content(name: str) -> Variable:
    return Variable(TEXT, lambda facts: facts.text(name))


def _past(name: str, kind: Type) -> Variable:
    return Variable(kind, lambda facts: facts.past(name))


#: An integer that surely fits into 64 bits.
_SURE: Final = 1 << 62

_PAST: Final[Mapping[str, tuple[Type, Callable[[Past, Mapping[str, Any]], int | float]]]] = {
    "agent.cost_usd": (DOUBLE, lambda state, attributes: float(state.cost_usd("agent", attributes))),
    "agent.tokens": (INT, lambda state, attributes: int(state.tokens("agent", attributes))),
    "conversation.cost_usd": (
        DOUBLE,
        lambda state, attributes: float(state.cost_usd("conversation", attributes)),
    ),
    "conversation.tokens": (INT, lambda state, attributes: int(state.tokens("conversation", attributes))),
    "trust.score": (INT, lambda state, attributes: int(state.trust_score(attributes))),
}
#: The names of what was before, with their types. They carry no content.
PAST: Final[Mapping[str, Type]] = {name: kind for name, (kind, _) in _PAST.items()}

_VARIABLES: Final = {
    **{name: _alias(alias) for name, alias in ALIASES.items()},
    **{name: _past(name, kind) for name, kind in PAST.items()},
    **{name: _content(name) for name in CONTENT if name != "arguments"},
    "arguments": Variable(MAP, lambda facts: facts.arguments()),
    "attributes": Variable(MAP, lambda facts: facts.attributes),
}
