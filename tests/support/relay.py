"""OpenLLMetry's instrumentation of LangChain stays with the first provider it gets; this lets it change.

There is one for each process, so that tests of different files do not take it from each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider


class _Relay(trace.TracerProvider):
    """Makes tracers that go on to the provider of the moment."""

    def __init__(self) -> None:
        self.provider = TracerProvider()

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return _Tracer(lambda: self.provider.get_tracer(*args, **kwargs))


class _Tracer(trace.Tracer):
    def __init__(self, find: Callable[[], trace.Tracer]) -> None:
        self._find = find

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        return self._find().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._find().start_as_current_span(*args, **kwargs)


_RELAY = _Relay()


class LangchainInstrumentor:
    """The instrumentor, for as many providers as there are tests."""

    def instrument(self, *, tracer_provider: TracerProvider) -> None:
        """Instrument LangChain for `tracer_provider` alone."""
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        _RELAY.provider = tracer_provider
        LangchainInstrumentor().instrument(tracer_provider=_RELAY)

    def uninstrument(self) -> None:
        """Take it off again; what stays on goes to a provider that nobody reads."""
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        LangchainInstrumentor().uninstrument()
        _RELAY.provider = TracerProvider()
