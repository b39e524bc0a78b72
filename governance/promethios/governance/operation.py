"""What is asked: an operation that an agent is about to perform, or has just performed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Every intervention point: a kind of operation and the stage it is in.
POINTS: Final = (
    "agent.before",
    "agent.after",
    "model.before",
    "model.after",
    "tool.before",
    "tool.after",
    "response",
)

#: The parts of an operation that carry content, in the order in which they are evaluated.
PAYLOAD_FIELDS: Final = ("input", "output", "arguments", "result")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation at one intervention point.

    Args:
        point: One of `POINTS`, such as ``"model.before"``.
        attributes: What identifies the operation, by the attribute names of OpenTelemetry's GenAI
            conventions (``gen_ai.request.model``, ``gen_ai.tool.name`` …) and of the resource.
        input: What goes to an agent or a model: text, or messages as JSON-like values.
        output: What an agent or a model answered, or the text of a response.
        arguments: What a tool is called with: a mapping, or the JSON text of one.
        result: What a tool returned.

    Raises:
        ValueError: `point` is not an intervention point.
    """

    point: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    input: Any = None
    output: Any = None
    arguments: Any = None
    result: Any = None

    def __post_init__(self) -> None:
        if self.point not in POINTS:
            raise ValueError(
                f"unknown point {self.point!r}: an operation's point is one of {', '.join(POINTS)}"
            )

    @property
    def payload(self) -> dict[str, Any]:
        """The content that was given, by the name of its field; empty where none was."""
        given = zip(PAYLOAD_FIELDS, (self.input, self.output, self.arguments, self.result), strict=True)
        return {name: value for name, value in given if value is not None}
