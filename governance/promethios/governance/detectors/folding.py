"""Characters that stand for others: blanks and hyphens that do not break, and the full width of East Asia.

A card number that was copied from a web page has no-break blanks in it, one from a Japanese form full-width
digits. Each such character is put as the one that patterns know; the text keeps its length, so that offsets
in the one hold for the other.
"""

from __future__ import annotations

import re
from typing import Final

_BLANKS: Final = "\u00a0\u2007\u2009\u202f\u3000"
_HYPHENS: Final = "\u2010\u2011\u2012"
# What numbers, addresses and words are made of. U+FF01 to U+FF5E are "!" to "~"; of the other marks every
# Chinese sentence has some, and no pattern waits for them.
_FULL_WIDTH: Final = "".join(
    chr(0xFEE0 + code) for code in range(ord("!"), ord("~") + 1) if chr(code).isalnum() or chr(code) in "@.-_"
)

_FOLDS: Final = {
    **dict.fromkeys(_BLANKS, " "),
    **dict.fromkeys(_HYPHENS, "-"),
    **{wide: chr(ord(wide) - 0xFEE0) for wide in _FULL_WIDTH},
}
_FOLDABLE: Final = re.compile(f"[{_BLANKS}{_HYPHENS}{_FULL_WIDTH}]")


def folded(text: str) -> str | None:
    """The text with plain characters in the places of their variants; None where it has no variants."""
    if text.isascii() or _FOLDABLE.search(text) is None:
        return None
    return _FOLDABLE.sub(lambda found: _FOLDS[found.group()], text)
