"""Local providers of models: real sockets, the providers' own wire formats, and every byte that they got.

    with Anthropic() as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="unused")

A provider answers with what the test put into its `replies`, and repeats the last of them.
"""

from tests.support.providers.anthropic import Anthropic
from tests.support.providers.bedrock import Bedrock
from tests.support.providers.google import Google
from tests.support.providers.openai import OpenAI
from tests.support.providers.reply import Reply, ToolUse
from tests.support.providers.server import Provider, Received

__all__ = ["Anthropic", "Bedrock", "Google", "OpenAI", "Provider", "Received", "Reply", "ToolUse"]
