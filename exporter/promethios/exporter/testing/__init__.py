"""A scripted OTLP endpoint for tests: a real HTTP server that answers as it is told and keeps what it got.

    with OtlpSink() as sink:
        sink.script(Answer.busy(1))  # the first request; those from then on succeed
        exporter = PromethiosSpanExporter(endpoint=sink.url, api_key="any")
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        tracers.get_tracer("test").start_span("hello").end()
        sink.wait(2)
        assert [span.name for span in sink.spans()] == ["hello", "hello"]  # it was sent again

Everything is real: sockets, HTTP, TLS. Nothing of the agent is patched, so it works for any exporter of OTLP
over HTTP in protobuf, ours or not. `DeadEnd` is an address where nothing answers at all.
"""

from __future__ import annotations

from promethios.exporter.testing.answers import Answer
from promethios.exporter.testing.deadend import DeadEnd
from promethios.exporter.testing.received import Received, attributes
from promethios.exporter.testing.sink import OtlpSink

__all__ = ["Answer", "DeadEnd", "OtlpSink", "Received", "attributes"]
