"""Adapters: guards around the calls of the libraries that agents are made with, one file each."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from promethios.governance.adapters.openai import OpenAIGuard

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_ADAPTERS = {"openai": OpenAIGuard}


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


__all__ = ["OpenAIGuard", "instrument_all", "uninstrument_all"]
