"""Adapters: guards around the calls of the libraries that agents are made with, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from promethios.governance.adapters.anthropic import AnthropicGuard
from promethios.governance.adapters.bedrock import BedrockGuard
from promethios.governance.adapters.google_genai import GoogleGenAIGuard
from promethios.governance.adapters.langchain import LangChainGuard
from promethios.governance.adapters.langgraph import LangGraphGuard
from promethios.governance.adapters.library import is_installed
from promethios.governance.adapters.litellm import LiteLLMGuard
from promethios.governance.adapters.mcp import GovernanceMiddleware, MCPGuard
from promethios.governance.adapters.openai import OpenAIGuard
from promethios.governance.adapters.openai_agents import OpenAIAgentsGuard

if TYPE_CHECKING:
    from promethios.governance.governor import Governor


class Adapter(Protocol):
    """What every adapter can do. It is one for the process, however many objects are made of it."""

    @property
    def governor(self) -> Governor | None:
        """By whom the library is guarded now."""

    def instrument(self, *, governor: Governor) -> None:
        """Guard the library by `governor`."""

    def uninstrument(self) -> None:
        """Take the guards off again."""


# By the name that a library is imported by.
_ADAPTERS: Final[dict[str, type[Adapter]]] = {
    "anthropic": AnthropicGuard,
    "botocore": BedrockGuard,
    "google.genai": GoogleGenAIGuard,
    "agents": OpenAIAgentsGuard,
    "langchain_core": LangChainGuard,
    "langgraph": LangGraphGuard,
    "mcp": MCPGuard,
    "litellm": LiteLLMGuard,
    "openai": OpenAIGuard,
}


def instrument_all(governor: Governor) -> tuple[str, ...]:
    """Guard every library that is installed and has an adapter.

    Returns:
        The names of the libraries that are guarded now.
    """
    guarded = tuple(name for name in _ADAPTERS if is_installed(name))
    for name in guarded:
        _ADAPTERS[name]().instrument(governor=governor)
    return guarded


def guarded_by(governor: Governor) -> tuple[str, ...]:
    """The names of the libraries that are guarded by `governor` now."""
    return tuple(name for name, adapter in _ADAPTERS.items() if adapter().governor is governor)


def uninstrument_all() -> None:
    """Take every guard of an adapter off again."""
    for adapter in _ADAPTERS.values():
        adapter().uninstrument()


__all__ = [
    "Adapter",
    "AnthropicGuard",
    "BedrockGuard",
    "GoogleGenAIGuard",
    "GovernanceMiddleware",
    "LangChainGuard",
    "LangGraphGuard",
    "LiteLLMGuard",
    "MCPGuard",
    "OpenAIAgentsGuard",
    "OpenAIGuard",
    "guarded_by",
    "instrument_all",
    "uninstrument_all",
]
