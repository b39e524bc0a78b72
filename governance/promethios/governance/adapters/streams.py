"""A model's answer in parts, whatever library it comes from: inspected as it passes, told once.

An adapter gives `GuardedStream` (or `AsyncGuardedStream`) the library's stream, the call, and a function that
reads one part of it into a `Reading`: its texts, as `Piece`s with a channel each, its usage, the channels
that it ends, and a content that it repeats as a whole. What may leave, when, and what stands there then is
decided in `promethios.governance.enforcement.streaming`. `piece` makes a `Piece` of an attribute or of a key.

    def read(event):
        return Reading([piece(event.delta, "text", event.index)], usage_of(event))

    return GuardedStream(stream, call, read)

Every step of the library's stream runs in the call's own context (`GovernedCall.running`), so that a library
which makes its request while it is iterated, or asks another library for it, is decided once. Streams that
are closed, left as context managers or collected before their end are told as far as they went.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wrapt import ObjectProxy

from promethios.governance.adapters.results import write_back
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.channels import Piece
from promethios.governance.enforcement.finalizing import close_when_collected
from promethios.governance.enforcement.plain import plain
from promethios.governance.enforcement.streaming import StreamInspector
from promethios.governance.enforcement.violation import PolicyViolation

# Generic for the type checker, and not at run time in every release that is supported.
if TYPE_CHECKING:
    Proxy = ObjectProxy[Any]
else:
    Proxy = ObjectProxy

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reading:
    """What one part of a stream says.

    Args:
        pieces: Its texts.
        usage: What was used so far, by the names of the conventions.
        ended: The starts of the keys of channels that it ends; ``()`` ends all.
        whole: An object that repeats content as a whole, and that content by its names there.
    """

    pieces: Sequence[Piece | None] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    ended: Sequence[tuple[Hashable, ...]] = ()
    whole: tuple[Any, dict[str, Any]] | None = None


Read = Callable[[Any], Reading]


def piece(owner: Any, name: str, *channel: Hashable) -> Piece | None:
    """The text that `owner`, an object or a dictionary, has under `name`; None where it has none."""
    if isinstance(owner, dict):
        text, put = owner.get(name), lambda new: owner.__setitem__(name, new)
    else:
        text, put = getattr(owner, name, None), lambda new: object.__setattr__(owner, name, new)
    return Piece(channel, text, put) if isinstance(text, str) and text else None


class _Passage:
    """What the two kinds of streams share: parts go in as they come, and come out when they may leave."""

    def __init__(self, call: GovernedCall, read: Read) -> None:
        self.call = call
        self.ready: deque[Any] = deque()
        self.inspector = StreamInspector(call)
        self.ended = False
        self.error: Exception | None = None
        self._read = read

    def take(self, part: Any) -> None:
        """Take the next part of the stream.

        Raises:
            PolicyViolation: The stream is stopped.
        """
        try:
            reading = self._read(part)
        except Exception:
            _log.exception(
                "cannot read a part of a stream; the caller gets it unless a policy says otherwise"
            )
            self.inspector.unreadable()
            reading = Reading()
        self.inspector.usage.update(reading.usage)
        self.ready += self.inspector.feed(part, filter(None, reading.pieces))
        for channels in reading.ended:
            self.ready += self.inspector.end(channels)
        if reading.whole is not None:
            self._take_whole(*reading.whole)

    def _take_whole(self, owner: Any, content: dict[str, Any]) -> None:
        with self.call.fail_open("redact a part of a stream", "output"):
            before = plain(content)
            write_back(owner, content, before, self.inspector.whole(before))

    def end(self, error: Exception | None = None) -> None:
        """Take the end of the stream, or what it failed with; both come when all that may leave has left.

        Raises:
            PolicyViolation: What was held back may not leave.
        """
        self.ended, self.error = True, error
        self.ready += self.inspector.end()

    def finished(self) -> BaseException | None:
        """What ends the iteration, once: an error of the stream; None for its ordinary end."""
        error, self.error = self.error, None
        return error

    def stop(self) -> None:
        """Let nothing more leave."""
        self.ready.clear()
        self.ended = True


class _Response(Proxy):
    """The HTTP response of a stream: the client's own helpers close it, and not the stream."""

    def __init__(self, response: Any, inspector: StreamInspector) -> None:
        super().__init__(response)
        self._self_inspector = inspector

    def close(self) -> None:
        """Close the response; what came until now is told."""
        self._self_inspector.close()
        self.__wrapped__.close()

    async def aclose(self) -> None:
        """Close the response; what came until now is told."""
        self._self_inspector.close()
        await self.__wrapped__.aclose()


