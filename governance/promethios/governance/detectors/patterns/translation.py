r"""RE2's syntax, written for Python's `re`.

What differs and is used: ``\x{1F600}``; ``$``, which in RE2 means the very end; ``\z``; and flags for the
rest of a group, ``(?i)``, which `re` takes at the very beginning only.
"""

from __future__ import annotations

import re
from typing import Final

from promethios.governance.detectors.patterns.error import PatternError

_TOKEN: Final = re.compile(
    r"(?P<code>\\x\{[0-9A-Fa-f]{1,8}\})|(?P<escape>\\.)|(?P<klass>\[\^?\]?(?:\\.|\[:[a-z^]+:\]|[^\]\\])*\])"
    r"|(?P<flags>\(\?[a-zA-Z]+\))|(?P<open>\((?:\?(?P<inner>[a-zA-Z]*):)?)|(?P<close>\))"
    r"|(?P<end>\$)|(?P<bar>\|)|(?P<other>.)",
    re.DOTALL,
)
_CODE: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,8})\}")


def translate(source: str) -> str:
    """The expression for `re`.

    Raises:
        PatternError: It uses what has no counterpart.
    """
    return _Translation().run(source)


class _Translation:
    def __init__(self) -> None:
        self._out: list[str] = []
        # For each open group: how many more have to be closed with it, and whether "^" and "$" mean lines.
        self._levels: list[tuple[int, bool]] = [(0, False)]
        self._at_start = True

    def run(self, source: str) -> str:
        for token in _TOKEN.finditer(source):
            kind = token.lastgroup or ""
            self._take(kind, token[0], token["inner"] or "")
            self._at_start = kind in ("open", "flags", "bar")
        return "".join(self._out) + ")" * self._levels[0][0]

    def _take(self, kind: str, text: str, inner: str) -> None:
        if kind == "flags":
            self._flags(text)
        elif kind == "open":
            self._levels.append((0, self._levels[-1][1] or "m" in inner))
            self._out.append(text)
        elif kind == "close":
            more, _ = self._levels.pop() if len(self._levels) > 1 else (0, False)
            self._out.append(text + ")" * more)
        elif kind == "end":
            self._out.append("$" if self._levels[-1][1] else r"\Z")
        elif kind in ("code", "klass"):
            self._out.append(_literal(text))
        else:
            self._out.append(r"\Z" if text == r"\z" else text)

    def _flags(self, text: str) -> None:
        if not self._at_start:
            raise PatternError(f"without google-re2, {text} can only stand at the beginning of a group")
        if set(text[2:-1]) - set("ims"):
            raise PatternError(f"without google-re2, {text} is not understood")
        more, lines = self._levels[-1]
        self._levels[-1] = more + 1, lines or "m" in text
        self._out.append(f"{text[:-1]}:")


def _literal(text: str) -> str:
    if re.search(r"\[:\^?[a-z]+:\]", text):
        raise PatternError(f"without google-re2, {text} is not understood")
    return _CODE.sub(lambda code: f"\\U{int(code[1], 16):08x}", text)
