"""Every mistake in a policy file: its line, its column, its exact words."""

from __future__ import annotations

import pytest

from promethios.governance.policies import PolicyError, parse_bundle

HEAD = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: test, version: "1"}
spec:
  policies:
"""
GOOD = """\
    - id: good
      severity: low
      on: [tool.before]
      match: {tool: [x]}
      action: flag
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_bundle(text, "p.yaml")
    return [line.removeprefix("p.yaml:") for line in str(caught.value).splitlines()]


def policy(**changes: str | None) -> str:
    """A bundle with one policy, some of whose keys are written otherwise (or, with None, left out)."""
    keys: dict[str, str | None] = {
        "id": "p",
        "severity": "low",
        "on": "[tool.before]",
        "match": "{tool: [x]}",
        "action": "flag",
    }
    keys.update(changes)
    written = [f"{key}: {value}" for key, value in keys.items() if value is not None]
    return HEAD + "    - " + "\n      ".join(written) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: the file is empty; a bundle begins with 'apiVersion: promethios.dev/v1alpha1'"),
        ("a: [1", "1:6: this is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c", "1:5: this is not YAML: mapping values are not allowed here"),
        ("\t- a", "1:1: this is not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2", "2:1: this is not YAML: but found another document"),
        ("- " * 3000, "1:1: the file nests deeper than 16 levels"),
        ("x" * (2**20 + 1), "1:1: the file is longer than 1048576 characters"),
    ],
)
def test_a_text_that_is_no_document_is_refused_with_its_place(text: str, message: str) -> None:
    assert mistakes(text) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", "1:1: the bundle must be a map, not a whole number"),
        ("kind: PolicySet", "1:1: the bundle has no 'apiVersion'"),
        (
            HEAD.replace("v1alpha1", "v1") + GOOD,
            (
                "1:13: 'apiVersion' is 'promethios.dev/v1', but must be one of promethios.dev/v1alpha1; "
                "did you mean 'promethios.dev/v1alpha1'?"
            ),
        ),
        (
            HEAD.replace("PolicySet", "Policy") + GOOD,
            "2:7: 'kind' is 'Policy', but must be one of PolicySet; did you mean 'PolicySet'?",
        ),
        (
            HEAD.replace('"1"', "1") + GOOD,
            "3:33: 'version' must be text, not a whole number; put it in quotes",
        ),
        (HEAD.replace('"1"', "1.5") + GOOD, "3:33: 'version' must be text, not a number; put it in quotes"),
        (HEAD.replace("name: test, ", "") + GOOD, "3:11: 'metadata' has no 'name'"),
        (
            HEAD.replace("spec", "specs") + GOOD,
            "4:1: unknown key 'specs' in the bundle; did you mean 'spec'?",
        ),
        (
            HEAD + GOOD + "  extends: [x]\n",
            "11:13: 'x' is relative to a file, and this text is in none; load it from a file",
        ),
        (
            HEAD.replace("  policies:\n", "  policies: []\n"),
            "5:13: 'policies' must be a list with at least one value",
        ),
        (
            HEAD.replace("  policies:\n", "  policies: {}\n"),
            "5:13: 'policies' must be a list with at least one value, not a map",
        ),
        (HEAD + GOOD + GOOD, "11:7: policy 'good' is already given in line 6"),
        (HEAD + "    - 5\n", "6:7: policy 1 must be a map, not a whole number"),
        (
            HEAD + GOOD + "  defaults: {onError: redact}\n",
            "11:23: 'onError' is 'redact', but must be one of allow, flag, approve, block",
        ),
        (
            HEAD + GOOD + "  defaults: {mod: shadow}\n",
            "11:14: unknown key 'mod' in 'defaults'; did you mean 'mode'?",
        ),
    ],
)
def test_a_mistake_in_the_bundle_names_its_place_and_what_to_do(text: str, message: str) -> None:
    assert message in mistakes(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": None}, "6:7: policy 1 has no 'id'"),
        ({"id": "a b"}, "6:11: the id 'a b' may have letters, digits, '.', '_' and '-' only, 128 at most"),
        ({"id": "5"}, "6:11: 'id' must be text, not a whole number; put it in quotes"),
        ({"id": '""'}, "6:11: 'id' must be text, not empty"),
        ({"severity": None}, "6:7: policy 'p' has no 'severity'"),
        (
            {"severity": "hihg"},
            (
                "7:17: 'severity' is 'hihg', but must be one of low, medium, high, critical; did "
                "you mean 'high'?"
            ),
        ),
        (
            {"on": "[tool.befor]"},
            (
                "8:12: 'on' is 'tool.befor', but must be one of agent.before, agent.after, "
                "model.before, model.after, tool.before, tool.after, response; did you mean 'tool.before'?"
            ),
        ),
        (
            {"on": "tool.before"},
            "8:11: 'on' must be a list with at least one value, not text; write [tool.before]",
        ),
        ({"on": "[]"}, "8:11: 'on' must be a list with at least one value"),
        (
            {"action": "allow"},
            "10:15: 'action' is 'allow', but must be one of flag, redact, approve, block",
        ),
        (
            {"action": "deny"},
            "10:15: 'action' is 'deny', but must be one of flag, redact, approve, block; 'block' does that",
        ),
        (
            {"action": "block"},
            (
                "10:15: policy 'p' blocks and does not say what happens when it cannot be evaluated; "
                "add 'onError: block' (stop the operation) or 'onError: flag' (let it go on)"
            ),
        ),
        (
            {"action": "redact"},
            "10:15: the action 'redact' needs 'detect'; what is detected is what is redacted",
        ),
        (
            {"onError": "redact"},
            "11:16: 'onError' is 'redact', but must be one of allow, flag, approve, block",
        ),
        (
            {"mode": "dry-run"},
            "11:13: 'mode' is 'dry-run', but must be one of enforce, shadow; 'shadow' does that",
        ),
        (
            {"match": None},
            "6:7: policy 'p' has no 'match', 'detect', 'when', 'limit' or 'after'; it needs one",
        ),
        ({"wehn": "x"}, "11:7: unknown key 'wehn' in policy 'p'; did you mean 'when'?"),
        ({"controls": "[1]"}, "11:18: 'controls' must be text, not a whole number; put it in quotes"),
        # match
        ({"match": "{}"}, "9:14: 'match' is empty; leave it out to mean every operation"),
        ({"match": "{tools: [x]}"}, "9:15: unknown key 'tools' in 'match'; did you mean 'tool'?"),
        ({"match": "[x]"}, "9:14: 'match' must be a map, not a list"),
        ({"match": "{tool: [[x]]}"}, "9:22: 'tool' must be text, not a list"),
        (
            {"match": "{attributes: {a: {b: c}}}"},
            "9:31: 'a' must be text, a number, true or false, not a map",
        ),
        # detect
        ({"limit": "1"}, "11:14: 'limit' must be a map, not a whole number"),
        ({"detect": "{}"}, "11:15: 'detect' has no 'any'"),
        (
            {"detect": "{any: [secrets.*]}"},
            "11:22: there is no detector 'secrets.*'; did you mean 'secret.*'?",
        ),
        (
            {"detect": "{any: [zzz]}"},
            "11:22: there is no detector 'zzz'; there is injection.*, pii.*, secret.*",
        ),
        (
            {"detect": "{in: [inputs], any: [pii.*]}"},
            (
                "11:21: 'in' is 'inputs', but must be one of input, output, arguments, result, "
                "tool.arguments, tool.result; did you mean 'input'?"
            ),
        ),
        (
            {"detect": "{in: [input], any: [pii.*]}"},
            "11:21: there is no 'input' at tool.before; there is arguments",
        ),
        (
            {"detect": "{any: [pii.*], plugins: [x]}"},
            "11:30: unknown key 'plugins' in 'detect'; there is in, any",
        ),
        # limit
        (
            {"limit": "{of: cost, max: -0.5, per: agent}"},
            "11:30: 'max' must be a number, 0 or more",
        ),
        (
            {"limit": "{of: cost, max: .inf, per: agent}"},
            "11:30: 'max' must be a number, 0 or more; 1e+12 at most",
        ),
        (
            {"limit": "{of: cost, max: 1, per: tool}"},
            (
                "11:38: cost is not counted per tool; "
                "a model costs money: count per conversation, agent or tenant"
            ),
        ),
        (
            {"limit": "{of: call, max: 1, per: agent}"},
            "11:19: 'of' is 'call', but must be one of calls, tokens, cost; did you mean 'calls'?",
        ),
        ({"limit": "{of: calls, max: -1, per: agent}"}, "11:31: 'max' must be a whole number, 0 or more"),
        ({"limit": "{of: calls, max: 1.5, per: agent}"}, "11:31: 'max' must be a whole number, 0 or more"),
        ({"limit": "{of: calls, max: 1}"}, "11:14: 'limit' has no 'per'"),
        (
            {"limit": "{of: tokens, max: 1, per: tool}"},
            "11:40: tokens are not counted per tool; a model uses them: count per conversation or agent",
        ),
        (
            {"limit": "{of: calls, max: 1, per: tool}", "on": "[tool.before, model.before]"},
            "11:39: at model.before there is no tool to count; use tool.before",
        ),
        (
            {"limit": "{of: calls, max: 1, per: agent}", "on": "[response]"},
            "11:19: a response is no call; use model.before or agent.before",
        ),
        (
            {"limit": "{of: calls, max: 1, per: agent, window: 8d}"},
            "11:54: 'window' must be a time such as 30s, 10m, 6h or 7d, 7d at most",
        ),
        (
            {"limit": "{of: calls, max: 1, per: agent, window: 60}"},
            "11:54: 'window' must be a time such as 30s, 10m, 6h or 7d, 7d at most",
        ),
        (
            {"limit": "{of: calls, max: 1, per: team}"},
            (
                "11:39: 'per' is 'team', but must be one of conversation, agent, tool, tenant; "
                "did you mean 'tenant'?"
            ),
        ),
        # match, after and weight
        (
            {"on": "[model.before]"},
            "9:15: at model.before there is no tool; use tool.before or tool.after",
        ),
        ({"after": "5"}, "11:14: 'after' must be a map, not a whole number"),
        ({"after": "{match: {tool: y}}"}, "11:14: 'after' has no 'per'"),
        (
            {"after": "{match: {tool: y}, per: tool}"},
            "11:38: 'per' is 'tool', but must be one of conversation, agent, tenant",
        ),
        ({"after": "{per: agent}"}, "11:14: 'after' does not say what comes first; add 'match' or 'on'"),
        (
            {"after": "{match: {tool: y}, per: agent, within: soon}"},
            "11:53: 'within' must be a time such as 30s, 10m, 6h or 7d, 7d at most",
        ),
        (
            {"after": "{match: {tol: y}, per: agent}"},
            "11:23: unknown key 'tol' in 'match'; did you mean 'tool'?",
        ),
        ({"after": "{math: {}, per: agent}"}, "11:15: unknown key 'math' in 'after'; did you mean 'match'?"),
        (
            {"after": "{match: {tool: y}, on: [model.before], per: agent}"},
            "11:23: at model.before there is no tool; use tool.before or tool.after",
        ),
        (
            {"after": "{match: {tool: y, model: z}, per: agent}"},
            "11:22: no operation has a tool and a model; write two policies, or say the points with 'on'",
        ),
        (
            {"after": "{on: [agent.before], per: agent}"},
            (
                "11:19: everything comes after the start of its agent, so that this always holds; "
                "add 'match', such as match: {agent: [researcher]}"
            ),
        ),
        (
            {"match": None, "on": "[response]", "after": "{match: {agent: y}, per: agent}"},
            "10:14: 'after' does not say at which points; add 'on', such as on: [tool.before]",
        ),
        ({"weight": "-1"}, "11:15: 'weight' must be a number, 0 or more"),
        ({"weight": "101"}, "11:15: 'weight' must be a number, 0 or more; 100 at most"),
        ({"weight": "high"}, "11:15: 'weight' must be a number, 0 or more"),
        ({"weight": ".nan"}, "11:15: 'weight' must be a number, 0 or more"),
        # when, params and message
        ({"when": "tool.nam == 'x'"}, "11:13: 'when': unknown name 'tool.nam'; did you mean 'tool.name'?"),
        ({"when": "true"}, "11:13: 'when' must be text, not true or false; put it in quotes"),
        ({"when": "tool.name"}, "11:13: 'when': a condition is true or false, but this is of type text"),
        ({"when": "'tool.name > 3'"}, "11:24: 'when': '>' is not defined for text and int"),
        ({"when": "params.x > 1", "params": "{y: 1}"}, "11:20: 'when': no key 'x'; add it to 'params'"),
        (
            {"when": '"tool.name ==\\n 3"'},
            "11:13: 'when': '==' is not defined for text and int (at character 11)",
        ),
        ({"params": "5"}, "11:15: 'params' must be a map, not a whole number"),
        ({"params": "{x: 9223372036854775808}"}, "11:19: this integer does not fit into 64 bits"),
        ({"message": "got ${arguments.x}"}, "11:20: 'arguments.x' may carry content, and a message must not"),
        ({"message": "got ${input}"}, "11:20: 'input' may carry content, and a message must not"),
        ({"message": "got ${attributes}"}, "11:20: 'attributes' may carry content, and a message must not"),
        (
            {"message": "got ${tool.nam}"},
            "11:20: unknown name 'tool.nam' in the message; did you mean 'tool.name'?",
        ),
        (
            {"message": "got ${params.x}"},
            "11:20: unknown name 'params.x' in the message; it is not under 'params'",
        ),
        (
            {"message": "got ${tool.name"},
            "11:20: '${' has no closing '}'; write '$${' for the characters themselves",
        ),
    ],
)
def test_a_mistake_in_a_policy_names_its_place_and_what_to_do(
    changes: dict[str, str | None], message: str
) -> None:
    assert message in mistakes(policy(**changes))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("detectors: 5", "11:14: 'detectors' must be a list with at least one value, not a whole number"),
        ("detectors: [5]", "11:15: detector 1 must be a map, not a whole number"),
        ("detectors: [{id: custom.x}]", "11:15: detector 1 has no 'pattern'"),
        (
            "detectors: [{id: mine.x, pattern: y}]",
            (
                "11:20: the id 'mine.x' must be 'custom.' and then letters, digits and '_'; "
                "such as custom.employee_number; the other groups are built in"
            ),
        ),
        (
            "detectors: [{id: custom.x, pattern: y}, {id: custom.x, pattern: z}]",
            "11:43: detector 'custom.x' is given twice",
        ),
        (
            "detectors: [{id: custom.x, pattern: '('}]",
            "11:39: not a regular expression of RE2: missing ): (",
        ),
        (
            "detectors: [{id: custom.x, pattern: 'a(?=b)'}]",
            (
                "11:39: not a regular expression of RE2: invalid perl operator: (?=; "
                "RE2 has no lookaround and no backreferences"
            ),
        ),
        (
            "detectors: [{id: custom.x, pattern: '(a)(b)'}]",
            "11:39: the pattern has more than one group; the group is what is found; write (?:...)",
        ),
        (
            "detectors: [{id: custom.x, pattern: 'a*'}]",
            ("11:39: the pattern can match the empty text; anything would be found: write + for *, no '?'"),
        ),
        (
            "detectors: [{id: custom.x, pattern: '\\b'}]",
            ("11:39: the pattern can match the empty text; anything would be found: write + for *, no '?'"),
        ),
        (
            "detectors: [{id: custom.x, pattern: '(?:a{1000}){1000}'}]",
            "11:39: not a regular expression of RE2: invalid repetition size: {1000}",
        ),
        (
            "detectors: [{id: custom.x, pattern: '(?:\\pL{100}){9}'}]",
            "11:39: the pattern needs too much memory; make its repetitions smaller",
        ),
        (
            f"detectors: [{{id: custom.x, pattern: '{'x' * 1001}'}}]",
            "11:39: the pattern is longer than 1000 characters",
        ),
        ("prices: 5", "11:11: 'prices' must be a map, not a whole number"),
        ("prices: {m: {input: 1}}", "11:15: the price of 'm' has no 'output'"),
        (
            "prices: {m: {input: -1, output: 1}}",
            "11:23: 'input' must be US dollars for a million tokens, 0 or more",
        ),
        (
            "prices: {m: {input: 1, output: free}}",
            "11:34: 'output' must be US dollars for a million tokens, 0 or more",
        ),
        (
            "prices: {m: {inputs: 1, output: 1}}",
            "11:16: unknown key 'inputs' in the price of 'm'; did you mean 'input'?",
        ),
        ("prices: {'': {input: 1, output: 1}}", "11:12: the name of a model is empty"),
        (
            "defaults: {placeholders: random}",
            "11:28: 'placeholders' is 'random', but must be one of plain, stable",
        ),
        ("extends: []", "11:12: 'extends' must be a list with at least one value"),
        ("extends: [5]", "11:13: 'extends' must be text, not a whole number; put it in quotes"),
        (
            "overrides: [{id: good, mode: shadow}]",
            "11:20: there is no policy 'good' to change; only policies of 'extends' can be changed here",
        ),
    ],
)
def test_a_mistake_beside_the_policies_names_its_place_and_what_to_do(written: str, message: str) -> None:
    assert message in mistakes(HEAD + GOOD + f"  {written}\n")


