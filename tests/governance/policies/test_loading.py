"""What a good policy file becomes, wherever it is read from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from promethios.governance.decision import Verdict
from promethios.governance.detectors import DETECTORS
from promethios.governance.policies import Bundle, PolicyError, load_bundle, parse_bundle

TEXT = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: payments, version: "2026.11.2", owner: security@example.com}
spec:
  defaults: {mode: shadow, onError: block}
  policies:
    - id: models
      severity: high
      controls: [EU-AI-Act/Art.15]
      on: [model.before]
      match: {attributes: {deployment.environment.name: prod}}
      params: {allowed: [gpt-4o]}
      when: '!(model.request in params.allowed)'
      action: block
      message: "'${model.request}' is not allowed"
    - id: secrets
      severity: critical
      on: [model.before, tool.before]
      detect: {in: [input, tool.arguments], any: ["secret.*", pii.card]}
      action: redact
      mode: enforce
      onError: allow
    - id: calls
      severity: low
      on: [tool.before]
      limit: {of: calls, max: 5, per: tool, window: 10m}
      action: flag
"""


@pytest.fixture
def bundle() -> Bundle:
    return parse_bundle(TEXT, "p.yaml")


def test_a_bundle_is_identified_by_name_version_and_the_hash_of_its_text(bundle: Bundle) -> None:
    assert bundle.id.name == "payments"
    assert bundle.id.version == "2026.11.2"
    assert bundle.id.hash == hashlib.sha256(TEXT.encode()).hexdigest()
    assert bundle.owner == "security@example.com"


def test_policies_take_the_defaults_of_the_bundle_unless_they_say_otherwise(bundle: Bundle) -> None:
    models, secrets, _ = bundle.policies
    assert (models.mode, models.on_error) == ("shadow", Verdict.BLOCK)
    assert (secrets.mode, secrets.on_error) == ("enforce", Verdict.ALLOW)


def test_patterns_of_detectors_are_resolved_when_a_bundle_is_read(bundle: Bundle) -> None:
    detect = bundle.policies[1].detect
    assert detect is not None
    assert detect.fields == ("input", "arguments")
    assert detect.detectors == {name for name in DETECTORS if name.startswith("secret.")} | {"pii.card"}


def test_detection_looks_everywhere_that_the_points_allow_if_not_told_where() -> None:
    text = TEXT.replace("in: [input, tool.arguments], ", "")
    detect = parse_bundle(text).policies[1].detect
    assert detect is not None
    assert detect.fields == ("input", "arguments")


def test_a_limit_has_its_window_in_seconds(bundle: Bundle) -> None:
    limit = bundle.policies[2].limit
    assert limit is not None
    assert (limit.of, limit.max, limit.per, limit.window) == ("calls", 5, "tool", 600.0)


def test_a_policy_tells_which_part_of_it_speaks(bundle: Bundle) -> None:
    assert [policy.rule for policy in bundle.policies] == ["when", "detect", "limit"]


def test_without_defaults_a_policy_is_enforced_and_flags_what_it_cannot_evaluate() -> None:
    text = TEXT.replace("  defaults: {mode: shadow, onError: block}\n", "").replace(
        "action: block", "action: flag"
    )
    policy = parse_bundle(text).policies[0]
    assert (policy.mode, policy.on_error) == ("enforce", Verdict.FLAG)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert load_bundle(path).id == load_bundle(str(path)).id == parse_bundle(TEXT).id


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(PolicyError) as caught:
        load_bundle(path)
    assert str(caught.value) == f"{path}:1:1: the file cannot be read: No such file or directory"


def test_a_file_that_is_not_utf8_is_an_error_that_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"owner: M\xfcller")
    with pytest.raises(PolicyError) as caught:
        load_bundle(path)
    assert str(caught.value) == f"{path}:1:1: the file is not UTF-8: byte 8 is wrong"


def test_the_library_has_a_baseline_that_loads() -> None:
    bundle = load_bundle("promethios:baseline")
    assert bundle.id.name == "promethios-baseline"
    assert {policy.action for policy in bundle.policies} == {Verdict.REDACT, Verdict.FLAG}


