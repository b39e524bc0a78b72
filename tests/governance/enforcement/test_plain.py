"""Objects as plain values, and back again after redaction: types stay, and nothing hostile gets out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel
from tests.support.governed import CARD

from promethios.governance import Governor
from promethios.governance.enforcement.plain import plain, restored

CLEAN = "[REDACTED:pii.card]"


class Row(NamedTuple):
    card: str
    when: Any


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    card: str = Field(alias="cardNumber")
    when: date = date(2026, 1, 2)


class Cards(RootModel[list[str]]):
    pass


@pytest.mark.parametrize("when", ["today", date(2026, 1, 2)], ids=["plain", "object"])
def test_a_named_tuple_stays_one(governor: Governor, when: Any) -> None:
    with governor.guard("tool", name="note", arguments={"rows": [Row(CARD, when)]}) as call:
        assert call.arguments["rows"] == [Row(CLEAN, when)]
        assert call.arguments["rows"][0].when == when


@pytest.mark.parametrize("item", ["x", date(2026, 1, 2)], ids=["plain", "object"])
def test_a_key_that_is_content_is_redacted(governor: Governor, item: Any) -> None:
    with governor.guard("tool", name="note", arguments={CARD: item, "b": 1}) as call:
        assert call.arguments == {CLEAN: item, "b": 1}


def test_a_frozen_model_with_an_alias_is_redacted(governor: Governor) -> None:
    model = Frozen.model_validate({"cardNumber": CARD})
    with governor.guard("tool", name="note", arguments={"model": model}) as call:
        assert call.arguments["model"] is model
    assert (model.card, model.when) == (CLEAN, date(2026, 1, 2))


def test_what_a_model_allows_beside_its_fields_is_redacted(governor: Governor) -> None:
    model = Frozen.model_validate({"cardNumber": "x", "other": f"pay {CARD}"})
    with governor.guard("tool", name="note", arguments={"model": model}):
        pass
    assert model.model_dump()["other"] == f"pay {CLEAN}"


def test_a_root_model_is_redacted(governor: Governor) -> None:
    model = Cards([CARD, "x"])
    with governor.guard("tool", name="note", arguments={"model": model}):
        pass
    assert model.model_dump() == [CLEAN, "x"]


def test_what_cannot_be_changed_is_replaced_by_its_plain_redacted_value(governor: Governor) -> None:
    class Fixed:
        model_fields = {"card": None, "when": None}  # noqa: RUF012 - the shape of a model
        card = property(lambda _: CARD)
        when = date(2026, 1, 2)

    with governor.guard("tool", name="note", arguments={"model": Fixed()}) as call:
        assert call.arguments == {"model": {"card": CLEAN, "when": "2026-01-02"}}


def test_objects_that_compare_oddly_do_no_harm(governor: Governor) -> None:
    class Odd:
        def __eq__(self, other: object) -> Any:
            raise ValueError("the truth value is ambiguous")

    odd = Odd()
    with governor.guard("tool", name="note", arguments={"x": [odd, date(2026, 1, 2)], "card": CARD}) as call:
        assert call.arguments["x"][0] is odd
        assert call.arguments["card"] == CLEAN


def test_a_field_that_cannot_be_read_does_no_harm(governor: Governor) -> None:
    @dataclass
    class Lazy:
        name: str = "x"

        def __getattribute__(self, name: str) -> Any:
            if name == "name":
                raise RuntimeError("not loaded")
            return super().__getattribute__(name)

    with governor.guard("tool", name="note", arguments={"lazy": Lazy(), "card": CARD}) as call:
        assert call.arguments["card"] == CLEAN


@dataclass(eq=False)
class Node:
    text: str
    near: list[Node] = field(default_factory=list)


def test_objects_that_know_each_other_are_looked_at_once() -> None:
    nodes = [Node(str(number)) for number in range(12)]
    for node in nodes:
        node.near = nodes
    assert plain(nodes)[0]["text"] == "0"


def test_a_list_within_itself_stays_as_it_is() -> None:
    knot: list[Any] = []
    knot += [knot, knot]
    assert plain(knot) is knot


def test_an_object_seen_twice_is_redacted_in_both_places(governor: Governor) -> None:
    node = Node(CARD)
    with governor.guard("tool", name="note", arguments={"a": node, "b": [node]}):
        pass
    assert node.text == CLEAN


def test_nothing_is_made_anew_where_nothing_was_redacted() -> None:
    value = OrderedDict(a=[date(2026, 1, 2)])
    seen = plain(value)
    assert seen == {"a": ["2026-01-02"]}
    assert restored(value, seen, seen) is value
