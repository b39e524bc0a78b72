"""Streams are inspected while they pass: what is blocked never leaves, nor any piece of what is redacted."""

from __future__ import annotations

import functools
import random

import pytest
from tests.support.governed import CARD, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.channels import MAX_HELD, Piece
from promethios.governance.enforcement.streaming import MARGIN, StreamInspector

KEY = "AKIAIOSFODNN7EXAMPLQ"
JWT = (
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkw" * 20 + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
)
LINE = "MIIEowIBAAKCAQEA7bq9\n"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{LINE * 80}-----END RSA PRIVATE KEY-----"
IBAN = "DE89 3704 0044 0532 0130 00"
SECRETS = {
    "pii.card": CARD,
    "pii.email": "ann.lee@example.com",
    "pii.iban": IBAN,
    "secret.aws": KEY,
    "secret.jwt": JWT,
    "secret.pem": PEM,
}
HEAD = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: streams, version: "1"}
spec:
"""
REDACTING = f"""{HEAD}
  policies:
    - id: values
      severity: high
      on: [model.after]
      detect: {{in: [output], any: ["pii.*", "secret.*"]}}
      action: redact
"""
BLOCKING = REDACTING.replace("action: redact", "action: block\n      onError: block")
SAID = f"""{HEAD}
  policies:
    - id: topic
      severity: high
      on: [model.after]
      when: 'output.contains("project heron")'
      action: block
      onError: block
"""
CUSTOM = f"""{HEAD}
  detectors:
    - {{id: custom.phrase, pattern: 'the [a-z]+ heron flies'}}
  policies:
    - id: phrase
      severity: high
      on: [model.after]
      detect: {{in: [output], any: ["custom.phrase"]}}
      action: redact
