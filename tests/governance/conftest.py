"""A governor with small policies, and a real SDK whose spans stay in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from tests.support.governed import POLICIES, MakeTraced, Traced

from promethios.governance import GovernanceSpanProcessor, Governor


@pytest.fixture
def traced_with(governor: Governor) -> Iterator[MakeTraced]:
    made: list[Traced] = []

    def make(sampler: Sampler = ALWAYS_ON, **options: Any) -> Traced:
        traced = Traced(TracerProvider(sampler=sampler, **options))
        traced.provider.add_span_processor(GovernanceSpanProcessor(governor))
        traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
        made.append(traced)
        return traced

    yield make
    for traced in made:
        traced.provider.shutdown()


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES)


@pytest.fixture
def traced(traced_with: MakeTraced) -> Traced:
    return traced_with()