def test_a_bundle_that_the_library_does_not_have_is_an_error_that_names_those_it_has() -> None:
    with pytest.raises(PolicyError) as caught:
        load_bundle("promethios:basline")
    assert str(caught.value) == (
        "promethios:basline:1:1: the library has no such bundle; there is promethios:baseline, "
        "promethios:budgets, promethios:owasp-agentic, promethios:pii, promethios:secrets, promethios:tools"
    )


def test_words_that_older_yaml_takes_for_bools_are_text() -> None:
    text = TEXT.replace("{allowed: [gpt-4o]}", "{allowed: [on, off, yes, no]}")
    assert parse_bundle(text).policies[0].params == {"allowed": ["on", "off", "yes", "no"]}


def test_numbers_are_read_as_yaml_1_2_writes_them() -> None:
    text = TEXT.replace("{allowed: [gpt-4o]}", "{allowed: [0x1F, 0o17, 1_000, 1e3, -.inf, 012, ~, TRUE]}")
    values = parse_bundle(text).policies[0].params["allowed"]
    assert values == [31, 15, 1000, 1000.0, float("-inf"), 12, None, True]


AFTER = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: a, version: "1"}
spec:
  policies:
    - {id: a, severity: low, on: %s, after: %s, action: flag}
"""


@pytest.mark.parametrize(
    ("on", "after", "points"),
    [
        ("[tool.before]", "{match: {tool: x}, per: agent}", ("tool.before",)),
        ("[model.before]", "{match: {tool: x}, per: agent}", ("tool.before",)),
        ("[tool.before]", "{match: {provider: x}, per: agent}", ("model.before",)),
        ("[model.after, tool.after]", "{match: {agent: x}, per: agent}", ("model.before", "tool.before")),
        ("[response]", "{match: {tool: x}, on: [tool.after], per: agent}", ("tool.after",)),
        ("[tool.before]", "{on: [tool.before], per: tenant}", ("tool.before",)),
    ],
)
def test_what_comes_first_is_decided_before_it_happens_unless_said_otherwise(
    on: str, after: str, points: tuple[str, ...]
) -> None:
    [policy] = parse_bundle(AFTER % (on, after)).policies
    assert policy.after is not None
    assert policy.after.on == points
    assert policy.rule == "after"


def test_a_sequence_has_its_time_in_seconds_and_without_one_looks_back_to_the_start() -> None:
    timed = parse_bundle(AFTER % ("[tool.before]", "{match: {tool: x}, within: 10m, per: agent}"))
    ever = parse_bundle(AFTER % ("[tool.before]", "{match: {tool: x}, per: agent}"))
    assert [bundle.policies[0].after and bundle.policies[0].after.within for bundle in (timed, ever)] == [
        600.0,
        None,
    ]


def test_a_detector_of_the_bundle_finds_its_group_or_all_of_its_pattern() -> None:
    text = (
        TEXT + "  detectors: [{id: custom.a, pattern: 'no: (\\d+)'}, {id: custom.b, pattern: 'EMP-\\d{6}'}]\n"
    )
    found = parse_bundle(text.replace('"secret.*"', '"custom.*"'))
    assert [each.patterns for each in found.detectors] == [(r"no: (\d+)",), (r"(EMP-\d{6})",)]
    detect = found.policies[1].detect
    assert detect is not None
    assert detect.detectors == {"custom.a", "custom.b", "pii.card"}


def test_a_group_that_holds_nothing_is_no_hit() -> None:
    [detector] = parse_bundle(TEXT + "  detectors: [{id: custom.a, pattern: 'x(y*)'}]\n").detectors
    assert detector.check("x", 1, 1) is None
    assert detector.check("xy", 1, 2) == (1, 2)


def test_weights_prices_and_costs_are_numbers() -> None:
    text = TEXT.replace("      action: flag\n", "      action: flag\n      weight: 0\n").replace(
        "{of: calls, max: 5, per: tool, window: 10m}", "{of: cost, max: 2, per: tenant}"
    )
    bundle = parse_bundle(text + "  prices: {gpt-9: {input: 1, output: 6.5}}\n")
    limit = bundle.policies[2].limit
    assert limit is not None
    assert (limit.of, limit.max, limit.per) == ("cost", 2.0, "tenant")
    assert [policy.weight for policy in bundle.policies] == [None, None, 0.0]
    assert {name: (each.input, each.output) for name, each in bundle.prices.items()} == {"gpt-9": (1.0, 6.5)}
    assert not bundle.stable_placeholders