def test_a_bundle_brings_at_most_a_hundred_detectors() -> None:
    many = "".join(f"    - {{id: custom.x{number}, pattern: x}}\n" for number in range(101))
    assert mistakes(HEAD + GOOD + f"  detectors:\n{many}") == [
        "112:7: a bundle has at most 100 detectors of its own"
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{tool: &a [x]}", "9:21: anchors and aliases are not supported; write the value out"),
        ("{tool: !!set [x]}", "9:21: tag 'tag:yaml.org,2002:set' is not supported; write a plain value"),
        (
            "{tool: !!python/name:os.system x}",
            "9:21: tag 'tag:yaml.org,2002:python/name:os.system' is not supported; write a plain value",
        ),
        ("{tool: [x], tool: [y]}", "9:26: 'tool' is already given in line 9"),
        ("{<<: {tool: [x]}}", "9:15: merge keys are not supported; write the values out"),
        ("{5: [x]}", "9:15: a key must be text; put it in quotes"),
        ("{tool: " + "[" * 20 + "]" * 20 + "}", "9:33: this nests deeper than 16 levels"),
    ],
)
def test_yaml_that_would_construct_or_expand_is_refused(written: str, message: str) -> None:
    assert message in mistakes(policy(match=written))


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_its_lines() -> None:
    text = policy(severity="hihg", on="[tool.befor]", action="deny", mode="x")
    assert [line.split(":")[0] for line in mistakes(text)] == ["7", "8", "10", "11"]


