"""How much there is in a text of JSON, found without decoding it.

Three bytes are enough for an empty object, and a decoded one takes twenty times as many: so what a body would
become is counted before. The number of its keys tells afterwards whether one was there twice: a decoder keeps
the last of them without a word, and what the first one held would be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from promethios.receiver.otlp.budget import Share
from promethios.receiver.refusal import Kind, Refusal

#: Values for each item that a request may have on average; a span with 15 attributes has 75.
_VALUES_PER_ITEM: Final = 20
#: What a decoded value takes in memory: an object with one member 184 bytes, an empty one 64.
_BYTES_PER_VALUE: Final = 100

#: All that tells objects, arrays, their members and where a text begins and ends.
_STRUCTURE: Final = b'"{[,:'
_OTHER: Final = bytes(set(range(256)) - set(_STRUCTURE))
_STEP: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Outline:
    """What a text has.

    Args:
        values: About how many values: opening brackets and commas.
        keys: Keys of all objects, exactly.
    """

    values: int
    keys: int


def outline(text: bytes) -> Outline:
    """Count what is in a text, in linear time; of what is not JSON the numbers say nothing."""
    if b"\\" in text:
        # In this order: a backslash that is itself escaped does not escape the quote after it.
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes side by side are now a string without structure in it: between two strings there is some.
    text = text.translate(None, _OTHER).replace(b'""', b"")
    values = keys = inside = 0
    for at in range(0, len(text), _STEP):
        parts = text[at : at + _STEP].split(b'"')
        outside = b"".join(parts[inside::2])
        values += outside.count(b"{") + outside.count(b"[") + outside.count(b",")
        keys += outside.count(b":")
        inside ^= (len(parts) - 1) & 1
    return Outline(values, keys)


def admit(text: bytes, most_items: int, share: Share) -> Outline:
    """Count what is in a text before it is decoded, and take memory for what it would become.

    Raises:
        Refusal: It has far more values than `most_items` items could have, or there is no room in `share`.
    """
    found, most = outline(text), most_items * _VALUES_PER_ITEM
    if found.values > most:
        raise Refusal(Kind.TOO_LARGE, f"the request has more than {most} values: send smaller batches")
    share.take(found.values * _BYTES_PER_VALUE)
    return found


def keys_of(document: Any) -> int:
    """How many keys all objects of a decoded document have."""
    keys, waiting = 0, [document]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            keys += len(value)
            waiting.extend(value.values())
        elif type(value) is list:
            waiting.extend(value)
    return keys
