"""Cursors: where a page ended, as text that clients hand back and need not understand.

A cursor holds the order and the values of the last row by that order, so that the next page begins behind
that row whatever was added meanwhile. It says nothing about what may be seen: the view decides that anew.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import orjson

from promethios.receiver.refusal import Kind, Refusal

#: The longest cursor, characters.
LONGEST_CURSOR: Final = 4_000
_MOST_VALUES: Final = 8
_WIDEST: Final = 2**63

#: The order, then the values of the last row.
Place = tuple[Any, ...]


def write_cursor(order: str, place: Place) -> str:
    """The cursor of the page that goes on behind a row."""
    text = base64.urlsafe_b64encode(orjson.dumps([order, *place]))
    return text.rstrip(b"=").decode("ascii")


def read_cursor(text: str, order: str | None) -> Place | None:
    """The place that a cursor names; None for the first page.

    Args:
        text: The cursor.
        order: The order that is asked for now; None where there is none to choose.

    Raises:
        Refusal: It is not a cursor, or one of another order.
    """
    if not text:
        return None
    if len(text) > LONGEST_CURSOR:
        raise not_ours()
    try:
        found = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise not_ours() from error
    if not isinstance(found, list) or not 2 <= len(found) <= _MOST_VALUES or not _plain(found):
        raise not_ours()
    if order is not None and found[0] != order:
        raise Refusal(
            Kind.UNDECODABLE,
            "'cursor' is of another 'sort': ask for its first page without one",
            code="bad-cursor",
        )
    return tuple(found[1:])


def not_ours() -> Refusal:
    """What is no cursor."""
    return Refusal(Kind.UNDECODABLE, "'cursor' is not one that this route gave", code="bad-cursor")


def _plain(values: list[Any]) -> bool:
    """Whether the database takes all of them as values."""
    return all(
        value is None
        or isinstance(value, str | float)
        or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WIDEST)
        for value in values
    )
