"""How the matches of policies become a decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promethios.governance.decision import Verdict
from promethios.governance.engine import MAX_EVIDENCE, Engine
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle

MakeEngine = Callable[..., Engine]
HEAD = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: test, version: "1"}
spec:
  policies:
"""
CARD = "4111 1111 1111 1111"
KEY = "AKIAIOSFODNN7EXAMPLE"


def tool(name: str = "refund_order", arguments: Any = None, **attributes: Any) -> Operation:
    return Operation("tool.before", {"gen_ai.tool.name": name, **attributes}, arguments=arguments)


def test_nothing_matches_and_the_operation_is_allowed(engine: MakeEngine) -> None:
    operation = tool("read", {"a": 1})
    decision = engine({"match": "{tool: [delete]}"}).evaluate(operation, State())
    assert (decision.verdict, decision.enforced, decision.matches) == (Verdict.ALLOW, Verdict.ALLOW, ())
    assert decision.payload["arguments"] is operation.arguments
    assert decision.bundle.name == "test"
    assert 0 < decision.duration_ns < 60 * 10**9


def test_the_most_severe_action_wins_and_comes_first(engine: MakeEngine) -> None:
    made = engine(
        {"when": "'true'"},
        {"when": "'true'", "action": "block", "onError": "block"},
        {"when": "'true'", "action": "approve"},
        {"when": "'false'"},
    )
    decision = made.evaluate(tool(), State())
    assert (decision.verdict, decision.enforced) == (Verdict.BLOCK, Verdict.BLOCK)
    assert [match.policy_id for match in decision.matches] == ["p2", "p3", "p1"]


def test_among_equal_actions_the_more_severe_policy_comes_first(engine: MakeEngine) -> None:
    made = engine(
        *({"when": "'true'", "severity": severity} for severity in ("medium", "critical", "low", "high"))
    )
    decision = made.evaluate(tool(), State())
    assert [match.severity for match in decision.matches] == ["critical", "high", "medium", "low"]


def test_a_match_weighs_what_its_policy_says_and_nothing_for_what_users_type(engine: MakeEngine) -> None:
    made = engine(
        {"when": "'true'", "severity": "critical"},
        {"when": "'true'", "severity": "high", "weight": "2.5"},
        {"when": "'true'", "severity": "medium", "mode": "shadow"},
        {"detect": "{in: [arguments], any: [pii.card]}"},
    )
    decision = made.evaluate(tool(arguments=CARD), State())
    assert [match.weight for match in decision.matches] == [5.0, 2.5, 0.0, 0.1]
    typed = engine({"on": "[model.before]", "detect": "{in: [input], any: [pii.card]}", "severity": "high"})
    [match] = typed.evaluate(Operation("model.before", input=CARD), State()).matches
    assert match.weight == 0


def test_what_is_in_shadow_is_decided_and_not_enforced(engine: MakeEngine) -> None:
    made = engine(
        {"when": "'true'", "action": "block", "onError": "block", "mode": "shadow"}, {"when": "'true'"}
    )
    decision = made.evaluate(tool(), State())
    assert (decision.verdict, decision.enforced) == (Verdict.BLOCK, Verdict.FLAG)
    assert decision.matches[0].mode == "shadow"


def test_a_policy_is_evaluated_at_its_points_only(engine: MakeEngine) -> None:
    made = engine({"on": "[model.before]", "when": "'true'"})
    assert made.evaluate(tool(), State()).verdict is Verdict.ALLOW
    assert made.evaluate(Operation("model.before"), State()).verdict is Verdict.FLAG


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        ("{tool: 'refund_*'}", True),
        ("{tool: [send, 'refund_*']}", True),
        ("{tool: send}", False),
        ("{agent: support, tool: 'refund_*'}", True),
        ("{agent: billing, tool: 'refund_*'}", False),
        ("{model: '?*'}", False),
        ("{environment: prod}", True),
        ("{attributes: {deployment.environment.name: [prod, staging]}}", True),
        ("{attributes: {retries: 3}, tool: 'refund_*'}", True),
        ("{attributes: {retries: 4}, tool: 'refund_*'}", False),
        ("{attributes: {none: '*'}}", False),
    ],
)
def test_match_compares_names_and_attributes(engine: MakeEngine, match: str, holds: bool) -> None:
    attributes: dict[str, Any] = {
        "gen_ai.agent.name": "support",
        "deployment.environment.name": "prod",
        "retries": 3,
    }
    decision = engine({"match": match}).evaluate(tool(**attributes), State())
    assert bool(decision.matches) is holds


