"""The text of one channel of a stream: what of it may be looked at, what may leave, and with what in place.

A value must never leave in pieces, and no detector can tell from "4111 11" what it will be. What the built-in
detectors look for has no spaces or quotes in it, except groups of digits and capitals, and private keys. So a
word is held back until it is complete, such groups until something else follows, and a key until its end: a
delay of one word. Where detectors of unknown shape are asked, `margin` more characters are held back.
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
# Groups that belong together: of a card, a phone, an IBAN ("GB82 WEST 1234"), an identity number ("AB 12 34
# 56 C").
_GROUP: Final = re.compile(r"[A-Z0-9()+./-]{0,15}(?![A-Za-z0-9])")
_FIRST: Final = r"(?:[A-Z]{1,2}|[A-Z(+./-]{0,4}[0-9][A-Z0-9()+./-]{0,14})"
_GROUPS: Final = re.compile(rf"(?<![A-Za-z0-9]){_FIRST}(?: [A-Z0-9()+./-]{{1,15}}){{0,14}} $")
_LONGEST_GROUPS: Final = 200
_KEY: Final = "-----BEGIN"
_LONGEST_MARKER: Final = 64

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
    _split: Cut | None = None
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
        if _GROUP.match(text, start):
            tail = max(0, start - _LONGEST_GROUPS)
            if groups := _GROUPS.search(text[tail:start]):
                start = len(text[: tail + groups.start()].rstrip(_WORD))
        key = text.rfind(_KEY, max(0, start - _LONGEST_MARKER), start)
        return max(start if key < 0 else key, len(text) - MAX_HELD)

    def may_leave(self, cut: int) -> bool:
        """Whether a whole piece may leave of what is complete to `cut`: else no look is needed yet."""
        return bool(self._waiting) and len(self._waiting[0][0].text) <= cut - self.margin

    def boundary(self, cut: int, cuts: list[Cut]) -> int:
        """The end of the last piece before `cut` that is not within what is taken out, nor within its end."""
        ends = self._ends(cut - self.margin)
        self._split = None
        for hit in cuts:
            start, stop, _ = hit
            if stop < cut:
                ends = [end for end in ends if end <= start or end >= stop]
            elif cut - max(start, 0) <= MAX_HELD:  # it may go on
                ends = [end for end in ends if end <= start]
            else:
                self._split = hit
        return ends[-1] if ends else 0

    def _ends(self, cut: int) -> list[int]:
        ends, end = [], 0
        for piece, _ in self._waiting:
            end += len(piece.text)
            if end > cut:
                break
            ends.append(end)
        return ends

    def release(self, boundary: int, cuts: list[Cut]) -> str:
        """Let the pieces before `boundary` go, each with what is left of it, and give what is left of all."""
        position, released = 0, []
        while position < boundary or (self._waiting and not self._waiting[0][0].text):
            piece, entry = self._waiting.popleft()
            text = self._left_of(position, position + len(piece.text), cuts)
            position += len(piece.text)
            if text != piece.text:
                piece.put(text)
            released.append(text)
            entry.left -= 1
        split, self._split = self._split, None
        if split is not None and split[0] < boundary:  # so that the rest is found to be of it
            self.context = (self.context + self.pending)[len(self.context) + split[0] :][:CONTEXT]
            self._open = True
        elif boundary:
            self.context = (self.context + "".join(released))[-self.remembered :]
            self._open = False
        self.pending, self.gone = self.pending[boundary:], self.gone + boundary
        return "".join(released)

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
