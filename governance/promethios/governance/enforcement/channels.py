"""The text of one channel of a stream: what of it may be looked at, what may leave, and with what in place.

A value must never leave in pieces, and no detector can tell from "4111 11" what it will be. What the built-in
detectors look for has no spaces or quotes in it, except groups of digits and capitals. So a word is held back
until it is complete, and such groups until something else follows: a delay of one word. Where detectors of
unknown shape are asked, `margin` more characters are held back.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from string import printable
from typing import Any, Final

#: The longest text that is held back because it could become a hit, in characters. A longer hit that is open
#: at its end, such as a private key, is taken out piece by piece.
MAX_HELD: Final = 4096
#: How much of what has left is looked at again, so that a detector sees what stands before a hit.
CONTEXT: Final = 256

# What a word that could be part of a hit is made of: no space, and nothing that quotes.
_WORD: Final = "".join(sorted(set(printable.strip()) - set("\"'<>\\")))
_GROUP: Final = re.compile(r"[A-Z0-9-]{0,6}")
_GROUPS: Final = re.compile(r"(?:[A-Z0-9-]{1,6} ){1,9}$")
_LONGEST_GROUPS: Final = 63

#: Where something is taken out, in the coordinates of what is pending, and what stands there instead.
Cut = tuple[int, int, str]


@dataclass(slots=True)
class Piece:
    """A text in one item of a stream.

    Args:
        channel: Which texts continue each other: a choice, a block, the arguments of a tool call; its parts
            are whatever tells them apart, from the coarsest on.
        text: The text.
        put: Puts another text in its place.
    """

    channel: tuple[Hashable, ...]
    text: str
    put: Callable[[str], None]


@dataclass(slots=True)
class Entry:
    """An item of the stream that waits for `left` of its pieces to be cleared."""

    item: Any
    left: int = 0


@dataclass(slots=True)
class Channel:
    """The pieces of one channel, from those that may not leave yet on.

    Args:
        path: What evidence calls it.
        margin: Characters that are held back beside what could become a hit of a built-in detector.
        remembered: Characters of what has left that are looked at again.
    """

    path: str
    margin: int = 0
    remembered: int = CONTEXT
    context: str = ""
    pending: str = ""
    gone: int = 0
    _waiting: deque[tuple[Piece, Entry]] = field(default_factory=deque)
    _open: bool = False

    def add(self, piece: Piece, entry: Entry) -> None:
        """Take the next piece; `entry` waits for it."""
        entry.left += 1
        self.pending += piece.text
        self._waiting.append((piece, entry))

    def complete(self) -> int:
        """How much of what is pending is complete, so that what follows cannot make it another thing."""
        text = self.pending
        start = len(text.rstrip(_WORD))
        if _GROUP.fullmatch(text, start):
            tail = max(0, start - _LONGEST_GROUPS)
            if groups := _GROUPS.search(text[tail:start]):
                start = tail + groups.start()
        start = min(start, max(0, len(text) - self.margin))
        return max(start, len(text) - MAX_HELD)

    def may_leave(self, cut: int) -> bool:
        """Whether a whole piece is before `cut`: else there is nothing to look for yet."""
        return bool(self._waiting) and len(self._waiting[0][0].text) <= cut

    def boundary(self, cut: int, cuts: list[Cut]) -> int:
        """The end of the last piece before `cut` that is not within what is taken out, nor within its end."""
        ends = self._ends(cut)
        for start, stop, _ in reversed(cuts):
            ends = [end for end in ends if end <= start or (end >= stop and stop < cut)]
        if not ends and len(self.pending) > MAX_HELD:
            ends = self._ends(cut)
        return ends[-1] if ends else 0

    def _ends(self, cut: int) -> list[int]:
        ends, end = [], 0
        for piece, _ in self._waiting:
            end += len(piece.text)
            if end > cut:
                break
            ends.append(end)
        return ends

    def release(self, boundary: int, cuts: list[Cut]) -> None:
        """Let the pieces before `boundary` go, each with what is left of it."""
        position, released = 0, []
        while position < boundary or (self._waiting and not self._waiting[0][0].text):
            piece, entry = self._waiting.popleft()
            text = self._left_of(position, position + len(piece.text), cuts)
            position += len(piece.text)
            if text != piece.text:
                piece.put(text)
            released.append(text)
            entry.left -= 1
        split = next((cut for cut in cuts if cut[0] < boundary < cut[1]), None)
        if split is not None:
            self.context = (self.context + self.pending)[len(self.context) + max(split[0], 0) :][:CONTEXT]
        else:
            self.context = (self.context + "".join(released))[-self.remembered :]
        self._open = split is not None or (self._open and not boundary)
        self.pending, self.gone = self.pending[boundary:], self.gone + boundary

    def _left_of(self, first: int, last: int, cuts: list[Cut]) -> str:
        """The text between two positions without the cuts; a placeholder stands where a cut begins."""
        parts, position = [], first
        for start, stop, instead in cuts:
            if stop <= first or start >= last:
                continue
            parts.append(self.pending[position : max(start, first)])
            if max(start, 0) >= first and not (start < 0 and self._open):
                parts.append(instead)
            position = min(stop, last)
        parts.append(self.pending[position:last])
        return "".join(parts)
