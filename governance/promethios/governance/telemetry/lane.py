"""A lane for decisions alone: no sampler thins it out, and nothing of the SDK's own span is paid for."""

from __future__ import annotations

import time

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider


class DecisionLane:
    """Takes each decision as an ended span, and hands it to its processors at once.

    Args:
        provider: The application's provider, whose resource the decisions have.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._processors: tuple[SpanProcessor, ...] = ()

    @property
    def resource(self) -> Resource:
        """The provider's resource as it is now: a forked child's is another."""
        return self._provider.resource

    def add_span_processor(self, processor: SpanProcessor) -> None:
        """Tell `processor`, too, of each decision, when it is made; only its `on_end` is called."""
        self._processors = (*self._processors, processor)

    def add(self, span: ReadableSpan) -> None:
        """Hand an ended span on."""
        for processor in self._processors:
            processor.on_end(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand over what the processors still hold; False where one of them could not in time."""
        deadline = time.monotonic() + timeout_millis / 1000
        left = (int((deadline - time.monotonic()) * 1000) for _ in self._processors)
        return all(
            processor.force_flush(max(1, milliseconds))
            for processor, milliseconds in zip(self._processors, left, strict=True)
        )

    def shutdown(self) -> None:
        """End the processors."""
        for processor in self._processors:
            processor.shutdown()
