"""A run of an agent, as the adapters of frameworks see it: an operation, and the surroundings of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel

from promethios.governance import semconv
from promethios.governance.adapters.content import Content
from promethios.governance.decision import Decision
from promethios.governance.enforcement.ambient import surroundings
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.operation import Operation

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

# As many parts of a stream as are kept for the decision that is told at its end.
_KEPT: Final = 32


class AgentRun:
    """One run of an agent. Everything within belongs to its agent and its conversation.

    Args:
        governor: Who decides.
        call: The run as an operation.
        attributes: What identifies it: the agent's name and the conversation, as far as they are known.
    """

    def __init__(self, governor: Governor, call: GovernedCall, attributes: dict[str, str]) -> None:
        self._governor, self._call, self._attributes = governor, call, attributes
        self._context = otel.get_current()

    @classmethod
    def begin(
        cls, governor: Governor | None, agent: str | None, conversation_id: str | None
    ) -> AgentRun | None:
        """The run to decide; None without a governor, or where an adapter further out decides it."""
        if governor is None:
            return None
        known = {semconv.AGENT_NAME: agent, semconv.CONVERSATION_ID: conversation_id}
        attributes = {semconv.OPERATION_NAME: "invoke_agent"}
        attributes |= {name: value for name, value in known.items() if value is not None}
        call = GovernedCall.begin(governor, "agent", attributes)
        return None if call is None else cls(governor, call, attributes)

    def input(self, value: Any) -> Any:
        """What the agent may be given instead of `value`.

        Raises:
            PolicyViolation: It must not run.
        """
        content = Content(value)
        redacted = self._call.before(input=content.seen).payload.get("input")
        if redacted is not content.seen:
            with self._call.fail_open("redact an agent's input", "input"):
                value = content.redacted(redacted)
        return value

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Around the run itself, never around a ``yield``."""
        known = self._attributes
        around = surroundings(known.get(semconv.CONVERSATION_ID), known.get(semconv.AGENT_NAME))
        with around, self._call.running():
            yield

    def listens(self) -> bool:
        """Whether any policy has something to say to what the agent gives."""
        return self._governor.listens("agent.after")

    def peek(self, shown: Any) -> Decision:
        """What the decision on the output `shown` would be; nothing is told."""
        operation = Operation("agent.after", self._attributes, output=shown)
        return self._governor.peek(operation, self._context)

    def tell(self, shown: Any, *, enforced: bool) -> None:
        """Decide the output `shown`, which has been handed on already.

        Args:
            shown: What the caller has.
            enforced: Whether what policies wanted was done to it.
        """
        if enforced:
            self._call.after(output=shown)
        else:
            self._call.observe(output=shown)

    def output(self, value: Any) -> Any:
        """What the caller may have instead of `value`.

        Raises:
            PolicyViolation: It must not have it.
        """
        content = Content(value)
        decision = self._call.after(output=content.seen)
        if decision is not None:
            with self._call.fail_open("redact an agent's output", "output"):
                value = content.redacted(decision.payload.get("output", content.seen))
        return value

    def stream(self, start: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """The parts of the stream that `start` begins, each decided before it is handed on."""
        parts, body = Parts(self), _Body(self)
        with body.step():
            source = start()
        try:
            while (part := _next(source, body)) is not _END:
                yield parts.passed(part)
        finally:
            with body.step():
                getattr(source, "close", _nothing)()
            parts.end()

    async def astream(self, start: Callable[[], AsyncIterator[Any]]) -> AsyncIterator[Any]:
        """The same for an asynchronous stream."""
        parts, body = Parts(self), _Body(self)
        with body.step():
            source = start()
        try:
            while (part := await _anext(source, body)) is not _END:
                yield parts.passed(part)
        finally:
            with body.step():
                if (close := getattr(source, "aclose", None)) is not None:
                    await close()
            parts.end()


class _Body:
    """The context of a generator's body, kept from part to part. That of its consumer stays as it is."""

    def __init__(self, run: AgentRun) -> None:
        with run.inside():
            self._context = otel.get_current()

    @contextmanager
    def step(self) -> Iterator[None]:
        token = otel.attach(self._context)
        try:
            yield
        finally:
            self._context = otel.get_current()
            otel.detach(token)


class Parts:
    """Decides the parts of what a run gives, as they pass; told once, when it ends or is stopped.

    A part is decided by itself: what a policy looks for is not found where it is spread over several.

    Args:
        run: Whose parts they are.
    """

    def __init__(self, run: AgentRun) -> None:
        self._run = run
        self._noted: list[Any] = []
        self._last: Any = None
        self._told = False

    def passed(self, part: Any) -> Any:
        """What the caller may have of `part`.

        Raises:
            PolicyViolation: It must not have it.
        """
        if not self._run.listens():
            return part
        content = Content(part)
        self._last = content.seen
        decision = self._run.peek(content.seen)
        if decision.enforced.stops:
            self._told = True
            return self._run.output(part)
        if decision.verdict and len(self._noted) < _KEPT:
            self._noted.append(content.seen)
        return content.redacted(decision.payload.get("output", content.seen))

    def end(self) -> None:
        """Decide what was handed on, once, however the stream ended."""
        if not self._told:
            self._told = True
            shown = self._noted or self._last
            self._run.tell(shown, enforced=not self._run.peek(shown).enforced.stops)

    def output(self, value: Any) -> Any:
        """What the caller may have of the output as a whole, which is told with what was in its parts.

        Raises:
            PolicyViolation: It must not have it.
        """
        self._told = True
        if not self._noted or self._run.peek(Content(value).seen).verdict:
            return self._run.output(value)
        return self._run.output([*self._noted, value])[-1]


_END: Final = object()


def _next(source: Iterator[Any], body: _Body) -> Any:
    with body.step():
        return next(source, _END)


async def _anext(source: AsyncIterator[Any], body: _Body) -> Any:
    with body.step():
        return await anext(source, _END)


def _nothing() -> None:
    """Iterators that are no generators need not be closed."""
