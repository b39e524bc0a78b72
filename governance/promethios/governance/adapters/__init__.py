"""Adapters: guards around the calls of the libraries that agents are made with, one file each."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol

from promethios.governance.adapters.langchain import LangChainGuard
from promethios.governance.adapters.langgraph import LangGraphGuard
from promethios.governance.adapters.openai import OpenAIGuard

if TYPE_CHECKING:
    from promethios.governance.governor import Governor


class Adapter(Protocol):
    """What every adapter can do. It is one for the process, however many objects are made of it."""

    def instrument(self, *, governor: Governor) -> None:
        """Guard the library by `governor`."""

    def uninstrument(self) -> None:
        """Take the guards off again."""


# By the name that a library is imported by.
_ADAPTERS: Final[dict[str, type[Adapter]]] = {
    "langchain_core": LangChainGuard,
    "langgraph": LangGraphGuard,
    "openai": OpenAIGuard,
}


def instrument_all(governor: Governor) -> tuple[str, ...]:
    """Guard every library that is installed and has an adapter.

    Returns:
        The names of the libraries that are guarded now.
    """
    guarded = tuple(name for name in _ADAPTERS if find_spec(name) is not None)
    for name in guarded:
        _ADAPTERS[name]().instrument(governor=governor)
    return guarded


def uninstrument_all() -> None:
    """Take every guard of an adapter off again."""
    for adapter in _ADAPTERS.values():
        adapter().uninstrument()


__all__ = ["Adapter", "LangChainGuard", "LangGraphGuard", "OpenAIGuard", "instrument_all", "uninstrument_all"]
