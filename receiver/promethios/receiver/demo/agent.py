"""One agent of the demonstration: ``python -m promethios.receiver.demo.agent NAME``.

It is what a user would write: the `openai` client, OpenTelemetry's official instrumentation of it, a loop
that runs tools, and one call of `promethios.exporter.configure`. What it is about to do and what was decided
it tells on its standard output, a JSON object in each line.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import uuid
from typing import Any

from openai import OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.exporter import configure
from promethios.governance import Governor, PolicyViolation, semconv
from promethios.receiver.demo.scenes import SCENES, TOOLS, Scene, Task, offers

#: Turns that a task may take: a model that never comes to an end is stopped.
TURNS = 8
# What a decision is about, the most specific first.
_SUBJECTS = (semconv.TOOL_NAME, semconv.REQUEST_MODEL, semconv.AGENT_NAME)

_logger = logging.getLogger("demo")


class Agent:
    """A tool loop around a chat model.

    Args:
        governor: Guards the tools. The model's calls are guarded by the adapter.
    """

    def __init__(self, governor: Governor) -> None:
        self._governor = governor
        self._client = OpenAI(max_retries=0)

    def play(self, scene: Scene) -> None:
        """Do a scene's tasks, one after the other, in one conversation."""
        conversation = f"{scene.name}-{uuid.uuid4().hex[:8]}"
        with self._governor.conversation(conversation, agent=scene.name):
            for task in scene.tasks:
                tell(task=task.say)
                _logger.info("user asks: %s", task.text)
                with self._governor.guard("agent", name=scene.name):
                    self._work(task)

    def _work(self, task: Task) -> None:
        messages: list[Any] = [{"role": "user", "content": task.text}]
        try:
            for _ in range(TURNS):
                message = self._ask(task, messages)
                messages.append(message)
                if not message.get("tool_calls"):
                    return
                messages += [self._use(call) for call in message["tool_calls"]]
        except PolicyViolation as violation:
            _logger.warning("gave up: %s", violation)

    def _ask(self, task: Task, messages: list[Any]) -> dict[str, Any]:
        create: Any = self._client.chat.completions.create
        request = {"model": task.model, "messages": messages, "tools": offers()}
        if not task.stream:
            answer: dict[str, Any] = create(**request).choices[0].message.to_dict()
            return answer
        chunks = create(**request, stream=True, stream_options={"include_usage": True})
        parts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        return {"role": "assistant", "content": "".join(parts)}

    def _use(self, call: dict[str, Any]) -> dict[str, Any]:
        """Run a tool under guard. A model is told of a refusal like of any other result."""
        name, arguments = call["function"]["name"], json.loads(call["function"]["arguments"])
        try:
            with self._governor.guard("tool", name=name, arguments=arguments) as guarded:
                tell(ran=name)
                guarded.result = TOOLS[name](**guarded.arguments)
            result = guarded.result
        except PolicyViolation as violation:
            result = f"refused: {violation}"
        return {"role": "tool", "tool_call_id": call["id"], "content": result}


class Narrator(SpanProcessor):
    """Tells each decision at the moment in which it is made."""

    def on_end(self, span: ReadableSpan) -> None:
        """Tell the decision that the span is of."""
        attributes = span.attributes or {}
        matches = [event.attributes or {} for event in span.events if event.name == semconv.GUARDRAIL_EVENT]
        tell(
            point=attributes.get(semconv.DECISION_POINT),
            enforced=attributes.get(semconv.DECISION_ENFORCED),
            subject=next((attributes[name] for name in _SUBJECTS if name in attributes), None),
            policies=[match.get(semconv.GUARDRAIL_POLICY_ID) for match in matches],
            reason=next((match.get(semconv.GUARDRAIL_RESULT_REASON) for match in matches), None),
        )


def tell(**what: Any) -> None:
    """Write one line for the spectators."""
    print(json.dumps(what), flush=True)


def main(name: str) -> int:
    """Play the scene of this name; 0 if everything that it recorded is with the receiver."""
    scene = next(scene for scene in SCENES if scene.name == name)
    _logger.setLevel(logging.INFO)
    with configure(service_name=name, log_level=logging.INFO) as promethios:
        if promethios.governor is None or promethios.decision_provider is None:
            raise SystemExit("the agent is not governed: set PROMETHIOS_POLICIES")
        promethios.decision_provider.add_span_processor(Narrator())
        OpenAIInstrumentor().instrument()
        Agent(promethios.governor).play(scene)
        result = promethios.flush()
        tell(delivered=result.delivered, parked=result.parked, dropped=result.dropped)
    return 0 if result else 1


if __name__ == "__main__":
    os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
    sys.exit(main(sys.argv[1]))
