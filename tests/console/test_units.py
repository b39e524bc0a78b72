"""Numbers and times as the console writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.console.conftest import Run

MODULES = ("units", "moments", "colors")

CASES: list[tuple[Any, str, Any, str]] = [
    (None, "ms", None, "\u2013"),
    (0, "µs", None, "0 µs"),
    (61.3, "µs", None, "61.3 µs"),
    (1534, "µs", None, "1.53 ms"),
    (86.4, "ms", None, "86.4 ms"),
    (0.08, "ms", None, "80 µs"),
    (2400, "ms", None, "2.40 s"),
    (90, "s", None, "1.50 min"),
    (-1500, "ms", None, "-1.50 s"),
    (12_840, "none", None, "12840"),
    (12_840, "short", None, "12.8 K"),
    (2_140_000, "short", None, "2.14 Mil"),
    (0.48, "ops", None, "0.480 ops/s"),
    (0.99996, "percentunit", None, "99.9%"),
    (99.99, "percent", 0, "99.9%"),
    (1, "percentunit", None, "100%"),
    (0, "percentunit", None, "0%"),
    (41.4, "currencyUSD", None, "$41.4"),
    (126.09, "currencyUSD", 2, "$126.09"),
    (2_000_000, "bytes", None, "1.91 MiB"),
    (1500, "decbytes", None, "1.50 kB"),
    (5, "suffix: apples", None, "5 apples"),
    (5, "prefix:~", None, "~5"),
    (3, "parsecs", None, "3 parsecs"),
    ("text", "short", None, "text"),
    (True, "bool_yes_no", None, "Yes"),
    (-0.001, "none", 1, "0.0"),
    (1_795_000_000_000, "dateTimeAsIso", None, "2026-11-18 11:06:40"),
    (93_600_000, "dtdurationms", None, "1 d 2 h"),
]


@pytest.mark.parametrize(("value", "unit", "decimals", "shown"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_value_is_written_in_its_unit(run: Run, value: Any, unit: str, decimals: Any, shown: str) -> None:
    asked = f"m.units.formatValue({json.dumps(value)}, {json.dumps(unit)}, {json.dumps(decimals)})"
    assert run(asked) == shown


def test_the_parts_of_a_value_can_be_shown_apart(run: Run) -> None:
    assert run('m.units.formatParts(41.4, "currencyUSD")') == {"prefix": "$", "number": "41.4", "suffix": ""}
    assert run('m.units.formatParts(1534, "µs")') == {"prefix": "", "number": "1.53", "suffix": " ms"}


def test_what_was_is_told_as_long_ago(run: Run) -> None:
    seconds = [0, 4, 12, 180, 7200, 200_000, -60]
    assert run(f"{seconds}.map((s) => m.moments.ago(0, s * 1000))") == [
        "just now", "just now", "12 s ago", "3 min ago", "2 h ago", "2 d ago", "just now",
    ]  # fmt: skip


def test_colour_that_is_none_gives_none(run: Run) -> None:
    hostile = ["url(x)", "red;background:url(x)", "#12345", "", "__proto__"]
    assert run(f"{json.dumps(hostile)}.map((c) => m.colors.shown(c))") == [None] * len(hostile)


def test_names_of_grafanas_colours_are_known(run: Run) -> None:
    names = ["green", "dark-red", "super-light-blue", "semi-dark-orange", "transparent", "text"]
    assert run(f"{json.dumps(names)}.map((c) => m.colors.shown(c))") == [
        "#73bf69", "#c4162a", "#c0d8ff", "#ff780a", "transparent", "var(--text)",
    ]  # fmt: skip


def test_any_colour_can_be_seen_on_a_light_panel(run: Run) -> None:
    colors = ["#ffffff", "#ffff00", "#73bf69", "#f0d57a", "#b6dfef"]
    asked = f'{json.dumps(colors)}.map((c) => 1.05 / (m.colors.luminance(m.colors.shown(c, "light")) + 0.05))'
    assert min(run(asked)) >= 2.99


def test_text_on_a_colour_is_black_or_white(run: Run) -> None:
    assert run('["#f0d57a", "#9c2a12", "no colour"].map(m.colors.textOn)') == [
        "#000000",
        "#ffffff",
        "#ffffff",
    ]
