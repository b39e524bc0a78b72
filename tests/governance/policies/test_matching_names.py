from __future__ import annotations

import pytest

from promethios.governance.policies.matching import Matcher, Names


@pytest.mark.parametrize(
    ("pattern", "name", "holds"),
    [
        ("send_email", "send_email", True),
        ("send_email", "Send_email", False),
        ("send_email", "send_emails", False),
        ("*delete*", "db_delete_row", True),
        ("*delete*", "delete", True),
        ("*delete*", "drop", False),
        ("refund_*", "refund_", True),
        ("refund_*", "a_refund_", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*a", "a", False),
        ("ab*ba", "aba", False),
        ("?et", "get", True),
        ("?et", "et", False),
        ("*", "", True),
        ("**", "x", True),
        ("x.y", "xzy", False),
        ("[ab]", "a", False),
        ("*\n*", "a\nb", True),
        ("ü*", "über", True),
    ],
)
def test_a_pattern_means_any_run_and_any_one_character(pattern: str, name: str, holds: bool) -> None:
    assert Names.of((pattern,)).hold(name) is holds


def test_a_pattern_with_many_stars_is_quick_on_a_long_name() -> None:
    assert not Names.of(("a*" * 30 + "b",)).hold("a" * 20_000)


@pytest.mark.parametrize(
    ("wanted", "value", "holds"),
    [
        (("prod*",), "production", True),
        (("prod",), None, False),
        (("1",), 1, False),
        ((1,), 1, True),
        ((1,), 1.0, True),
        ((1,), True, False),
        ((True,), True, True),
        ((True,), 1, False),
        (("a",), ["a"], False),
        ((float("nan"),), float("nan"), False),
    ],
)
def test_an_attribute_fits_text_by_pattern_and_other_values_by_equality(
    wanted: tuple[object, ...], value: object, holds: bool
) -> None:
    names = Names.of(tuple(each for each in wanted if isinstance(each, str)))
    values = tuple(each for each in wanted if isinstance(each, (bool, int, float)))
    assert Matcher(attributes=(("key", names, values),)).attributes_hold({"key": value}) is holds
