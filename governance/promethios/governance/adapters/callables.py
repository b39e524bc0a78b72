"""Guards around callables that objects hold as attributes, also in objects that exist already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wrapt import FunctionWrapper


class _Guarded(FunctionWrapper):  # type: ignore[misc,type-arg,unused-ignore]
    """What a guarded attribute gives: the callable it holds, with the guard around it."""


class GuardedAttribute:
    """Stands in a class for an attribute of its instances that holds a callable.

    Whoever reads the attribute gets the callable with the guard around it; the instance keeps its own.

    Args:
        name: The attribute's.
        guard: Called with the instance, and with what the guarded function is called with.
        is_on: Whether to guard, asked when the attribute is read.
    """

    def __init__(self, name: str, guard: Callable[..., Any], is_on: Callable[[], bool]) -> None:
        self._name, self._guard, self._is_on = name, guard, is_on

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """The callable of `instance`; the class itself has none."""
        if instance is None or self._name not in vars(instance):
            raise AttributeError(self._name)
        own = vars(instance)[self._name]
        return _Guarded(own, self._around(instance)) if self._is_on() else own

    def __set__(self, instance: Any, value: Any) -> None:
        """Keep `value` in `instance`, without a guard that it may have from another one."""
        while type(value) is _Guarded:
            value = value.__wrapped__
        vars(instance)[self._name] = value

    def _around(self, instance: Any) -> Callable[..., Any]:
        def guarded(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return self._guard(wrapped, instance, args, kwargs)

        return guarded
