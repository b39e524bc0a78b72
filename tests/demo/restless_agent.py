"""An agent of the demonstration that plays its scene again and again, until its standard input ends.

It writes the id of every decision that was made; its exit status is 0 if all of them are with the receiver.
"""

from __future__ import annotations

import logging
import sys
import threading

from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.exporter import configure
from promethios.governance import semconv
from promethios.receiver.demo.agent import Agent, tell
from promethios.receiver.demo.scenes import SCENES

PAUSE_SECONDS = 0.05
FLUSH_SECONDS = 60.0


class Made(SpanProcessor):
    """Writes each decision's id at the moment in which it is made."""

    def on_end(self, span: ReadableSpan) -> None:
        """Write the id of the decision that the span is of."""
        tell(decision_id=(span.attributes or {})[semconv.DECISION_ID])


def _set_at_the_end_of_input(enough: threading.Event) -> None:
    sys.stdin.read()
    enough.set()


def main(name: str) -> int:
    """Play the scene of this name until the end of standard input."""
    enough = threading.Event()
    threading.Thread(target=_set_at_the_end_of_input, args=(enough,), daemon=True).start()
    scene = next(scene for scene in SCENES if scene.name == name)
    with configure(service_name=name, log_level=logging.INFO) as promethios:
        assert promethios.governor is not None
        assert promethios.decision_provider is not None
        promethios.decision_provider.add_span_processor(Made())
        OpenAIInstrumentor().instrument()
        agent = Agent(promethios.governor)
        while not enough.wait(PAUSE_SECONDS):
            agent.play(scene)
        result = promethios.flush(FLUSH_SECONDS)
    return 0 if result else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
