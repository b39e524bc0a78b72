"""What is known about a node's value before it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Type:
    """A kind of value; for a list, with the type of its items."""

    name: str
    item: Type | None = None

    def __str__(self) -> str:
        return f"list of {self.item}" if self.item and self.item != DYN else self.name


DYN: Final = Type("any")
BOOL: Final = Type("bool")
INT: Final = Type("int")
DOUBLE: Final = Type("double")
TEXT: Final = Type("text")
NULL: Final = Type("null")
MAP: Final = Type("map")
LIST: Final = Type("list", DYN)


def list_of(item: Type) -> Type:
    """The type of a list whose items have this type."""
    return Type("list", item)


def agree(left: Type, right: Type) -> bool:
    """Whether values of the two types could be of one type, as far as is known."""
    if DYN in (left, right):
        return True
    if left.item and right.item:
        return agree(left.item, right.item)
    return left == right


def common(types: list[Type]) -> Type:
    """The type that all of them have, else `DYN`."""
    return types[0] if types and all(kind == types[0] for kind in types) else DYN
