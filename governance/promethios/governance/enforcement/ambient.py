"""What is known of the agent's surroundings, carried by OpenTelemetry's context.

The context follows threads, tasks and generators as the application already makes it do, so a decision is
never attributed to another task.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as otel
from opentelemetry.context import Context

from promethios.governance import semconv
from promethios.governance.decision import Decision

_ATTRIBUTES = otel.create_key("promethios.ambient")
_GUARDED = otel.create_key("promethios.guarded")
_NOTHING: dict[str, Any] = {}


def ambient_attributes(context: Context | None = None) -> dict[str, Any]:
    """The attributes that every operation in `context` (default: the current one) shares."""
    found = otel.get_value(_ATTRIBUTES, context)
    return found if isinstance(found, dict) else _NOTHING


@contextmanager
def conversation(conversation_id: str, agent: str | None = None) -> Iterator[None]:
    """Say which conversation, and which agent, the operations inside belong to.

    Args:
        conversation_id: Becomes ``gen_ai.conversation.id``.
        agent: Becomes ``gen_ai.agent.name``; without it, the surrounding agent stays.
    """
    attributes = {**ambient_attributes(), semconv.CONVERSATION_ID: conversation_id}
    if agent is not None:
        attributes[semconv.AGENT_NAME] = agent
    token = otel.attach(otel.set_value(_ATTRIBUTES, attributes))
    try:
        yield
    finally:
        otel.detach(token)


def guarding(kind: str, subject: str, decision: Decision) -> Context:
    """A context that says: a guard decided this operation, nobody below it need do so again."""
    return otel.set_value(_GUARDED, (kind, subject, decision))


def guarded_by(kind: str, subject: str, context: Context | None = None) -> Decision | None:
    """The decision of a guard around the current code on `kind` and `subject`, if there is one."""
    found = otel.get_value(_GUARDED, context)
    return found[2] if isinstance(found, tuple) and found[:2] == (kind, subject) else None


def subject_of(kind: str, attributes: Any) -> str:
    """What an operation is about: the tool's name, the model's, or the agent's."""
    name = {"tool": semconv.TOOL_NAME, "model": semconv.REQUEST_MODEL}.get(kind, semconv.AGENT_NAME)
    return _text(attributes.get(name, ""))


def kind_of(attributes: Any) -> str | None:
    """The kind of operation that attributes describe; None where they describe none."""
    return semconv.OPERATION_KINDS.get(_text(attributes.get(semconv.OPERATION_NAME, "")))


def _text(value: Any) -> str:
    """The text of an attribute, which may be anything: the application must not fail by it."""
    try:
        return str(value)
    except Exception:
        return ""
