"""A call's arguments by name, as policies see them, and back again after redaction."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

# The object or class that a method belongs to is not an argument that an agent chose.
_RECEIVERS = ("self", "cls")


class CallArguments:
    """The arguments of one call of a function.

    Args:
        signature: The function's.
        args: The positional arguments of the call.
        kwargs: The keyword arguments of the call.

    Raises:
        TypeError: They do not fit the signature, as Python itself would say.
    """

    def __init__(self, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._bound = signature.bind(*args, **kwargs)
        kinds = inspect.Parameter
        self._rest = next(
            (p.name for p in signature.parameters.values() if p.kind is kinds.VAR_KEYWORD), None
        )
        named = {k: v for k, v in self._bound.arguments.items() if k != self._rest and k not in _RECEIVERS}
        #: Every argument by its name; those that a ``**rest`` parameter takes stand beside the others.
        self.by_name: dict[str, Any] = {**self._bound.arguments.get(self._rest or "", {}), **named}

    def replaced(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments to call with after `values` took the place of those of the same names."""
        rest = self._bound.arguments.get(self._rest or "", {})
        for name, value in values.items():
            (rest if name in rest else self._bound.arguments)[name] = value
        return self._bound.args, self._bound.kwargs