"""
FLAGGING = REDACTING.replace("action: redact", "action: flag")


class Item:
    """An item of a stream: a text that can be replaced, and its channel."""

    def __init__(self, text: str, channel: str = "a") -> None:
        self.text, self.channel = text, channel

    @property
    def pieces(self) -> list[Piece]:
        return [Piece((self.channel,), self.text, self._put)]

    def _put(self, text: str) -> None:
        self.text = text


@functools.cache
def _governor(policies: str) -> Governor:
    """Made once: compiling every detector takes a while."""
    return Governor.from_text(policies)


def inspector(policies: str, traced: Traced | None = None) -> StreamInspector:
    governor = _governor(policies) if traced is None else Governor.from_text(policies)
    if traced is not None:
        governor.set_tracer_provider(traced.provider)
    call = GovernedCall(governor, "model", {"gen_ai.operation.name": "chat"}, by_adapter=True)
    return StreamInspector(call)


def pieces_of(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def passed(inspect: StreamInspector, parts: list[str]) -> str:
    """What of a stream of those parts leaves."""
    out: list[Item] = []
    for part in parts:
        item = Item(part)
        out += inspect.feed(item, item.pieces)
    return "".join(item.text for item in (*out, *inspect.end()))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 64, 10_000])
@pytest.mark.parametrize("detector", SECRETS)
def test_a_value_that_borders_cut_leaves_redacted(detector: str, size: int) -> None:
    text = f'Here "it" is: {SECRETS[detector]}, and then 3 more words.\n'
    assert passed(inspector(REDACTING), pieces_of(text, size)) == (
        f'Here "it" is: [REDACTED:{detector}], and then 3 more words.\n'
    )


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("detector", SECRETS)
def test_no_piece_of_a_blocked_value_leaves(detector: str, size: int) -> None:
    inspect, left = inspector(BLOCKING), ""
    with pytest.raises(
        PolicyViolation, match=rf"model.after blocked by policy 'values': .*{detector} in output"
    ):
        for part in pieces_of(f"I can tell you: {SECRETS[detector]} and more and more and more", size):
            item = Item(part)
            for released in inspect.feed(item, item.pieces):
                left += released.text
    assert left in ("I can tell you: ", "I can tell you:", "I can tell you", "I can tell ")
    assert inspect.feed(Item("x"), []) == []


def test_any_cut_of_any_text_gives_what_the_whole_gives() -> None:
    rng = random.Random(20261122)
    words = ["alpha", "beta,", "42", "A1B2", "-", "(x)", '"q"', "https://a.example/b?c=d", *SECRETS.values()]
    for _ in range(60):
        text = " ".join(rng.choice(words) for _ in range(12))
        whole = passed(inspector(REDACTING), [text])
        cuts = sorted(rng.sample(range(1, len(text)), min(len(text) - 1, rng.randint(1, 40))))
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert passed(inspector(REDACTING), parts) == whole
        assert not any(value in whole for value in SECRETS.values())


def left_by(inspect: StreamInspector, text: str) -> list[str]:
    """What leaves with the next part of a stream."""
    item = Item(text)
    return [released.text for released in inspect.feed(item, item.pieces)]


def test_a_word_is_the_delay() -> None:
    inspect = inspector(REDACTING)
    left = [left_by(inspect, text) for text in ("One", " two", " three", ".")]
    assert left == [[], ["One"], [" two"], []]
    assert [item.text for item in inspect.end()] == [" three", "."]


def test_a_number_is_held_back_until_it_is_none() -> None:
    inspect = inspector(REDACTING)
    texts = ["in", " 1999", " and", " 2001", " it", " ends"]
    left = [left_by(inspect, text) for text in texts]
    assert left == [[], ["in"], [" 1999"], [" and"], [" 2001"], [" it"]]


def test_a_long_word_is_not_held_back_for_ever() -> None:
    inspect, left = inspector(REDACTING), 0
    for _ in range(100):
        item = Item("A" * 100)
        left += len(inspect.feed(item, item.pieces))
    assert left >= 100 - MAX_HELD // 100 - 1


def test_a_key_without_an_end_is_taken_out_as_it_comes() -> None:
    text = "key:\n-----BEGIN PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA7bq9\n" * 1000
    assert passed(inspector(REDACTING), pieces_of(text, 50)) == "key:\n[REDACTED:secret.pem]"


def test_detectors_of_unknown_shape_get_a_margin() -> None:
    text = f"{'word ' * 40}and the grey heron flies over {'word ' * 40}"
    assert passed(inspector(CUSTOM), pieces_of(text, 4)) == text.replace(
        "the grey heron flies", "[REDACTED:custom.phrase]"
    )
    inspect = inspector(CUSTOM)
    item = Item("word " * 10)
    assert inspect.feed(item, item.pieces) == []
    more = Item("word " * (MARGIN // 5 + 1))
    assert inspect.feed(more, more.pieces) == [item]


def test_a_condition_sees_the_text_so_far() -> None:
    inspect, left = inspector(SAID), ""
    with pytest.raises(PolicyViolation, match="topic"):
        for part in pieces_of("now about project heron and its budget", 4):
            item = Item(part)
            left += "".join(released.text for released in inspect.feed(item, item.pieces))
    assert "heron" not in left


def test_channels_are_texts_of_their_own() -> None:
    inspect, out = inspector(REDACTING), []
    for index in range(len(CARD)):
        for channel, text in (("a", CARD), ("b", IBAN)):
            item = Item(text[index], channel)
            out += inspect.feed(item, item.pieces)
    out += inspect.end()
    by_channel = {name: "".join(item.text for item in out if item.channel == name) for name in "ab"}
    assert by_channel["a"] == "[REDACTED:pii.card]"
    assert by_channel["b"] == IBAN[: len(CARD)]  # as far as it came, it is none


def test_a_channel_that_ends_lets_go() -> None:
    inspect = inspector(REDACTING)
    item = Item("word")
    assert inspect.feed(item, item.pieces) == []
    assert inspect.end(("b",)) == []
    assert inspect.end(("a",)) == [item]


def test_items_keep_their_order_whatever_they_hold() -> None:
    inspect, out = inspector(REDACTING), []
    for number, text in enumerate(["a b", "", "c", " d", "", "e "]):
        item = Item(text, str(number % 2))
        item.number = number  # type: ignore[attr-defined]
        out += inspect.feed(item, item.pieces)
    assert [item.number for item in (*out, *inspect.end())] == list(range(6))


def test_a_stream_is_told_once_with_all_that_was_found(traced: Traced) -> None:
    inspect = inspector(REDACTING, traced)
    text = f"first {CARD}, then {KEY}, and {CARD} again"
    assert passed(inspect, pieces_of(text, 3)).count("[REDACTED:") == 3
    inspect.close()
    (decision,) = traced.decisions
    assert decision.attributes["promethios.decision.enforced"] == "redact"
    (event,) = decision.events
    found = [each.split()[:3] for each in event.attributes["promethios.policy.evidence"]]
    assert sorted(found) == sorted(
        [
            ["pii.card", "output", f"{text.index(CARD)}-{text.index(CARD) + len(CARD)}"],
            ["secret.aws", "output", f"{text.index(KEY)}-{text.index(KEY) + len(KEY)}"],
            ["pii.card", "output", f"{text.rindex(CARD)}-{text.rindex(CARD) + len(CARD)}"],
        ]
    )
    assert " 1111" not in traced.everything()


def test_a_blocked_stream_is_told_once_as_blocked(traced: Traced) -> None:
    inspect = inspector(BLOCKING, traced)
    with pytest.raises(PolicyViolation):
        passed(inspect, [f"it is {CARD} ", "and", " so"])
    inspect.close()
    assert [d.attributes["promethios.decision.enforced"] for d in traced.decisions] == ["block"]


def test_what_nothing_could_change_passes_at_once_and_is_told_at_the_end(traced: Traced) -> None:
    inspect = inspector(FLAGGING, traced)
    for part in pieces_of(f"it is {CARD}", 4):
        item = Item(part)
        assert inspect.feed(item, item.pieces) == [item]
    assert inspect.end() == []
    assert [d.attributes["promethios.decision.enforced"] for d in traced.decisions] == ["flag"]


def test_where_nobody_decides_nothing_is_kept_or_told(traced: Traced) -> None:
    inspect = inspector(
        REDACTING.replace("model.after", "model.before").replace("[output]", "[input]"), traced
    )
    item = Item(CARD)
    assert inspect.feed(item, item.pieces) == [item]
    assert inspect.end() == []
    assert traced.decisions == []


def test_a_stream_that_is_closed_is_told_as_far_as_it_went(traced: Traced) -> None:
    inspect = inspector(REDACTING, traced)
    item = Item(f"it is {CARD}. And")
    assert inspect.feed(item, item.pieces) == []
    inspect.close()
    inspect.close()
    assert [d.attributes["promethios.decision.enforced"] for d in traced.decisions] == ["allow"]


def test_more_hits_than_evidence_names_are_all_taken_out() -> None:
    text = " ".join(f"user{number}@example.com" for number in range(100))
    assert "@" not in passed(inspector(REDACTING), [text, " end"])


def test_a_part_that_cannot_be_read_is_for_on_error(traced: Traced) -> None:
    inspector(REDACTING, traced).unreadable()
    with pytest.raises(PolicyViolation, match="could not be evaluated"):
        inspector(BLOCKING, traced).unreadable()


def test_json_stays_json_while_it_streams() -> None:
    text = '{"card": "4111 1111 1111 1111", "note": "for \\"Ann\\""}'
    assert passed(inspector(REDACTING), pieces_of(text, 3)) == text.replace(CARD, "[REDACTED:pii.card]")


def test_the_text_of_a_placeholder_in_an_answer_confuses_nothing() -> None:
    text = f"[REDACTED:pii.card] {CARD} [REDACTED:x] {KEY} [REDACTED:"
    assert passed(inspector(REDACTING), pieces_of(text, 2)) == (
        "[REDACTED:pii.card] [REDACTED:pii.card] [REDACTED:x] [REDACTED:secret.aws] [REDACTED:"
    )