class GuardedStream(Proxy):
    """A synchronous stream of a model's answer, and everything else that it is.

    Args:
        stream: The library's.
        call: The call that it answers.
        read: Reads one part of it.
    """

    def __init__(self, stream: Any, call: GovernedCall, read: Read) -> None:
        super().__init__(stream)
        self._self_passage = _Passage(call, read)
        close_when_collected(self, self._self_passage.inspector)

    @property
    def response(self) -> Any:
        """The HTTP response that the stream is read from."""
        return _Response(self.__wrapped__.response, self._self_passage.inspector)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        passage = self._self_passage
        try:
            while not passage.ready:
                if passage.ended:
                    raise passage.finished() or StopIteration
                self._step(passage)
        except PolicyViolation:
            passage.stop()
            _close(self.__wrapped__)
            raise
        return passage.ready.popleft()

    def _step(self, passage: _Passage) -> None:
        try:
            with passage.call.running():
                part = self.__wrapped__.__next__()
        except StopIteration:
            passage.end()
        except Exception as error:
            passage.end(error)
        except BaseException:
            passage.inspector.close()
            raise
        else:
            passage.take(part)

    def __enter__(self) -> GuardedStream:
        self.__wrapped__.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        self._self_passage.inspector.close()
        return self.__wrapped__.__exit__(*error)

    def close(self) -> None:
        """Close the stream; what came until now is told."""
        self._self_passage.inspector.close()
        self.__wrapped__.close()


class AsyncGuardedStream(Proxy):
    """An asynchronous stream of a model's answer, and everything else that it is."""

    def __init__(self, stream: Any, call: GovernedCall, read: Read) -> None:
        super().__init__(stream)
        self._self_passage = _Passage(call, read)
        close_when_collected(self, self._self_passage.inspector)

    @property
    def response(self) -> Any:
        """The HTTP response that the stream is read from."""
        return _Response(self.__wrapped__.response, self._self_passage.inspector)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        passage = self._self_passage
        try:
            while not passage.ready:
                if passage.ended:
                    raise passage.finished() or StopAsyncIteration
                await self._step(passage)
        except PolicyViolation:
            passage.stop()
            await _aclose(self.__wrapped__)
            raise
        return passage.ready.popleft()

    async def _step(self, passage: _Passage) -> None:
        try:
            with passage.call.running():
                part = await self.__wrapped__.__anext__()
        except StopAsyncIteration:
            passage.end()
        except Exception as error:
            passage.end(error)
        except BaseException:
            passage.inspector.close()
            raise
        else:
            passage.take(part)

    async def __aenter__(self) -> AsyncGuardedStream:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        self._self_passage.inspector.close()
        return await self.__wrapped__.__aexit__(*error)

    async def close(self) -> None:
        """Close the stream; what came until now is told."""
        self._self_passage.inspector.close()
        await self.__wrapped__.close()

    async def aclose(self) -> None:
        """Close the stream, under the other name of it."""
        await self.close()


def _close(stream: Any) -> None:
    """Close what is behind a stream that was stopped; that it cannot be closed changes nothing."""
    try:
        getattr(stream, "close", lambda: None)()
    except Exception:
        _log.exception("cannot close a stream that was stopped")


async def _aclose(stream: Any) -> None:
    close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    try:
        if close is not None:
            await close()
    except Exception:
        _log.exception("cannot close a stream that was stopped")
