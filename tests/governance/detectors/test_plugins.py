"""Detectors from other distributions: found by entry point, and harmless whatever they do."""

from __future__ import annotations

import threading
import time

import pytest
from tests.support.plugins import Install

from promethios.governance import Operation
from promethios.governance.detectors import DETECTORS, PluginError, Scanner, known, resolve, select, survey
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.policies import parse_bundle

GREETING = """
import re
class Greeting:
    def find(self, text):
        return [match.span() for match in re.finditer("hi|hello", text)]
"""
POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: t, version: "1"}
spec:
  defaults: {onError: block}
  policies:
    - {id: greetings, severity: low, on: [model.before], detect: {any: ["words.*"]}, action: redact}
    - {id: cards, severity: low, on: [model.before], detect: {any: [pii.card]}, action: redact}
    - {id: lenient, severity: low, on: [model.before], detect: {any: ["words.*"]}, action: flag,
       onError: flag}
"""
CARD = "4111 1111 1111 1111"


def decide(text: object) -> tuple[str, object, list[str]]:
    decision = Engine(parse_bundle(POLICIES)).evaluate(Operation("model.before", input=text), State())
    return decision.enforced, decision.payload["input"], [match.reason for match in decision.matches]


def test_a_plug_in_is_known_by_its_entry_point_and_redacts_beside_the_others(install: Install) -> None:
    install(GREETING, "words.greeting", "Greeting")
    assert resolve("words.*") == ("words.greeting",)
    assert set(known()) == {*DETECTORS, "words.greeting"}
    enforced, payload, _ = decide({"content": f"hi, {CARD}"})
    assert enforced == "redact"
    assert payload == {"content": "[REDACTED:words.greeting], [REDACTED:pii.card]"}


def test_short_texts_keys_and_json_are_shown_to_it_too(install: Install) -> None:
    install(GREETING, "words.greeting", "Greeting")
    scanner = Scanner(select(["words.greeting"]))
    paths = [each.path for each in survey(["hi", {"hello": 1}, '{"a": ["hi"]}'], scanner).found]
    assert paths[0] == (0,)
    assert paths[2] == (2, "a", 0)
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise RuntimeError(text)", "failed with RuntimeError"),
        ("return 5", "failed with TypeError"),
        (
            "return [(0, 10**9)]",
            "failed with PluginError: it answered something else than offsets within the text",
        ),
        (
            "return [(3, 3)]",
            "failed with PluginError: it answered something else than offsets within the text",
        ),
        (
            "return [('0', 1)]",
            "failed with PluginError: it answered something else than offsets within the text",
        ),
        ("return iter(lambda: (0, 1), 0)", "failed with PluginError: it answered more than 10000 hits"),
    ],
)
def test_one_that_fails_fails_the_policies_that_name_it_and_no_other(
    install: Install, body: str, why: str
) -> None:
    install(f"class Bad:\n    def find(self, text):\n        {body}\n", "words.bad", "Bad")
    enforced, payload, reasons = decide(f"a secret {CARD}")
    assert enforced == "block"
    assert payload == "a secret [REDACTED:pii.card]"
    assert [reason for reason in reasons if "could not" in reason] == [
        f"policy '{policy}' could not be evaluated: the detector 'words.bad' {why}"
        for policy in ("greetings", "lenient")
    ]
    assert not any("secret" in reason for reason in reasons)


def test_one_that_is_slow_is_not_asked_again_in_the_same_look(install: Install) -> None:
    install(
        "import time\nclass Slow:\n    def find(self, text):\n        time.sleep(0.3)\n        yield 0, 1\n",
        "words.slow",
        "Slow",
    )
    looked = survey(["a"] * 1000, Scanner(select(["words.slow"])))
    assert len(looked.found) == 1
    assert looked.failed == {"words.slow": "the detector 'words.slow' took more than 0.25 s"}


def test_redacting_text_where_a_plug_in_fails_raises_so_that_nothing_is_let_through(install: Install) -> None:
    install("class Bad:\n    def find(self, text):\n        raise OSError\n", "words.bad", "Bad")
    with pytest.raises(PluginError, match=r"the detector 'words.bad' failed with OSError"):
        Engine(parse_bundle(POLICIES)).redact_text("some text")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("class P:\n    def __init__(self): raise OSError('no model')", "OSError: no model"),
        ("P = 5", "it has no method 'find'"),
    ],
)
def test_one_that_cannot_be_loaded_says_so_when_a_policy_needs_it(
    install: Install, source: str, why: str
) -> None:
    install(source, "words.broken", "P")
    bundle = parse_bundle(POLICIES)
    with pytest.raises(PluginError, match=f"the detector 'words.broken' cannot be loaded: {why}"):
        Engine(bundle)


def test_one_that_no_policy_names_is_never_imported(install: Install) -> None:
    install("raise SystemExit('imported')", "other.kind", "P")
    Engine(parse_bundle(POLICIES.replace("words.*", "pii.*")))
    assert "other.kind" in known()


def test_a_name_that_is_no_id_or_is_built_in_is_passed_over(install: Install) -> None:
    install("raise SystemExit('imported')", "NoId", "P")
    install("raise SystemExit('imported')", "pii.card", "P")
    assert "NoId" not in known()
    assert len(known()) == len(set(known())) == len(DETECTORS)
    assert select(["pii.card"]) == [DETECTORS["pii.card"]]


def test_threads_may_ask_at_once(install: Install) -> None:
    install(GREETING, "words.greeting", "Greeting")
    engine = Engine(parse_bundle(POLICIES))
    answers: list[object] = []

    def ask() -> None:
        asked = Operation("model.before", input=["hi"] * 3)
        answers.extend(engine.evaluate(asked, State()).payload["input"] for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200
    assert all(answer == ["[REDACTED:words.greeting]"] * 3 for answer in answers)


def test_time_is_measured_for_each_look_and_not_for_ever(install: Install) -> None:
    install(
        "import time\nclass Slow:\n    def find(self, text):\n        time.sleep(0.05)\n        return []\n",
        "words.slow",
        "Slow",
    )
    scanner = Scanner(select(["words.slow"]))
    started = time.perf_counter()
    for _ in range(6):
        assert survey("text", scanner).failed == {}
    assert time.perf_counter() - started >= 0.3