def test_problems_are_also_there_as_values() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_bundle(policy(mode="shado"))
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (11, 13)
    assert problem.message == "'mode' is 'shado', but must be one of enforce, shadow"
    assert problem.hint == "did you mean 'shadow'?"
    assert caught.value.source == "<string>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"when": "model.name == 'x'"},
            (
                "11:13: 'when': unknown name 'model.name'; there is model.max_tokens, model.provider, "
                "model.request, model.response"
            ),
        ),
        (
            {"when": "tool.arguments.amount > 5.0"},
            "11:13: 'when': unknown name 'tool.arguments.amount'; did you mean 'arguments.amount'?",
        ),
        ({"when": "output.contains('x')"}, "11:13: 'when': there is no 'output' at tool.before"),
        ({"when": '"True"'}, "11:14: 'when': unknown name 'True'; write true"),
        (
            {"when": "tool.name.matches('\\bx')"},
            "11:23: 'when': the pattern has a backspace in it; '\\b' is one in a text: write r'...'",
        ),
        ({"match": "{attributes: {}}"}, "9:27: 'attributes' is empty; leave it out to mean every operation"),
        (
            {"limit": f"{{of: calls, per: tool, max: {'9' * 5000}}}"},
            "this number cannot be read; write it in decimal digits",
        ),
        ({"message": "${model.requst}"}, "did you mean 'model.request'?"),
    ],
)
def test_what_people_write_first_is_answered_with_what_to_write(
    changes: dict[str, str], message: str
) -> None:
    assert any(message in told for told in mistakes(policy(**changes)))


def test_a_pattern_in_double_quotes_is_sent_to_single_quotes() -> None:
    escape = mistakes(HEAD + GOOD + '  detectors: [{id: custom.x, pattern: "EMP-\\d"}]\n')
    assert escape[0].endswith("in double quotes '\\' begins an escape: write patterns in single quotes")
    boundary = mistakes(HEAD + GOOD + '  detectors: [{id: custom.x, pattern: "\\bEMP"}]\n')
    assert boundary == [
        (
            "11:39: the pattern has a backspace in it; in double quotes '\\b' is one, and no word's "
            "boundary: write the pattern in single quotes"
        )
    ]
