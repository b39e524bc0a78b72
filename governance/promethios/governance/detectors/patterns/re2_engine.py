"""RE2, with types.

Texts are matched in UTF-8. A lone surrogate has none: it becomes one '?', which keeps the offsets of the
others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import re2  # type: ignore[import-untyped]

from promethios.governance.detectors.patterns.error import PatternError

#: A text as patterns see it.
Encoded = bytes


def encode(text: str) -> Encoded:
    """The text as patterns see it."""
    return text.encode("utf-8", "replace")


def _options(max_memory: int) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = max_memory
    return options


class Pattern:
    """One regular expression.

    Args:
        source: In RE2's syntax (https://github.com/google/re2/wiki/Syntax).
        max_memory: Bytes that its program and its automaton may take.
        trusted: It is one of ours. All the same here, where no pattern can be slow.

    Raises:
        PatternError: RE2 does not take it, or it needs more memory.
    """

    __slots__ = ("_compiled",)

    def __init__(self, source: str, max_memory: int = 1 << 20, *, trusted: bool = False) -> None:
        try:
            self._compiled = re2.compile(source, _options(max_memory))
        except (re2.error, UnicodeEncodeError) as error:
            reason = error.args[0]
            raise PatternError(reason.decode() if isinstance(reason, bytes) else str(error)) from None

    @property
    def groups(self) -> int:
        """How many groups it has that capture."""
        return int(self._compiled.groups)

    def occurs(self, text: str) -> bool:
        """Whether it occurs in the text."""
        return self._compiled.search(encode(text)) is not None

    def find(self, data: Encoded, start: int) -> tuple[int, int] | None:
        """The offsets of the first group of the first match from `start` on, in an encoded text."""
        match = self._compiled.search(data, start)
        return match.span(1) if match else None


class PatternSet:
    """Regular expressions that are looked for together, in one pass.

    Args:
        sources: What to look for; in answers each is meant by its position.
        max_memory: Bytes that the programs and the automaton may take.

    Raises:
        PatternError: RE2 does not take one of them, or all together need more memory.
    """

    __slots__ = ("_set",)

    def __init__(self, sources: Iterable[str], max_memory: int) -> None:
        self._set = re2.Set.SearchSet(_options(max_memory))
        try:
            for source in sources:
                self._set.Add(source)
            self._set.Compile()
        except re2.error as error:
            raise PatternError(f"the patterns together are too large ({error})") from None

    def found(self, data: Encoded) -> list[int]:
        """The positions of the patterns that occur in an encoded text."""
        return self._set.Match(data) or []
