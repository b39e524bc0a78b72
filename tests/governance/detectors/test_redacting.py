"""Redaction takes out what was found and leaves everything else as it was, object for object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from promethios.governance.detectors import DETECTORS, Scanner, redact, redact_text, render, stable, survey

CARD = "4111 1111 1111 1111"
KEY = "AKIAIOSFODNN7EXAMPLE"
SCANNER = Scanner(DETECTORS[name] for name in ("pii.card", "pii.email", "secret.aws", "secret.pem"))


def clean(value: Any) -> Any:
    return redact(value, survey(value, SCANNER).found)


def test_the_placeholder_names_the_detector_and_nothing_else_changes() -> None:
    assert clean(f"pay with {CARD}, please") == "pay with [REDACTED:pii.card], please"


def test_every_hit_in_a_text_is_replaced() -> None:
    assert clean(f"{CARD} {KEY} {CARD}") == "[REDACTED:pii.card] [REDACTED:secret.aws] [REDACTED:pii.card]"


def test_hits_that_overlap_become_one_placeholder() -> None:
    text = "x -----BEGIN PRIVATE KEY----- me@example.com -----END PRIVATE KEY----- y"
    assert clean(text) == "x [REDACTED:secret.pem] y"


def test_messages_keep_their_structure_and_what_was_not_hit_its_identity() -> None:
    untouched = {"role": "system", "content": "be nice"}
    messages = [untouched, {"role": "user", "content": [{"type": "text", "text": CARD}, {"n": 1}]}]
    before = json.dumps(messages)
    cleaned = clean(messages)
    assert cleaned == [
        {"role": "system", "content": "be nice"},
        {"role": "user", "content": [{"type": "text", "text": "[REDACTED:pii.card]"}, {"n": 1}]},
    ]
    assert cleaned[0] is untouched
    assert cleaned[1]["content"][1] is messages[1]["content"][1]  # type: ignore[index]
    assert json.dumps(messages) == before


def test_nothing_found_gives_the_same_object() -> None:
    messages = [{"content": "hello"}]
    assert clean(messages) is messages


def test_json_in_a_text_stays_json() -> None:
    arguments = json.dumps({"card": 4111111111111111, "note": f"é {KEY}", "n": [1.5, None, True]})
    cleaned = clean({"function": {"arguments": arguments}})["function"]["arguments"]
    assert json.loads(cleaned) == {
        "card": "[REDACTED:pii.card]",
        "note": "é [REDACTED:secret.aws]",
        "n": [1.5, None, True],
    }


def test_json_in_json_in_a_text_stays_json() -> None:
    inner = json.dumps({"card": 4111111111111111})
    cleaned = clean(json.dumps([{"arguments": inner}]))
    assert json.loads(json.loads(cleaned)[0]["arguments"]) == {"card": "[REDACTED:pii.card]"}


def test_an_escape_in_json_hides_nothing() -> None:
    cleaned = clean('{"key": "\\u0041KIAIOSFODNN7EXAMPLE"}')
    assert json.loads(cleaned) == {"key": "[REDACTED:secret.aws]"}


@pytest.mark.parametrize(
    "text",
    ['{"a": "' + KEY, '{"a": "' + KEY + '", "a": 1}', "[" + KEY + "]", '{"a": "u:p", "b": "' + KEY + '"'],
)
def test_what_is_nearly_json_is_redacted_as_text(text: str) -> None:
    assert clean(text) == text.replace(KEY, "[REDACTED:secret.aws]")


def test_numbers_that_are_cards_are_replaced_and_other_numbers_are_not() -> None:
    assert clean([4111111111111111, 1763827867123456, 4111111111111112, True, 1.5, 10**40]) == [
        "[REDACTED:pii.card]",
        1763827867123456,
        4111111111111112,
        True,
        1.5,
        10**40,
    ]


def test_keys_are_redacted_too_in_their_place() -> None:
    cleaned = clean({"a": 1, f"key {KEY}": {"x": CARD}, f"{KEY}": 2, "b": 3})
    assert list(cleaned.items()) == [
        ("a", 1),
        ("key [REDACTED:secret.aws]", {"x": "[REDACTED:pii.card]"}),
        ("[REDACTED:secret.aws]", 2),
        ("b", 3),
    ]


def test_short_keys_that_are_no_names_are_redacted_in_maps_and_in_json() -> None:
    assert clean({"a@b.co": 1}) == {"[REDACTED:pii.email]": 1}
    assert json.loads(clean('{"a@b.co": 1, "x": "c@d.co"}')) == {
        "[REDACTED:pii.email]": 1,
        "x": "[REDACTED:pii.email]",
    }


def test_a_value_that_a_duplicate_key_hides_is_redacted_as_text() -> None:
    assert (
        clean(f'{{"a": "{KEY}", "a": "{KEY} "}}')
        == '{"a": "[REDACTED:secret.aws]", "a": "[REDACTED:secret.aws] "}'
    )


def test_json_that_nests_too_deeply_is_redacted_as_text() -> None:
    text = f'{{"a": "{KEY}", "b": ' + "[" * 100 + f'"{KEY}"' + "]" * 100 + "}"
    assert clean(text) == text.replace(KEY, "[REDACTED:secret.aws]")


def test_keys_that_become_the_same_stay_apart() -> None:
    cleaned = clean({"AKIAIOSFODNN7EXAMPLE": 1, "AKIAIOSFODNN7EXAMPLF": 2})
    assert cleaned == {"[REDACTED:secret.aws]": 1, "[REDACTED:secret.aws]#2": 2}


def test_tuples_stay_tuples_and_other_maps_become_dicts() -> None:
    value: Mapping[str, Any] = MappingProxyType({"a": (CARD, 1)})
    assert clean(value) == {"a": ("[REDACTED:pii.card]", 1)}


def test_the_path_of_a_hit_is_readable_and_shows_no_content() -> None:
    value = {"to": [{"note": CARD}], f"me@example.com {KEY}": {"x": CARD}, "not a name": CARD}
    paths = [render("arguments", each.path) for each in survey(value, SCANNER).found]
    assert paths == ["arguments.to[0].note", "arguments[*]", "arguments[*]", "arguments[*].x", "arguments[*]"]


def test_the_digest_of_a_hit_is_the_same_for_the_same_text_and_not_the_text() -> None:
    first, second, other = survey([CARD, f"x {CARD}", KEY], SCANNER).found
    assert first.digest == second.digest != other.digest
    assert len(first.digest) == 16


def test_a_text_larger_than_the_limit_is_told_and_redacted_as_far_as_it_was_seen() -> None:
    looked = survey(CARD + " " * 2_000_000 + CARD, SCANNER)
    assert looked.gap == "the payload is larger than what is scanned"
    assert len(looked.found) == 1


def nested(depth: int) -> Any:
    value: Any = CARD
    for _ in range(depth):
        value = [value]
    return value


def test_what_nests_too_deeply_is_told() -> None:
    assert survey(nested(60), SCANNER).gap == ""
    assert survey(nested(10_000), SCANNER).gap == "the payload nests deeper than 64 levels"


def test_what_contains_itself_is_told() -> None:
    loop: list[Any] = [CARD]
    loop += [loop, loop]
    assert survey(loop, SCANNER).gap == "the payload is larger than what is scanned"


@pytest.mark.parametrize("value", [b"bytes", object(), [{1, 2}]])
def test_what_cannot_be_looked_into_is_told(value: Any) -> None:
    assert (
        survey(value, SCANNER).gap == "the payload holds a value that is neither text, number, list nor map"
    )


def test_a_map_whose_keys_are_no_texts_is_told() -> None:
    assert survey({1: CARD}, SCANNER).gap == "the payload holds a map whose keys are not text"


def test_redacting_a_plain_text_has_no_limit_of_length() -> None:
    text = "x " * 1_000_000 + CARD
    assert redact_text(text, SCANNER) == "x " * 1_000_000 + "[REDACTED:pii.card]"


def test_redacting_a_plain_text_without_a_hit_gives_the_same_object() -> None:
    text = '{"a": "b"}'
    assert redact_text(text, SCANNER) is text


ALL = Scanner(DETECTORS.values())


def clean_all(value: Any, suffix: Any = None) -> Any:
    return redact(value, survey(value, ALL).found, suffix)


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ({"bsn": "123456782"}, {"bsn": "[REDACTED:pii.id.nl]"}),
        ({"bsn": 123456782}, {"bsn": "[REDACTED:pii.id.nl]"}),
        ({"customerBsn": 123456782}, {"customerBsn": "[REDACTED:pii.id.nl]"}),
        ({"ssn": ["123456789", 5]}, {"ssn": ["[REDACTED:pii.ssn]", 5]}),
        ({"phone": "030 1234567"}, {"phone": "[REDACTED:pii.phone]"}),
        ({"n": 123456782, "bsn_old": None}, {"n": 123456782, "bsn_old": None}),
        ({"bsn": {"value": 123456782}}, {"bsn": {"value": 123456782}}),
    ],
)
def test_a_key_says_what_the_number_below_it_is(value: Any, cleaned: Any) -> None:
    assert clean_all(value) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        '{"bsn": 123456782}',
        '{"name": "bsn", "value": 123456782}',
        '[{"name": "bsn", "value":123456782 }, "bsn 111222333 \\" x"]',
        '{"note": "a \\\\", "BSN":111222333}',
    ],
)
def test_a_number_that_another_value_gives_away_leaves_json_behind(text: str) -> None:
    redacted = clean_all(text)
    json.loads(redacted)
    assert "[REDACTED:pii.id.nl]" in redacted
    assert not any(number in redacted for number in ("123456782", "111222333"))


def test_stable_placeholders_tell_which_values_of_a_conversation_are_equal_and_nothing_else() -> None:
    value = [CARD, f"again {CARD}", KEY, {"n": 4111111111111111}]
    first, again, other, number = clean_all(value, stable("c-1"))
    assert re.fullmatch(r"\[REDACTED:pii\.card:[0-9a-z]{4}\]", first)
    assert again == f"again {first}"
    assert other.startswith("[REDACTED:secret.aws:")
    assert number["n"] != first  # written otherwise: another text
    assert clean_all(value, stable("c-1")) == [first, again, other, number]
    assert clean_all(value, stable("c-2"))[0] != first


def test_a_stable_placeholder_of_hits_that_overlap_is_that_of_the_whole_stretch() -> None:
    suffix = stable("c")
    assert clean_all("+14155552671 4111111111111111", suffix).count("[REDACTED:") == 2
    both = "tel 4917 6100 0000 0000 003"
    assert clean_all(both, suffix) == f"tel [REDACTED:pii.card:{suffix('4917 6100 0000 0000 003')}]"


def test_plain_text_is_redacted_with_stable_placeholders_too() -> None:
    suffix = stable("c")
    assert redact_text(CARD, SCANNER, suffix) == f"[REDACTED:pii.card:{suffix(CARD)}]"
