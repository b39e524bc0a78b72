from __future__ import annotations

from promethios.governance.policies.template import compile_template


def test_a_message_takes_the_names_of_the_operation() -> None:
    template = compile_template("model '${ model.request }' for ${agent.name}.", {})
    assert template.render({"gen_ai.request.model": "gpt-5"}) == "model 'gpt-5' for ."


def test_a_message_takes_parameters_when_it_is_read() -> None:
    template = compile_template("${params.a.b} of ${params.list}", {"a": {"b": 1.5}, "list": ["x", True]})
    assert template.render({}) == "1.5 of x, true"
    assert template.names == ()


def test_two_dollars_are_one_and_one_is_itself() -> None:
    assert compile_template("$5, $$5, $${tool.name}", {}).render({}) == "$5, $5, ${tool.name}"


def test_a_value_in_a_message_is_short_and_printable() -> None:
    rendered = compile_template("${tool.name}", {}).render(
        {"gen_ai.tool.name": "a\n\x1b[31m\u202e" + "x" * 500}
    )
    assert rendered == "a??[31m?" + "x" * 120 + "…"


def test_a_value_that_is_not_of_its_type_is_a_question_mark() -> None:
    assert compile_template("<${tool.name}>", {}).render({"gen_ai.tool.name": 5}) == "<?>"


def test_a_message_reads_old_names_of_attributes_too() -> None:
    template = compile_template("${model.provider} ${usage.input_tokens}", {})
    assert template.render({"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 7}) == "openai 7"
