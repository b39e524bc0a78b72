"""What conditions mean, one case for each rule of CEL that Python would have otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from promethios.governance.conditions import ConditionError, EvaluationError, compile_condition
from promethios.governance.conditions.facts import Facts, environment
from promethios.governance.operation import Operation

ATTRIBUTES = {
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.system": "openai",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.tool.name": "refund_order",
    "http.route": "/pay",
    "retries": 3,
    "tags": ("a", "b"),
}
ARGUMENTS = {
    "amount": 700,
    "rate": 0.5,
    "note": "é",
    "to": ["a@b.co"],
    "deep": {"er": {"n": 1}},
    "none": None,
}


def holds(
    source: str, arguments: Any = ARGUMENTS, params: dict[str, Any] | None = None, **payload: Any
) -> bool:
    operation = Operation("tool.before", ATTRIBUTES, arguments=arguments, **payload)
    return compile_condition(source, environment(params or {})).holds(Facts(operation))


@pytest.mark.parametrize(
    "source",
    [
        # aliases, their zeros, and the names of older conventions
        'model.request == "gpt-4o"',
        'model.provider == "openai"',
        "usage.input_tokens == 12 && usage.output_tokens == 0",
        'agent.name == "" && conversation.id == "" && environment == ""',
        'attributes["http.route"] == "/pay"',
        'attr("http.route", "") == "/pay" && attr("none", 5) == 5',
        '"retries" in attributes && !("x" in attributes)',
        '"a" in attributes["tags"] && attributes["tags"].size() == 2',
        # arguments
        "arguments.amount > 500 && arguments.deep.er.n == 1",
        "has(arguments.amount) && !has(arguments.x) && has(arguments.none)",
        "arguments.none == null",
        'arguments["amount"] == 700 && arguments.to[0].endsWith("@b.co")',
        "double(arguments.amount) > 699.5 && arguments.rate == 0.5",
        # errors are absorbed
        "arguments.x == 1 || true",
        "true || arguments.x == 1",
        "!(arguments.x == 1 && false)",
        "[1, 2].exists(i, i == 2 || arguments.x == 1)",
        "!([1, 2].all(i, i == 2 && arguments.x == 1))",
        # numbers
        "arguments.amount == 700.0 && 1 in [1] && arguments.amount in [1.0, 700.0]",
        "!(arguments.amount in [true]) && !(attr('x', true) in [1])",
        "7 / -2 == -3 && -7 % 3 == -1 && 1.0 / 0.0 > 1e308",
        "int('-12') == -12 && int(-1.9) == -1 && double('1e3') == 1000.0",
        "string(1.0) == '1' && string(1e6) == '1e+06' && string(true) == 'true'",
        "-9223372036854775808 < 0 && 0x1F == 31",
        "attr('x', 9223372036854775807) == 9223372036854775808.0",
        "attr('x', 9223372036854775807) >= 9223372036854775808.0",
        "!(attr('x', 9223372036854775807) < 9223372036854775808.0)",
        # text
        'arguments.note.size() == 1 && size("a😀") == 2',
        r'"a.b".matches("^a\\.b$") && "xay".matches(r"a") && !"b".matches("^a")',
        "'a' < 'b' && false < true",
        r"'\u00e9' == arguments.note",
        # the rest
        "usage.input_tokens > 5 ? true : arguments.x == 1",
        "[[1], [2]].exists(l, l.exists(i, i == 2))",
        "arguments.exists(k, k == 'amount')",
        "[1] + [2] == [1, 2] && [] == []",
        "!!true && --1 == 1",
        "tool.name.startsWith('refund_') // a comment",
    ],
)
def test_it_holds(source: str) -> None:
    assert holds(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("arguments.x == 1", "no key 'x'"),
        ("arguments.amount.y == 1", "int has no field 'y'"),
        ('attributes["none"] == 1', "no key 'none'"),
        ("arguments[tool.name] == 1", "no such key"),
        ("arguments.to[1] == 1", "the list has no item at this position"),
        ("arguments.to[-1] == 1", "the list has no item at this position"),
        ('arguments.to["a"] == 1', "the position in a list is not an int"),
        ("arguments.amount > 'a'", "'>' is not defined for int and text"),
        ("arguments.amount * 1.5 > 1.0", "'*' is not defined for int and double"),
        ("arguments.amount + 9223372036854775807 > 1", "an integer overflows"),
        ("arguments.amount / 0 > 1", "division by zero"),
        ("arguments.amount % 0 > 1", "remainder by zero"),
        ("int(arguments.note) > 1", "a text is not an int"),
        ("double(arguments.note) > 1.0", "a text is not a double"),
        ("int('9223372036854775808') > 1", "a text is not an int"),
        ("arguments.amount", "the condition's value is not a bool but int"),
        ("arguments.amount && true", "'&&' is not defined for int"),
        ("arguments.amount ? true : false", "'?:' is not defined for int"),
        ("arguments.amount.matches('a')", "'matches' is not defined for int"),
        ("tool.name.matches(arguments.note + '(')", "a pattern from data is not a regular expression"),
        ("arguments.note.exists(i, true)", "'exists' is not defined for text"),
        ("[1, 2].all(i, arguments.x == i)", "no key 'x'"),
    ],
)
def test_it_has_no_value_and_the_reason_holds_no_content(source: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        holds(source)
    assert str(caught.value) == message


@pytest.mark.parametrize("arguments", ['{"amount": 1}', {"amount": 1}])
def test_arguments_may_be_a_map_or_the_json_text_of_one(arguments: Any) -> None:
    assert holds("arguments.amount == 1", arguments)


@pytest.mark.parametrize("arguments", [None, "", "  "])
def test_arguments_that_are_not_given_are_an_empty_map(arguments: Any) -> None:
    assert holds("!has(arguments.x) && size(arguments) == 0", arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{", "the arguments are not valid JSON"),
        ("[" * 100_000, "the arguments are not valid JSON"),
        ("[1]", "the arguments are not a map"),
        (5, "the arguments are not a map"),
        ({"x": 2**63}, "an integer does not fit into 64 bits"),
        ({"x": object()}, "a value is of a kind that conditions do not know"),
    ],
)
def test_arguments_that_cannot_be_read_are_an_error(arguments: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        holds("arguments.x == 1", arguments)
    assert str(caught.value) == message


def test_content_is_text_and_messages_are_their_texts_line_by_line() -> None:
    messages = [{"role": "user", "content": "hello"}, {"content": [{"text": "world"}]}]
    assert holds(
        "input == 'user\\nhello\\nworld' && output == '' && result == 'ok'", input=messages, result="ok"
    )


def test_content_that_contains_itself_is_an_error() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(EvaluationError) as caught:
        holds("input == ''", input=loop)
    assert str(caught.value) == "the content is too large or nests too deeply"


def test_parameters_are_constants_of_the_condition() -> None:
    params = {"allowed": ["gpt-4o"], "deep": {"max": 700}, "mixed": ["x", 700]}
    assert holds("model.request in params.allowed && has(params.deep) && !has(params.x)", params=params)
    assert holds("arguments.amount <= params.deep.max && arguments.amount in params['mixed']", params=params)


def test_quantifiers_look_at_a_bounded_number_of_items() -> None:
    numbers = list(range(200))
    with pytest.raises(EvaluationError) as caught:
        holds("arguments.n.all(a, arguments.n.all(b, a + b >= 0))", {"n": numbers})
    assert str(caught.value) == "its quantifiers looked at more than 10000 items"


def test_a_text_that_utf8_cannot_hold_does_not_break_patterns() -> None:
    assert holds("arguments.t.matches('b$') && arguments.t.size() == 3", {"t": "a\ud800b"})


def test_subclasses_of_plain_types_count_as_what_they_are() -> None:
    class Loud(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = str.__hash__

    assert holds("arguments.t == 'x'", {"t": Loud("x")})


@pytest.mark.parametrize(
    ("source", "offset", "message"),
    [
        ("", 0, "the condition is empty"),
        ("tool.name ==", 12, "expected a value, found the end"),
        ("true true", 5, "expected the end, found 'true'"),
        ("true and false", 5, "expected the end, found 'and'; write '&&'"),
        ("not true", 4, "expected the end, found 'true'; for 'not' write '!'"),
        ("tool.name = 'x'", 10, "unexpected character '='; '==' compares"),
        ("true & false", 5, "unexpected character '&'; '&&' is and"),
        ("'x", 0, "this text has no closing quote"),
        (r"'\d' == ''", 1, r"unknown escape '\d'; write r'...' for a pattern"),
        (r"'\ud800' == ''", 1, r"'\ud800' is not a character"),
        ("{'a': 1}", 0, "unexpected character '{'; maps are not in the profile"),
        ("(true", 5, "expected ')', found the end"),
        ("[1, 2", 5, "expected ',' or ']', found the end"),
        ("9223372036854775808 > 1", 0, "this integer does not fit into 64 bits"),
        ("tool.nmae == 'x'", 0, "unknown name 'tool.nmae'; did you mean 'tool.name'?"),
        ("tool == 'x'", 0, "'tool' is not a value; there is tool.call_id, tool.name, tool.type"),
        (
            "1 < 2.0",
            2,
            (
                "'<' is not defined for int and double; "
                "int and double do not mix: write double(...) around the int"
            ),
        ),
        ("tool.name == 1", 10, "'==' is not defined for text and int"),
        ("1 in ['a']", 2, "'in' is not defined for int and list of text"),
        ("tool.name.size", 10, "text has no field 'size'"),
        ("tool.name && true", 10, "'&&' joins conditions, but one is of type text"),
        ("tool.name ? true : false", 10, "'?' chooses by a condition, but this is of type text"),
        ("(true ? 1 : 'a') == 1", 6, "'?:' gives int or text; both must be of one type"),
        ("usage.input_tokens", 0, "a condition is true or false, but this is of type int"),
        ("has(tool.name)", 9, "'tool.name' is always there; it is empty or 0 when unset: compare it"),
        ("has(1)", 0, "'has' takes one field, such as has(arguments.amount)"),
        (
            "lower(tool.name) == 'x'",
            0,
            "there is no function 'lower' here; write matches('(?i)...') to compare whatever the case",
        ),
        (
            "tool.name.startswith('x')",
            10,
            "there is no function 'startswith' here; did you mean 'startsWith'?",
        ),
        (
            "[1].map(i, i) == []",
            4,
            (
                "'map' is not in the profile; "
                "there is startsWith, endsWith, contains, matches, size, exists, all"
            ),
        ),
        ("size(1, 2) == 1", 0, "'size' cannot take 2 values"),
        ("[1].exists(true, true)", 11, "'true' cannot be the name of a variable"),
        ("tool.name.exists(i, true)", 10, "'exists' needs a list or a map, not text"),
        ("tool.name.matches('(')", 10, "not a regular expression of RE2: missing ): ("),
        (
            "tool.name.matches('(?=a)')",
            10,
            (
                "not a regular expression of RE2: invalid perl operator: (?=; "
                "RE2 has no lookaround and no backreferences"
            ),
        ),
        ("attr(tool.name, 1) == 1", 0, "the key of 'attr' is a text that is written out"),
        ("attr('x') == 1", 0, '\'attr\' takes a key and a default, as in attr("http.route", "")'),
        ("arguments.in == 1", 10, "'in' is reserved; write [\"in\"] for a key of that name"),
        ("for == 1", 0, "'for' is reserved and cannot be a name"),
        ("(" * 40 + "true" + ")" * 40, 33, "the condition nests deeper than 32 levels"),
        (
            "1" + "+1" * 300 + " > 0",
            499,
            "the condition has more than 500 parts; split it into several policies",
        ),
        (
            "tool.name == '" + "x" * 4096 + "'",
            0,
            "the condition is longer than 4096 bytes; split it into several policies",
        ),
    ],
)
def test_a_condition_outside_the_profile_is_refused_with_its_place(
    source: str, offset: int, message: str
) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(source, environment({}))
    assert (caught.value.offset, str(caught.value)) == (offset, message)


class Spent:
    """A state that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def trust_score(self, attributes: Any) -> int:
        self.asked += 1
        return 405

    def cost_usd(self, per: str, attributes: Any) -> float:
        self.asked += 1
        return {"conversation": 1.5, "agent": 20.0}[per]

    def tokens(self, per: str, attributes: Any) -> int:
        self.asked += 1
        return {"conversation": 7, "agent": 8}[per]