def test_all_parts_of_a_policy_must_hold(engine: MakeEngine) -> None:
    made = engine(
        {
            "match": "{tool: 'refund_*'}",
            "when": "arguments.amount > 500",
            "detect": "{any: [pii.card]}",
            "limit": "{of: calls, max: 0, per: tool}",
        }
    )
    assert made.evaluate(tool("refund", {"amount": 501, "n": CARD}), State()).matches == ()
    assert made.evaluate(tool("refund_x", {"amount": 500, "n": CARD}), State()).matches == ()
    assert made.evaluate(tool("refund_x", {"amount": 501, "n": "x"}), State()).matches == ()
    assert len(made.evaluate(tool("refund_x", {"amount": 501, "n": CARD}), State()).matches) == 1


def test_reasons_are_the_message_with_the_names_of_the_operation(engine: MakeEngine) -> None:
    made = engine({"when": "'true'", "message": "tool '${tool.name}' is watched", "controls": "[C-1]"})
    [match] = made.evaluate(tool(), State()).matches
    assert (match.reason, match.controls, match.severity) == (
        "tool 'refund_order' is watched",
        ("C-1",),
        "low",
    )


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"match": "{tool: '*'}"}, "policy 'p1' is about this operation"),
        ({"when": "tool.name != ''"}, "the condition of policy 'p1' holds"),
        (
            {"limit": "{of: tokens, max: 0, per: conversation}"},
            "the limit of 0 tokens per conversation is reached",
        ),
        (
            {"limit": "{of: calls, max: 0, per: tool, window: 10m}"},
            "the limit of 0 calls per tool in 600 s is reached",
        ),
        ({"detect": "{any: ['*']}"}, "policy 'p1' found pii.card, secret.aws in arguments"),
    ],
)
def test_a_policy_without_a_message_has_a_reason_without_content(
    engine: MakeEngine, parts: dict[str, str], reason: str
) -> None:
    [match] = engine(parts).evaluate(tool(arguments={"a": f"{CARD} {KEY}"}), State()).matches
    assert match.reason == reason


def test_a_policy_that_cannot_be_evaluated_is_a_match_that_says_so(engine: MakeEngine) -> None:
    made = engine(
        {"when": "arguments.amount > 500", "action": "block", "onError": "approve", "controls": "[C-1]"},
        {"when": "arguments.amount > 500"},
        {"when": "has(arguments.amount) && arguments.amount > 500"},
    )
    first, second = made.evaluate(tool(arguments={}), State()).matches
    assert (first.action, first.failed) == (Verdict.APPROVE, True)
    assert (second.action, second.failed) == (Verdict.FLAG, True)
    assert first.reason == "policy 'p1' could not be evaluated: no key 'amount'"
    assert (first.rule, first.controls, second.controls) == ("when", ("C-1",), ())


def test_a_failure_in_shadow_is_not_enforced(engine: MakeEngine) -> None:
    made = engine({"when": "arguments.x == 1", "action": "block", "onError": "block", "mode": "shadow"})
    decision = made.evaluate(tool(), State())
    assert (decision.verdict, decision.enforced) == (Verdict.BLOCK, Verdict.ALLOW)


def test_a_part_that_does_not_hold_decides_even_where_another_fails(engine: MakeEngine) -> None:
    made = engine({"when": "arguments.x == 1", "detect": "{any: [pii.card]}"})
    assert made.evaluate(tool(arguments={"a": "nothing"}), State()).matches == ()
    [match] = made.evaluate(tool(arguments={"a": CARD}), State()).matches
    assert match.failed


def test_a_condition_that_fails_matters_only_where_something_is_found_or_cannot_be_looked_at(
    engine: MakeEngine,
) -> None:
    made = engine(
        {"when": "arguments.x == 1", "detect": "{any: [pii.card]}"}, {"detect": "{any: [secret.*]}"}
    )
    [match] = made.evaluate(tool(arguments={"a": KEY}), State()).matches
    assert match.policy_id == "p2"
    large = made.evaluate(tool(arguments={"a": " " * 2_000_000}), State())
    assert [match.reason for match in large.matches] == [
        "policy 'p1' could not be evaluated: no key 'x'",
        "policy 'p2' could not be evaluated: the payload is larger than what is scanned",
    ]


def test_evidence_says_where_and_never_what(engine: MakeEngine) -> None:
    made = engine({"detect": "{any: [pii.card, secret.*]}"})
    [match] = made.evaluate(tool(arguments={"items": [{"note": f"pay {CARD}"}]}), State()).matches
    [evidence] = match.evidence
    assert (evidence.detector, evidence.path) == ("pii.card", "arguments.items[0].note")
    assert (evidence.start, evidence.end) == (4, 23)
    assert " 1111" not in repr(match)


def test_evidence_is_bounded_and_redaction_is_not(engine: MakeEngine) -> None:
    made = engine({"detect": "{any: [pii.card]}", "action": "redact"})
    decision = made.evaluate(tool(arguments={"all": [CARD] * 100}), State())
    assert len(decision.matches[0].evidence) == MAX_EVIDENCE
    assert decision.payload["arguments"] == {"all": ["[REDACTED:pii.card]"] * 100}


