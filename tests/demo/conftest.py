"""A stand-in for an LLM, and what a conversation with it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from promethios.receiver.demo.llm import StandIn


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture
def lookup_tool() -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    return {"type": "function", "function": {"name": "lookup_order", "parameters": parameters}}
