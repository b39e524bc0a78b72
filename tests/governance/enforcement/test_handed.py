"""What instrumentations hand over is made plain, whatever an application has put together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from promethios.governance.enforcement.handed import plain


class Role(Enum):
    USER = "user"


@dataclass
class Message:
    role: Role
    content: Any = None
    name: str | None = None


def test_dataclasses_become_maps_without_what_is_none() -> None:
    message = Message(Role.USER, [b"1234", ("a", 1)])
    assert plain([message]) == [{"role": "user", "content": ["<4 bytes>", ["a", 1]]}]


def test_what_occurs_many_times_is_looked_at_once() -> None:
    """Opened again at each place, forty levels of two would be a million million."""
    value: list[Any] = ["text"]
    for _ in range(40):
        value = [value, value]
    opened = plain(value)
    for _ in range(32):
        assert opened[0] is opened[1]
        opened = opened[0]


def test_what_holds_itself_is_none_there() -> None:
    value: list[Any] = ["text"]
    value += [value, {"again": value}]
    assert plain(value) == ["text", None, {"again": None}]


def test_what_is_made_plain_is_nobody_elses() -> None:
    known = {"list": [1]}
    plain(known)["list"].append(2)
    assert known == {"list": [1]}
