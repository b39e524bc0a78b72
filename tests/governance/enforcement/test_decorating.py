"""Decorated functions: whatever their shape, policies see each argument, and redaction its place."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from tests.support.governed import CARD

from promethios.governance import Governor, PolicyViolation

AMOUNTS = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: amounts, version: "1"}
spec:
  policies:
    - id: large
      severity: high
      on: [tool.before]
      when: 'arguments.amount > 100'
      action: block
      onError: block
"""


def test_a_name_given_twice_is_redacted_in_both_places(governor: Governor) -> None:
    seen: list[str] = []

    @governor.guard("tool")
    def note(text: str, /, **rest: str) -> None:
        seen.extend((text, rest["text"]))

    note(f"first {CARD}", text=f"second {CARD}")
    assert seen == ["first [REDACTED:pii.card]", "second [REDACTED:pii.card]"]


def test_further_positional_arguments_are_redacted(governor: Governor) -> None:
    seen: list[str] = []

    @governor.guard("tool")
    def note(text: str, /, *more: str, end: str = "") -> None:
        seen.extend((text, *more, end))

    note("a", "b", f"c {CARD}", end="d")
    assert seen == ["a", "b", "c [REDACTED:pii.card]", "d"]


def test_a_keyword_that_is_itself_content_is_redacted(governor: Governor) -> None:
    seen: dict[str, int] = {}

    @governor.guard("tool")
    def note(**rest: int) -> None:
        seen.update(rest)

    note(**{CARD: 1, "b": 2})
    assert seen == {"[REDACTED:pii.card]": 1, "b": 2}


@pytest.mark.parametrize("name", ["self", "cls"])
def test_a_functions_argument_named_like_a_methods_object_is_seen(governor: Governor, name: str) -> None:
    seen: list[str] = []
    made: dict[str, Any] = {"seen": seen}
    exec(f"def note({name}): seen.append({name})", made)
    governor.guard("tool")(made["note"])(f"pay {CARD}")
    assert seen == ["pay [REDACTED:pii.card]"]


def test_policies_see_the_default_that_a_call_uses() -> None:
    @Governor.from_text(AMOUNTS).guard("tool")
    def refund(order: str, amount: int = 1000) -> str:
        return order

    assert refund("o-1", 5) == "o-1"
    with pytest.raises(PolicyViolation, match="large"):
        refund("o-1")


def test_a_partial_is_guarded_by_its_functions_name(governor: Governor) -> None:
    def delete_user(user: str, really: bool) -> None:
        raise AssertionError("it ran")

    with pytest.raises(PolicyViolation, match="nothing may be deleted"):
        governor.guard("tool")(functools.partial(delete_user, really=True))("ann")


def test_a_callable_object_is_guarded_by_its_types_name(governor: Governor) -> None:
    class Note:
        def __call__(self, text: str) -> str:
            return text

    assert governor.guard("tool")(Note())(f"pay {CARD}") == "pay [REDACTED:pii.card]"


def test_an_object_with_a_coroutine_as_its_call_is_awaited(governor: Governor) -> None:
    class Note:
        async def __call__(self, text: str) -> str:
            return f"{text}, paid by {CARD}"

    guarded: Any = governor.guard("tool")(Note())
    assert asyncio.run(guarded("x")) == "x, paid by [REDACTED:pii.card]"


@pytest.mark.parametrize("guard_first", [True, False])
def test_a_class_method_is_guarded_in_either_order(governor: Governor, guard_first: bool) -> None:
    seen: list[Any] = []

    def note(cls: type, text: str) -> None:
        seen.extend((cls, text))

    guard: Any = governor.guard("tool", name="note")
    method = classmethod(guard(note)) if guard_first else guard(classmethod(note))
    desk: Any = type("Desk", (), {"note": method})
    desk.note(f"pay {CARD}")
    assert seen == [desk, "pay [REDACTED:pii.card]"]


@pytest.mark.parametrize("guard_first", [True, False])
def test_a_static_method_is_guarded_in_either_order(governor: Governor, guard_first: bool) -> None:
    seen: list[str] = []
    guard: Any = governor.guard("tool", name="note")
    method = staticmethod(guard(seen.append)) if guard_first else guard(staticmethod(seen.append))
    desk: Any = type("Desk", (), {"note": method})
    desk().note(f"pay {CARD}")
    assert seen == ["pay [REDACTED:pii.card]"]


def test_a_guard_that_is_open_cannot_be_entered_again(governor: Governor) -> None:
    guard = governor.guard("tool", name="note")
    with guard, pytest.raises(RuntimeError, match="cannot enter the guard of tool 'note' twice"), guard:
        pass


def test_a_guard_that_is_used_again_starts_without_a_result(governor: Governor) -> None:
    guard = governor.guard("tool", name="note")
    with guard:
        guard.result = "the first"
    with guard:
        assert guard.result is None
