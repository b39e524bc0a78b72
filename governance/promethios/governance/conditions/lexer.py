"""Source text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from promethios.governance.conditions.errors import ConditionError

#: The longest source that is accepted, in bytes of UTF-8.
MAX_SOURCE_BYTES: Final = 4096

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
  | (?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<int>0x[0-9a-fA-F]+|\d+)
  | (?P<string>[rR]?"(?:[^"\\\n]|\\.)*"|[rR]?'(?:[^'\\\n]|\\.)*')
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<symbol>\|\||&&|==|!=|<=|>=|[!<>+\-*/%?:.,()\[\]])
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[xX]([0-9a-fA-F]{2})|([0-7]{3})|(.))", re.DOTALL
)
_SIMPLE: Final = dict(zip("abfnrtv\\'\"`?", "\a\b\f\n\r\t\v\\'\"`?", strict=True))


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (a symbol is its own kind), its value, and its offset in the source."""

    kind: str
    value: str
    offset: int


def tokenize(source: str) -> list[Token]:
    """Split `source` into tokens, the last of which has the kind ``end``.

    Raises:
        ConditionError: the source is too long, or holds something that is no token.
    """
    if len(source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        raise ConditionError(
            f"the condition is longer than {MAX_SOURCE_BYTES} bytes", 0, "split it into several policies"
        )
    tokens = []
    offset = 0
    while offset < len(source):
        found = _TOKEN.match(source, offset)
        if found is None:
            raise _unexpected(source, offset)
        if found.lastgroup != "space":
            tokens.append(_token(found))
        offset = found.end()
    tokens.append(Token("end", "", len(source)))
    return tokens


def _token(found: re.Match[str]) -> Token:
    kind, text = str(found.lastgroup), found.group()
    if kind == "symbol":
        kind = text
    elif kind == "string":
        text = _unquote(text, found.start())
    return Token(kind, text, found.start())


def _unquote(literal: str, offset: int) -> str:
    if literal[0] in "rR":
        if "\\" + literal[1] in literal:
            raise ConditionError("a raw text cannot contain its own quote", offset, "use the other quote")
        return literal[2:-1]
    return _ESCAPE.sub(lambda escape: _unescape(escape, offset), literal[1:-1])


def _unescape(escape: re.Match[str], offset: int) -> str:
    short, long, byte, octal, simple = escape.groups()
    if simple is not None:
        if simple not in _SIMPLE:
            raise ConditionError(
                f"unknown escape '\\{simple}'", offset + 1 + escape.start(), "write r'...' for a pattern"
            )
        return _SIMPLE[simple]
    code = int(octal, 8) if octal else int(short or long or byte, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ConditionError(f"'{escape.group()}' is not a character", offset + 1 + escape.start())
    return chr(code)


def _unexpected(source: str, offset: int) -> ConditionError:
    character = source[offset]
    if character in "\"'":
        return ConditionError("this text has no closing quote", offset)
    hints = {"=": "'==' compares", "&": "'&&' is and", "|": "'||' is or", "{": "maps are not in the profile"}
    return ConditionError(f"unexpected character {character!r}", offset, hints.get(character, ""))
