"""A model's answer in parts: handed on as it comes, decided as a whole when it has ended.

What the caller has already seen cannot be taken back, so a decision on a stream is told, not enforced.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from wrapt import ObjectProxy

from promethios.governance.adapters.results import usage_of
from promethios.governance.enforcement.call import GovernedCall

# Generic for the type checker, and not at run time in every release that is supported.
if TYPE_CHECKING:
    Proxy = ObjectProxy[Any]
else:
    Proxy = ObjectProxy

_log = logging.getLogger(__name__)

# As much of an answer as is kept for the decision, in characters.
_KEPT = 262_144


class _Transcript:
    """The text and the usage of a stream, gathered from its parts; told once."""

    def __init__(self, call: GovernedCall) -> None:
        self._call = call
        self._texts: list[str] = []
        self._length = 0
        self._usage: dict[str, Any] = {}
        self._told = False

    def add(self, chunk: Any) -> None:
        """Take what one part says: a delta of chat, an event of responses."""
        try:
            self._add(chunk)
        except Exception:
            _log.exception("cannot read a part of a stream; the caller gets it all the same")

    def _add(self, chunk: Any) -> None:
        self._usage.update(usage_of(chunk))
        self._usage.update(usage_of(getattr(chunk, "response", None)))
        for text in _texts(chunk):
            if self._length < _KEPT:
                self._texts.append(text)
                self._length += len(text)

    def tell(self) -> None:
        """Decide the whole, once, however the stream ended."""
        if not self._told:
            self._told = True
            self._call.observe(self._usage, output="".join(self._texts) or None)


def _texts(chunk: Any) -> Iterator[str]:
    if isinstance(delta := getattr(chunk, "delta", None), str):
        yield delta
    for choice in getattr(chunk, "choices", None) or ():
        delta = getattr(choice, "delta", None)
        if isinstance(content := getattr(delta, "content", None), str):
            yield content
        for tool_call in getattr(delta, "tool_calls", None) or ():
            arguments = getattr(getattr(tool_call, "function", None), "arguments", None)
            if isinstance(arguments, str):
                yield arguments


class _Response(Proxy):
    """The HTTP response of a stream: the client's own helpers close it, and not the stream."""

    def __init__(self, response: Any, transcript: _Transcript) -> None:
        super().__init__(response)
        self._self_transcript = transcript

    def close(self) -> None:
        """Close the response; what came until now is decided."""
        self._self_transcript.tell()
        self.__wrapped__.close()

    async def aclose(self) -> None:
        """Close the response; what came until now is decided."""
        self._self_transcript.tell()
        await self.__wrapped__.aclose()


class GuardedStream(Proxy):
    """A synchronous stream of a model's answer, and everything else that it is."""

    def __init__(self, stream: Any, call: GovernedCall) -> None:
        super().__init__(stream)
        self._self_transcript = _Transcript(call)

    @property
    def response(self) -> Any:
        """The HTTP response that the stream is read from."""
        return _Response(self.__wrapped__.response, self._self_transcript)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            chunk = self.__wrapped__.__next__()
        except BaseException:
            self._self_transcript.tell()
            raise
        self._self_transcript.add(chunk)
        return chunk

    def __enter__(self) -> GuardedStream:
        self.__wrapped__.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        self._self_transcript.tell()
        return self.__wrapped__.__exit__(*error)

    def close(self) -> None:
        """Close the stream; what came until now is decided."""
        self._self_transcript.tell()
        self.__wrapped__.close()


class AsyncGuardedStream(Proxy):
    """An asynchronous stream of a model's answer, and everything else that it is."""

    def __init__(self, stream: Any, call: GovernedCall) -> None:
        super().__init__(stream)
        self._self_transcript = _Transcript(call)

    @property
    def response(self) -> Any:
        """The HTTP response that the stream is read from."""
        return _Response(self.__wrapped__.response, self._self_transcript)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self.__wrapped__.__anext__()
        except BaseException:
            self._self_transcript.tell()
            raise
        self._self_transcript.add(chunk)
        return chunk

    async def __aenter__(self) -> AsyncGuardedStream:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        self._self_transcript.tell()
        return await self.__wrapped__.__aexit__(*error)

    async def close(self) -> None:
        """Close the stream; what came until now is decided."""
        self._self_transcript.tell()
        await self.__wrapped__.close()

    async def aclose(self) -> None:
        """Close the stream, under the other name of it."""
        await self.close()