def test_redaction_takes_out_what_every_enforced_policy_found(engine: MakeEngine) -> None:
    made = engine(
        {"detect": "{any: [pii.card]}", "action": "redact"},
        {"detect": "{any: [secret.*]}", "action": "redact"},
        {"detect": "{any: [pii.email]}", "action": "redact", "mode": "shadow"},
        {"detect": "{any: [pii.ssn]}"},
    )
    operation = tool(arguments={"a": f"{CARD} {KEY} a@b.co 123-45-6789", "b": 1})
    decision = made.evaluate(operation, State())
    assert decision.enforced is Verdict.REDACT
    assert decision.payload["arguments"] == {
        "a": "[REDACTED:pii.card] [REDACTED:secret.aws] a@b.co 123-45-6789",
        "b": 1,
    }
    assert operation.arguments["a"].startswith(CARD)


def test_what_is_blocked_is_redacted_all_the_same(engine: MakeEngine) -> None:
    made = engine(
        {"detect": "{any: [pii.card]}", "action": "redact"},
        {"match": "{tool: '*'}", "action": "block", "onError": "block"},
    )
    decision = made.evaluate(tool(arguments=CARD), State())
    assert decision.enforced is Verdict.BLOCK
    assert decision.payload == {"arguments": "[REDACTED:pii.card]"}


def test_a_field_that_a_policy_does_not_name_is_not_redacted_by_it(engine: MakeEngine) -> None:
    made = engine(
        {"on": "[tool.after]", "detect": "{in: [tool.result], any: [pii.card]}", "action": "redact"}
    )
    decision = made.evaluate(Operation("tool.after", arguments={"a": CARD}, result=CARD), State())
    assert decision.payload == {"arguments": {"a": CARD}, "result": "[REDACTED:pii.card]"}


def test_a_payload_that_is_too_large_is_a_failure_beside_what_was_found(engine: MakeEngine) -> None:
    made = engine({"detect": "{any: [pii.card]}", "action": "redact", "onError": "block"})
    decision = made.evaluate(tool(arguments={"a": CARD, "b": " " * 2_000_000}), State())
    failed, found = decision.matches
    assert (failed.failed, failed.action) == (True, Verdict.BLOCK)
    assert failed.reason == "policy 'p1' could not be evaluated: the payload is larger than what is scanned"
    assert (found.failed, found.action) == (False, Verdict.REDACT)
    assert decision.payload["arguments"]["a"] == "[REDACTED:pii.card]"


def test_text_for_telemetry_is_redacted_by_enforced_redacting_policies_only(engine: MakeEngine) -> None:
    made = engine(
        {"detect": "{any: [pii.card]}", "action": "redact"},
        {"detect": "{any: [pii.email]}", "action": "redact", "mode": "shadow"},
        {"detect": "{any: [pii.ssn]}"},
    )
    assert made.redact_text(f"{CARD} a@b.co 123-45-6789") == "[REDACTED:pii.card] a@b.co 123-45-6789"
    text = "nothing"
    assert made.redact_text(text) is text
    assert engine({"when": "'true'"}).redact_text(CARD) is CARD


def test_combinations_of_names_that_are_made_up_do_not_pile_up(engine: MakeEngine) -> None:
    made = engine({"match": "{tool: 'x*'}"})
    for number in range(2000):
        assert bool(made.evaluate(tool(f"x{number}"), State()).matches)
    assert not made.evaluate(tool("y"), State()).matches


def test_a_reason_names_each_field_in_which_something_was_found(engine: MakeEngine) -> None:
    made = engine({"on": "[tool.after]", "detect": "{in: [arguments, tool.result], any: [pii.card]}"})
    [match] = made.evaluate(Operation("tool.after", arguments=CARD, result=CARD), State()).matches
    assert match.reason == "policy 'p1' found pii.card in arguments and pii.card in result"


def test_an_engine_says_where_it_decides_and_what_it_takes_out_of_telemetry(engine: MakeEngine) -> None:
    made = engine(
        {"detect": "{any: [pii.card]}", "action": "redact"}, {"on": "[model.before]", "when": "'true'"}
    )
    assert made.points == {"tool.before", "model.before"}
    assert made.redactor is not None
    assert engine({"when": "'true'"}).redactor is None


def test_stable_placeholders_are_equal_for_equal_values_of_one_conversation_only() -> None:
    made = Engine(
        parse_bundle(
            HEAD.replace("spec:", "spec:\n  defaults: {placeholders: stable}")
            + "    - {id: p, severity: low, on: [tool.before], detect: {any: [pii.card]}, action: redact}\n"
        )
    )

    def redacted(conversation: str, text: str = CARD) -> Any:
        operation = tool(arguments=text, **{"gen_ai.conversation.id": conversation})
        return made.evaluate(operation, State()).payload["arguments"]

    assert redacted("c").startswith("[REDACTED:pii.card:")
    assert redacted("c") == redacted("c")
    assert len({redacted("c"), redacted("d"), redacted("c", "5500 0000 0000 0004")}) == 3
