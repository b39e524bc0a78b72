"""A call's arguments by name, as policies see them, and back again after redaction."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

# The object or class that a method belongs to is not an argument that an agent chose; what is data is.
_RECEIVERS: Final = ("self", "cls")
_DATA: Final = frozenset({str, int, float, bool, dict, list, tuple})


class CallArguments:
    """The arguments of one call of a function, with those of its defaults that are data.

    Args:
        signature: The function's.
        args: The positional arguments of the call.
        kwargs: The keyword arguments of the call.

    Raises:
        TypeError: They do not fit the signature, as Python itself would say.
    """

    def __init__(self, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._bound = signature.bind(*args, **kwargs)
        self._rest = ""
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                self._rest = parameter.name
            elif type(parameter.default) in _DATA:
                self._bound.arguments.setdefault(parameter.name, parameter.default)
        first = next(iter(signature.parameters), "")
        self._named = [name for name in self._bound.arguments if not self._is_apart(name, first)]
        #: Every argument by its name; those that a ``**rest`` parameter takes stand behind the others.
        self.by_name: dict[str, Any] = {name: self._bound.arguments[name] for name in self._named}
        for name, value in self._bound.arguments.get(self._rest, {}).items():
            self.by_name[_unused(name, self.by_name)] = value

    def replaced(self, values: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments to call with after `values` took the places of those in `by_name`, in its order.

        A keyword that was content itself has another name now. What is no mapping stands for every argument.
        """
        if not isinstance(values, Mapping):
            values = dict.fromkeys(self.by_name, values)
        items = list(values.items())
        named, more = items[: len(self._named)], items[len(self._named) :]
        self._bound.arguments.update(zip(self._named, (value for _, value in named), strict=True))
        if more:
            given = zip(self._bound.arguments[self._rest], self._shown_rest(), more, strict=True)
            self._bound.arguments[self._rest] = {
                (old if new == shown else new): value for old, shown, (new, value) in given
            }
        return self._bound.args, self._bound.kwargs

    def _shown_rest(self) -> list[str]:
        """The names in `by_name` of what the ``**rest`` parameter takes."""
        return list(self.by_name)[len(self._named) :]

    def _is_apart(self, name: str, first: str) -> bool:
        if name == self._rest:
            return True
        return name == first and name in _RECEIVERS and type(self._bound.arguments[name]) not in _DATA


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    """The name, starred where a parameter that takes no keywords has the same."""
    while name in taken:
        name = f"*{name}"
    return name
