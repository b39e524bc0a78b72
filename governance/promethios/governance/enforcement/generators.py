"""Guarded generators: decided before their body runs, inspected while they give, told once.

A generator's body runs in pieces, each in whatever context its consumer has at that moment. So nothing is
attached to a context across a ``yield``: the context of the call, the operation's span and the mark of the
guard are attached around each step of the body and detached before its value leaves.

Texts and bytes that are yielded are a stream (`StreamInspector`): they leave a word later. Other values are
decided one by one. A generator that says (by its annotation, ``Generator[str, int, None]``) that it is sent
values is a conversation: there each text is decided by itself and with what stood before it, and leaves at
once.
"""

from __future__ import annotations

import inspect
import logging
import typing
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from promethios.governance.enforcement.channels import Piece
from promethios.governance.enforcement.finalizing import close_when_collected
from promethios.governance.enforcement.plain import plain, restored
from promethios.governance.enforcement.streaming import StreamInspector
from promethios.governance.enforcement.violation import PolicyViolation

if TYPE_CHECKING:
    from promethios.governance.enforcement.guard import Guard

_log = logging.getLogger(__name__)
_CHANNEL: Final = ("yielded",)
# Bytes that are no text, or half a character, come out as they went in.
_BYTES: Final = "surrogateescape"


class _Yielded:
    """A value on its way out."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def pieces(self) -> list[Piece]:
        if isinstance(self.value, bytes):
            return [Piece(_CHANNEL, self.value.decode(errors=_BYTES), self._put_bytes)]
        return [Piece(_CHANNEL, self.value, self._put)] if isinstance(self.value, str) else []

    def _put(self, value: Any) -> None:
        self.value = value

    def _put_bytes(self, text: str) -> None:
        self.value = text.encode(errors=_BYTES)


class Steps:
    """One run of a guarded generator: what is decided, and the context that each step of its body runs in.

    Args:
        guard: Made for this call, with what the generator was called with.
        replies: Whether the body waits for an answer to each value that it gives.

    Raises:
        PolicyViolation: It must not run.
    """

    def __init__(self, guard: Guard, *, replies: bool) -> None:
        self._guard, self._replies = guard, replies
        self._ready: deque[Any] = deque()
        self._error: BaseException | None = None
        self.told = False
        self._span = guard.start_span()
        here = otel.get_current()
        self._context = trace.set_span_in_context(self._span, here) if self._span is not None else here
        self._inspector: StreamInspector | None = None
        try:
            with self._attached():
                self._call = guard.begin()
            self._inspector = StreamInspector(self._call, guard.outcome_field)
        except BaseException as error:
            self.finish(error)
            raise

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around one step of the body."""
        with self._attached(), self._call.running():
            yield

    @contextmanager
    def _attached(self) -> Iterator[None]:
        token = otel.attach(self._context)
        try:
            yield
        finally:
            otel.detach(token)

    @property
    def waiting(self) -> bool:
        """Whether the body has to go on before anything can leave."""
        return not self._ready and self._error is None

    def leave(self) -> Any:
        """The next value that may leave.

        Raises:
            BaseException: What the body ended with, after the last of them.
        """
        if self._ready:
            return self._ready.popleft().value
        error, self._error = self._error, None
        try:
            raise error or RuntimeError("the body of a guarded generator has to go on first")
        finally:
            del error  # whose traceback would hold this frame, and this frame it

    def take(self, value: Any) -> None:
        """Take what the body gave.

        Raises:
            PolicyViolation: It must not leave, and nothing may any more.
        """
        inspector, yielded = self._inspected, _Yielded(value)
        pieces = yielded.pieces()
        if not pieces:
            before = plain(value)
            yielded.value = restored(value, before, inspector.whole(before))
        self._ready += inspector.feed(yielded, pieces)
        if self._replies:
            self._ready += inspector.end(_CHANNEL)

    def end(self, error: BaseException) -> None:
        """Take what the body ended with, its return (`StopIteration`) or an error; both leave at last.

        Raises:
            PolicyViolation: What was held back may not leave.
        """
        self._error = error
        self._ready += self._inspected.end()
        self.finish(error)

    def stop(self, error: BaseException) -> None:
        """Let nothing more leave."""
        self._ready.clear()
        self._error = None
        self.finish(error)

    def close(self) -> None:
        """Tell it as far as it went."""
        self.finish(None)

    def finish(self, error: BaseException | None) -> None:
        """Tell the run, and end its span, once."""
        if self.told:
            return
        self.told = True
        if self._inspector is not None:
            self._inspector.close()
        if self._span is None:
            return
        if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
            self._span.record_exception(error)
            self._span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        self._span.end()

    @property
    def _inspected(self) -> StreamInspector:
        assert self._inspector is not None  # it began
        return self._inspector


