from __future__ import annotations

from typing import Any

from promethios.governance.policies.template import Template, compile_template


def rendered(template: Template, attributes: dict[str, Any]) -> str:
    return template.render(attributes)


def test_a_message_takes_the_names_of_the_operation() -> None:
    template = compile_template("model '${ model.request }' for ${agent.name}.", {})
    assert rendered(template, {"gen_ai.request.model": "gpt-5"}) == "model 'gpt-5' for ."


def test_a_message_takes_parameters_when_it_is_read() -> None:
    template = compile_template("${params.a.b} of ${params.list}", {"a": {"b": 1.5}, "list": ["x", True]})
    assert rendered(template, {}) == "1.5 of x, true"
    assert template.names == ()


def test_two_dollars_are_one_and_one_is_itself() -> None:
    assert rendered(compile_template("$5, $$5, $${tool.name}", {}), {}) == "$5, $5, ${tool.name}"


def test_a_value_in_a_message_is_short_and_printable() -> None:
    name = "a\n\x1b[31m\u202e" + "x" * 500
    assert (
        rendered(compile_template("${tool.name}", {}), {"gen_ai.tool.name": name})
        == "a??[31m?" + "x" * 120 + "…"
    )


def test_a_value_that_is_not_of_its_type_is_a_question_mark() -> None:
    assert rendered(compile_template("<${tool.name}>", {}), {"gen_ai.tool.name": 5}) == "<?>"


def test_a_message_reads_old_names_of_attributes_too() -> None:
    template = compile_template("${model.provider} ${usage.input_tokens}", {})
    assert rendered(template, {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 7}) == "openai 7"


class Spent:
    def trust_score(self, attributes: Any) -> int:
        return 405

    def cost_usd(self, per: str, attributes: Any) -> float:
        return {"conversation": 1.006, "agent": 20.0}[per]

    def tokens(self, per: str, attributes: Any) -> int:
        return {"conversation": 7, "agent": 8}[per]


def test_a_message_tells_what_was_before_where_that_is_known() -> None:
    template = compile_template("${trust.score}, ${conversation.cost_usd} $, ${conversation.tokens}", {})
    assert template.render({}, Spent()) == "405, 1.01 $, 7"
    assert rendered(template, {}) == "?, ? $, ?"
