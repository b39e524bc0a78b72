"""What CEL's operators and functions do with values, as plain functions.

A value is None, bool, int (64 bits), float, str, a list or tuple, or a mapping with text keys. Python is
laxer than CEL in three places, and each function here minds them: a bool is not an int (``true in [1]`` is
false, ``true < 1`` is an error), int and double compare but do not add, and an int that leaves 64 bits is an
error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from promethios.governance.conditions.errors import EvaluationError
from promethios.governance.conditions.parser import INT_MAX, INT_MIN

_PLAIN: Final = frozenset((str, bool, float, type(None), list, tuple, dict))
_KINDS: Final = (
    (bool, "bool"),
    (int, "int"),
    (float, "double"),
    (str, "text"),
    (list, "list"),
    (tuple, "list"),
)
_SCALARS: Final = (str, bool, int, float)
_INT_TEXT: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DOUBLE_TEXT: Final = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)",
    re.ASCII | re.IGNORECASE,
)
_MISSING: Final = object()
#: How many items of lists and maps one comparison may look at: what looks like a tree may share its branches.
MAX_COMPARED: Final = 100_000
_ASCII_SPACE: Final = " \t\n\v\f\r"


def adopt(value: Any) -> Any:
    """A foreign value as one of CEL's, without calling code of its own.

    Raises:
        EvaluationError: it is of a kind that conditions do not know, or an integer beyond 64 bits.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is int:
        return _fits(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return _fits(int.__index__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, (list, tuple, Mapping)):
        return value
    raise EvaluationError("a value is of a kind that conditions do not know")


def kind_of(value: Any) -> str:
    """What to call the value in a message."""
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return "null" if value is None else "map"


def no_overload(operator: str, *values: Any) -> EvaluationError:
    """The error of an operator or function that is not defined for these values."""
    return EvaluationError(f"'{operator}' is not defined for {' and '.join(map(kind_of, values))}")


def _fits(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("an integer does not fit into 64 bits")


def equal(left: Any, right: Any) -> bool:
    """Equality: false between kinds, except that int and double compare as doubles.

    So an int beyond 53 bits is rounded first, as the official conformance cases have it.

    Raises:
        EvaluationError: lists and maps hold more than `MAX_COMPARED` items, or one of no kind of CEL's.
    """
    if type(left) is type(right) and type(left) in _SCALARS:
        return bool(left == right)
    return _equal(left, right, [MAX_COMPARED])


def _equal(left: Any, right: Any, budget: list[int]) -> bool:
    left_kind, right_kind = type(left), type(right)
    if left_kind is right_kind and left_kind in _SCALARS:
        return bool(left == right)
    if left is None or right is None:
        return left is right
    if left_kind in (int, float) and right_kind in (int, float):
        return float(left) == float(right)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and _all_equal(zip(left, right, strict=True), budget)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if len(left) != len(right):
            return False
        pairs = ((value, right[key]) if key in right else (value, _MISSING) for key, value in left.items())
        return _all_equal(pairs, budget)
    return False


def _all_equal(pairs: Iterable[tuple[Any, Any]], budget: list[int]) -> bool:
    for one, other in pairs:
        budget[0] -= 1
        if budget[0] < 0:
            raise EvaluationError(f"the values that are compared hold more than {MAX_COMPARED} items")
        if other is _MISSING or not _equal(adopt(one), adopt(other), budget):
            return False
    return True


def contains(item: Any, container: Any) -> bool:
    """``item in container``: an equal item of a list, or a key of a map."""
    if isinstance(container, (list, tuple)):
        return any(equal(item, adopt(member)) for member in container)
    if isinstance(container, Mapping) and not isinstance(item, (list, tuple, Mapping)) and item is not None:
        return type(item) is str and item in container
    raise no_overload("in", item, container)


def compare(operator: str, left: Any, right: Any) -> bool:
    """``<``, ``<=``, ``>`` and ``>=`` between numbers, texts (by code point) or bools."""
    left_kind, right_kind = type(left), type(right)
    numbers = left_kind in (int, float) and right_kind in (int, float)
    if not numbers and (left_kind is not right_kind or left_kind not in (str, bool)):
        raise no_overload(operator, left, right)
    if left_kind is not right_kind:
        left, right = float(left), float(right)
    if operator == "<":
        return bool(left < right)
    if operator == "<=":
        return bool(left <= right)
    return bool(left > right) if operator == ">" else bool(left >= right)


def add(left: Any, right: Any) -> Any:
    """The sum of two ints or two doubles, or two texts or two lists joined."""
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return _checked(left + right)
        if kind in (float, str):
            return left + right
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return [*left, *right]
    raise no_overload("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """The difference of two ints or two doubles."""
    if type(left) is type(right) is int:
        return _checked(left - right)
    if type(left) is type(right) is float:
        return left - right
    raise no_overload("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """The product of two ints or two doubles."""
    if type(left) is type(right) is int:
        return _checked(left * right)
    if type(left) is type(right) is float:
        return left * right
    raise no_overload("*", left, right)


def divide(left: Any, right: Any) -> Any:
    """The quotient, rounded towards zero for ints; doubles follow IEEE 754, so that 1.0 / 0.0 is infinite."""
    if type(left) is type(right) is int:
        if right == 0:
            raise EvaluationError("division by zero")
        quotient = abs(left) // abs(right)
        return _checked(quotient if (left < 0) == (right < 0) else -quotient)
    if type(left) is type(right) is float:
        return left / right if right != 0.0 else _divide_by_zero(left, right)
    raise no_overload("/", left, right)


def _divide_by_zero(left: float, right: float) -> float:
    if left == 0.0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def remainder(left: Any, right: Any) -> Any:
    """The remainder of two ints, with the sign of the left one."""
    if type(left) is not int or type(right) is not int:
        raise no_overload("%", left, right)
    if right == 0:
        raise EvaluationError("remainder by zero")
    if left == INT_MIN and right == -1:
        raise EvaluationError("an integer overflows")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def negate(value: Any) -> Any:
    """``-value`` for an int or a double."""
    if type(value) is int:
        return _checked(-value)
    if type(value) is float:
        return -value
    raise no_overload("-", value)


def _checked(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("an integer overflows")


def size(value: Any) -> int:
    """The number of characters, items or keys."""
    if isinstance(value, (str, list, tuple, Mapping)):
        return len(value)
    raise no_overload("size", value)


def to_int(value: Any) -> int:
    """An int from an int, a bool, a double (rounded towards zero) or the text of an int."""
    if isinstance(value, int):
        return int(value)
    if type(value) is float:
        if not float(INT_MIN) < value < float(INT_MAX):
            raise EvaluationError("a double does not fit into an int")
        return int(value)
    if type(value) is not str:
        raise no_overload("int", value)
    # The length is bounded before Python's quadratic conversion sees it: 20 characters hold any 64-bit
    # number.
    digits = value.strip(_ASCII_SPACE)
    if len(digits) > 64 or not _INT_TEXT.fullmatch(digits) or not INT_MIN <= int(digits) <= INT_MAX:
        raise EvaluationError("a text is not an int")
    return int(digits)


def to_double(value: Any) -> float:
    """A double from a number or the text of one."""
    if type(value) in (int, float):
        return float(value)
    if type(value) is not str:
        raise no_overload("double", value)
    digits = value.strip(_ASCII_SPACE)
    if not _DOUBLE_TEXT.fullmatch(digits):
        raise EvaluationError("a text is not a double")
    return float(digits)


def to_text(value: Any) -> str:
    """A text from a text, a number or a bool."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return _double_text(value)
    raise no_overload("string", value)


def _double_text(value: float) -> str:
    """The shortest text that reads back the same, laid out as C's ``%g`` does (as CEL for C++ and Go)."""
    if not math.isfinite(value):
        return str(value)
    if value == 0.0:
        return "-0" if math.copysign(1.0, value) < 0 else "0"
    mantissa, exponent = _shortest(value)
    if -4 <= exponent < 6:
        return repr(value).removesuffix(".0")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _shortest(value: float) -> tuple[str, int]:
    """The shortest mantissa with one digit before the point, and the exponent of ten."""
    digits = len(repr(abs(value)).split("e")[0].replace(".", "").strip("0")) or 1
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return mantissa, int(exponent)
