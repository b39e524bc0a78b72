"""Which headers of a user's can go into a request: what cannot would fail each time it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: https://www.rfc-editor.org/rfc/rfc9110#section-5.1
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What the request says of itself; another word on it would make it unreadable.
_OURS: Final = frozenset({"connection", "content-length", "transfer-encoding"})


def problem_with(headers: Iterable[tuple[str, str]]) -> str:
    """What is wrong with the first header that cannot be sent, without its value; empty where all can."""
    for name, value in headers:
        if not _NAME.fullmatch(name):
            return f"hold {name!r}, which is no name of a header"
        if name.lower() in _OURS:
            return f"hold {name!r}, which the request sets by itself"
        if not value.isascii() or not all(each.isprintable() or each == "\t" for each in value):
            return f"hold a value of {name!r} with a line break or a character that no header has"
    return ""
