"""What a policy can look at in one operation, read lazily and once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from promethios.governance.conditions.aliases import ALIASES, CONTENT, Alias
from promethios.governance.conditions.environment import Environment, Frame, Variable, constant
from promethios.governance.conditions.errors import EvaluationError
from promethios.governance.conditions.types import MAP, TEXT
from promethios.governance.operation import Operation

#: The longest text that a content alias gives, in characters; a longer one is an evaluation error.
MAX_TEXT: Final = 1 << 20
_MAX_DEPTH: Final = 64


class Facts(Frame):
    """The frame that conditions over an operation run on.

    Args:
        operation: What is evaluated.
    """

    __slots__ = ("_arguments", "_texts", "attributes", "operation")

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.operation = operation
        self.attributes = operation.attributes
        self._texts: dict[str, str] = {}
        self._arguments: Mapping[str, Any] | None = None

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
        text = self._texts.get(name)
        if text is None:
            value = getattr(self.operation, name)
            text = self._texts[name] = (
                str.__str__(value) if isinstance(value, str) else "\n".join(_texts(value))
            )
        if len(text) > MAX_TEXT:
            raise EvaluationError(f"'{name}' is longer than {MAX_TEXT} characters")
        return text


def environment(params: Mapping[str, Any]) -> Environment:
    """The names that a policy with these parameters can use."""
    return Environment({**_VARIABLES, "params": constant(MAP, params)}, lambda facts: facts.attributes)


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
        left -= 1 + (len(item) if isinstance(item, str) else 0)
        if left < 0 or depth > _MAX_DEPTH:
            raise EvaluationError("the content is too large or nests too deeply")
        if isinstance(item, str):
            yield str.__str__(item)
        elif isinstance(item, Mapping):
            stack += [(inner, depth + 1) for inner in reversed(list(item.values()))]
        elif isinstance(item, (list, tuple)):
            stack += [(inner, depth + 1) for inner in reversed(item)]


def _alias(alias: Alias) -> Variable:
    preferred, kind = alias.attributes[0], str if alias.type == TEXT else int

    def read(facts: Facts) -> str | int:
        value = facts.attributes.get(preferred)
        # Nearly every value is what it should be; the rest is looked at more closely.
        if type(value) is str and kind is str:
            return value
        return alias.read(facts.attributes)

    return Variable(alias.type, read)


def _content(name: str) -> Variable:
    return Variable(TEXT, lambda facts: facts.text(name))


_VARIABLES: Final = {
    **{name: _alias(alias) for name, alias in ALIASES.items()},
    **{name: _content(name) for name in CONTENT if name != "arguments"},
    "arguments": Variable(MAP, lambda facts: facts.arguments()),
    "attributes": Variable(MAP, lambda facts: facts.attributes),
}
