"""What is known of the agent's surroundings, carried by OpenTelemetry's context.

The context follows threads, tasks and generators as the application already makes it do, so a decision is
never attributed to another task.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import context as otel
from opentelemetry.context import Context

from promethios.governance import semconv
from promethios.governance.decision import Decision

_ATTRIBUTES = otel.create_key("promethios.ambient")
_RUNNING = otel.create_key("promethios.running")
_SUBJECTS: Final = {"tool": semconv.TOOL_NAME, "model": semconv.REQUEST_MODEL}
_NOTHING: dict[str, Any] = {}


def ambient_attributes(context: Context | None = None) -> dict[str, Any]:
    """The attributes that every operation in `context` (default: the current one) shares."""
    found = (otel.get_current() if context is None else context).get(_ATTRIBUTES)
    return found if isinstance(found, dict) else _NOTHING


@contextmanager
def conversation(conversation_id: str, agent: str | None = None) -> Iterator[None]:
    """Say which conversation, and which agent, the operations inside belong to.

    Args:
        conversation_id: Becomes ``gen_ai.conversation.id``.
        agent: Becomes ``gen_ai.agent.name``; without it, the surrounding agent stays.
    """
    with surroundings(conversation_id, agent):
        yield


@contextmanager
def surroundings(conversation_id: str | None, agent: str | None) -> Iterator[None]:
    """Say what is known of the conversation and the agent; what is None stays as it is around."""
    said = {semconv.CONVERSATION_ID: conversation_id, semconv.AGENT_NAME: agent}
    known = {name: value for name, value in said.items() if value is not None}
    token = otel.attach(otel.set_value(_ATTRIBUTES, {**ambient_attributes(), **known}))
    try:
        yield
    finally:
        otel.detach(token)


def hand_over(agent: str) -> None:
    """Say that another agent goes on, where the surroundings were made: in all tasks and threads within."""
    if (around := ambient_attributes()) is not _NOTHING:
        around[semconv.AGENT_NAME] = agent


class Running:
    """An operation that was decided and runs now: what nested guards, adapters and the gate find around them.

    Args:
        governor: Who decided it.
        kind: ``tool``, ``model`` or ``agent``.
        subject: What `subject_of` says it is about.
        decision: What was decided before it ran.
        by_adapter: Whether an adapter decided, which sees all of it; a guard may not.
    """

    __slots__ = ("_free", "by_adapter", "decision", "governor", "kind", "subject")

    def __init__(self, governor: Any, kind: str, subject: str, decision: Decision, by_adapter: bool) -> None:
        self.governor, self.kind, self.subject = governor, kind, subject
        self.decision, self.by_adapter = decision, by_adapter
        self._free = [True]

    def is_same(self, governor: Any, kind: str, subject: str) -> bool:
        """Whether an operation directly within this one is this one, seen once more.

        A guard of one's own need not name it.
        """
        if self.governor is not governor or self.kind != kind:
            return False
        return not (self.subject or self.by_adapter) or _same_subject(kind, self.subject, subject)

    def take(self) -> bool:
        """Be the one operation within that is this one; the next one like it is another. For any thread."""
        try:
            return self._free.pop()
        except IndexError:
            return False

    @property
    def taken(self) -> bool:
        """Whether an operation within was this one."""
        return not self._free

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Around the code that runs the operation; never around a ``yield``."""
        token = otel.attach(otel.set_value(_RUNNING, self))
        try:
            yield
        finally:
            otel.detach(token)


def running(context: Context | None = None) -> Running | None:
    """The decided operation directly around the current code, if there is one."""
    found = (otel.get_current() if context is None else context).get(_RUNNING)
    return found if isinstance(found, Running) else None


def guarded_by(governor: Any, kind: str, subject: str, context: Context | None = None) -> Decision | None:
    """The decision of a guard of `governor` around the current code on `kind` and `subject`, if any."""
    around = running(context)
    if (
        around is None
        or around.governor is not governor
        or around.kind != kind
        or not _same_subject(kind, around.subject, subject)
    ):
        return None
    return around.decision


def _same_subject(kind: str, one: str, other: str) -> bool:
    """Whether two names mean the same; libraries put a provider before a model's, as in ``openai/gpt-4o``."""
    if one == other:
        return True
    return (
        kind == "model" and bool(one and other) and (one.endswith(f"/{other}") or other.endswith(f"/{one}"))
    )


def subject_of(kind: str, attributes: Any) -> str:
    """What an operation is about: the tool's name, the model's, or the agent's."""
    return _text_of(attributes, _SUBJECTS.get(kind, semconv.AGENT_NAME))


def kind_of(attributes: Any) -> str | None:
    """The kind of operation that attributes describe; None where they describe none."""
    return semconv.OPERATION_KINDS.get(_text_of(attributes, semconv.OPERATION_NAME))


def _text_of(attributes: Any, name: str) -> str:
    """The text of an attribute, which may be anything, as may the attributes: nobody must fail by it."""
    try:
        return str(attributes.get(name, ""))
    except Exception:
        return ""