@pytest.mark.parametrize(
    "source",
    [
        "trust.score == 405 && trust.score < 500",
        "conversation.cost_usd > 1.0 && agent.cost_usd == 20.0",
        "conversation.tokens + 1 == agent.tokens",
    ],
)
def test_what_was_before_is_asked_of_the_state(source: str) -> None:
    facts = Facts(Operation("tool.before"), Spent())
    assert compile_condition(source, environment({})).holds(facts)


def test_what_was_before_is_asked_only_where_it_is_needed_and_once() -> None:
    spent = Spent()
    facts = Facts(Operation("tool.before"), spent)
    condition = compile_condition("tool.name == 'x' && trust.score > 0", environment({}))
    assert not condition.holds(facts)
    assert spent.asked == 0
    assert compile_condition("trust.score > 0 && trust.score < 1000", environment({})).holds(facts)
    assert spent.asked == 1


def test_what_was_before_is_an_error_where_nobody_knows() -> None:
    with pytest.raises(EvaluationError) as caught:
        holds("trust.score > 0")
    assert str(caught.value) == "'trust.score' is not known here"


@pytest.mark.parametrize(
    ("source", "screened", "settled"),
    [
        ("tool.name == 'x'", True, True),
        ("tool.name in params.names && environment != 'prod'", True, True),
        ("tool.name == 'x' && arguments.amount > 5", True, False),
        ("(tool.name == 'x' && arguments.a > 5) || (tool.name == 'y' && arguments.b > 5)", True, False),
        ("tool.name == 'x' || arguments.amount > 5", False, False),
        ("conversation.id == 'x' && trust.score > 5", False, False),
        ("[1].exists(i, i == 1)", True, True),
        ("arguments.to.exists(t, t == 'x')", False, False),
        ("attr('gen_ai.tool.name', '') == 'x'", False, False),
    ],
)
def test_a_condition_is_screened_by_what_it_asks_of_names_alone(
    source: str, screened: bool, settled: bool
) -> None:
    condition = compile_condition(source, environment({"names": ["x"]}))
    assert (condition.screen is not None, condition.settled) == (screened, settled)


def test_what_is_known_beforehand_is_computed_beforehand() -> None:
    part = compile_condition("double(params.max) * 2.0 > 5.0", environment({"max": 3}))
    assert part.settled
    assert part.holds(None) is True