class GuardedGenerator(Generator[Any, Any, Any]):
    """A generator whose body runs under a guard."""

    def __init__(self, body: Generator[Any, Any, Any], steps: Steps) -> None:
        self._body, self._steps = body, steps
        close_when_collected(self, steps)

    def send(self, value: Any) -> Any:
        """Go on with `value` as what the body's ``yield`` gives."""
        return self._go_on(lambda: self._body.send(value))

    def throw(self, *error: Any) -> Any:
        """Raise an exception where the body waits."""
        return self._go_on(lambda: self._body.throw(*error), at_once=True)

    def close(self) -> None:
        """End the body; what left until now is told."""
        try:
            with self._steps.step():
                self._body.close()
        finally:
            self._steps.close()

    def _go_on(self, first: Callable[[], Any], *, at_once: bool = False) -> Any:
        steps, advance = self._steps, first
        try:
            if at_once:
                self._advance(advance)
                advance = self._body.__next__
            while steps.waiting:
                self._advance(advance)
                advance = self._body.__next__
        except PolicyViolation as violation:
            steps.stop(violation)
            self._body.close()
            raise
        return steps.leave()

    def _advance(self, advance: Callable[[], Any]) -> None:
        try:
            with self._steps.step():
                value = advance()
        except Exception as error:
            self._steps.end(error)
        except BaseException as error:  # cancelled, or left: nothing more is asked for
            self._steps.stop(error)
            raise
        else:
            self._steps.take(value)


class GuardedAsyncGenerator(AsyncGenerator[Any, Any]):
    """An asynchronous generator whose body runs under a guard."""

    def __init__(self, body: AsyncGenerator[Any, Any], steps: Steps) -> None:
        self._body, self._steps = body, steps
        close_when_collected(self, steps)

    async def asend(self, value: Any) -> Any:
        """Go on with `value` as what the body's ``yield`` gives."""
        return await self._go_on(lambda: self._body.asend(value))

    async def athrow(self, *error: Any) -> Any:
        """Raise an exception where the body waits."""
        return await self._go_on(lambda: self._body.athrow(*error), at_once=True)

    async def aclose(self) -> None:
        """End the body; what left until now is told."""
        try:
            with self._steps.step():
                await self._body.aclose()
        finally:
            self._steps.close()

    async def _go_on(self, first: Callable[[], Awaitable[Any]], *, at_once: bool = False) -> Any:
        steps, advance = self._steps, first
        try:
            if at_once:
                await self._advance(advance)
                advance = self._body.__anext__
            while steps.waiting:
                await self._advance(advance)
                advance = self._body.__anext__
        except PolicyViolation as violation:
            steps.stop(violation)
            await self._body.aclose()
            raise
        return steps.leave()

    async def _advance(self, advance: Callable[[], Awaitable[Any]]) -> None:
        try:
            with self._steps.step():
                value = await advance()
        except Exception as error:
            self._steps.end(error)
        except BaseException as error:  # cancelled, or left: nothing more is asked for
            self._steps.stop(error)
            raise
        else:
            self._steps.take(value)


def takes_replies(function: Callable[..., Any]) -> bool:
    """Whether the annotation of a generator function says that it is sent values."""
    try:
        annotated = typing.get_type_hints(function).get("return")
    except Exception:  # names that only the type checker knows
        return False
    arguments = typing.get_args(annotated)
    if typing.get_origin(annotated) not in (Generator, AsyncGenerator) or len(arguments) < 2:
        return False
    return arguments[1] is not NoneType


def is_managed(function: Callable[..., Any]) -> bool:
    """Whether `contextlib` made the function of a generator function."""
    made_of = getattr(function, "__wrapped__", None)
    name = getattr(getattr(function, "__code__", None), "co_qualname", "")
    made_here = name.startswith(("contextmanager.", "asynccontextmanager."))
    return made_here and (inspect.isgeneratorfunction(made_of) or inspect.isasyncgenfunction(made_of))
