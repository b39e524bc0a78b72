"""The published schema accepts what the reader accepts, and refuses what it refuses for its shape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

import promethios.governance.policies
from promethios.governance.policies import (
    PolicyError,
    bundle_reader,
    detect_reader,
    overrides,
    parse_bundle,
    policy_reader,
    spec_readers,
    state_readers,
)
from promethios.governance.policies.cli import policies
from promethios.governance.policies.schema import schema
from promethios.governance.policies.sources import library

FOLDER = Path(promethios.governance.policies.__file__).parent
SHIPPED = FOLDER / "policyset.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(schema())
README = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)

HEAD = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: test, version: "1"}
spec:
  policies:
    - id: p
      severity: low
      on: [tool.before, model.before]
      match: {environment: prod}
      action: flag
"""


def valid(text: str) -> bool:
    document: Any = YAML(typ="safe", pure=True).load(text)
    return bool(VALIDATOR.is_valid(document))


def accepted(text: str) -> bool:
    try:
        parse_bundle(text)
    except PolicyError:
        return False
    return True


def test_it_is_a_schema_of_the_newest_draft() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_shipped_file_is_what_the_tables_make() -> None:
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == schema()


def test_the_command_prints_the_shipped_file() -> None:
    printed = CliRunner().invoke(policies, ["schema"])
    assert (printed.exit_code, printed.stdout) == (0, SHIPPED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", library())
def test_every_bundle_of_the_library_is_valid(name: str) -> None:
    text = (FOLDER / "library" / f"{name.partition(':')[2]}.yaml").read_text(encoding="utf-8")
    assert valid(text)


@pytest.mark.parametrize("text", [text for text in README if "kind: PolicySet" in text])
def test_every_bundle_of_the_reference_is_valid(text: str) -> None:
    assert valid(text)


@pytest.mark.parametrize(
    "more",
    [
        "limit: {of: cost, max: 0.5, per: tenant, window: 1d}",
        "limit: {of: tokens, max: 5, per: agent}",
        "after: {match: {tool: [a]}, within: 10m, per: conversation}",
        "after: {on: [tool.after], per: tenant}",
        "detect: {any: ['pii.*', secret.aws]}",
        "mode: shadow\n      onError: approve\n      weight: 0\n      controls: [x]\n      params: {a: [1]}",
        "when: 'true'",
        "message: 'x ${tool.name}'",
    ],
)
def test_what_the_reader_accepts_is_valid(more: str) -> None:
    text = f"{HEAD}      {more}\n"
    assert (accepted(text), valid(text)) == (True, True)


@pytest.mark.parametrize(
    "wrong",
    [
        ("PolicySet", "Policies"),
        ("v1alpha1", "v1"),
        ('"1"', "1"),
        ("metadata", "meta"),
        ("id: p", "id: 'a b'"),
        ("id: p", "name: p"),
        ("severity: low", "severity: hihg"),
        ("[tool.before, model.before]", "tool.before"),
        ("[tool.before, model.before]", "[tool.befor]"),
        ("[tool.before, model.before]", "[]"),
        ("action: flag", "action: allow"),
        ("action: flag", "action: block"),
        ("action: flag", "action: redact"),
        ("      match: {environment: prod}\n", ""),
        ("{environment: prod}", "{}"),
        ("{environment: prod}", "{tools: x}"),
        ("{environment: prod}", "{attributes: {a: {b: c}}}"),
        ("action: flag", "action: flag\n      weight: -1"),
        ("action: flag", "action: flag\n      detect: {}"),
        ("action: flag", "action: flag\n      detect: {in: [inputs], any: [pii.card]}"),
        ("action: flag", "action: flag\n      limit: {of: calls, max: 1.5, per: agent}"),
        ("action: flag", "action: flag\n      limit: {of: cost, max: -1, per: agent}"),
        ("action: flag", "action: flag\n      limit: {of: cost, max: 1, per: tool}"),
        ("action: flag", "action: flag\n      limit: {of: calls, max: 1, per: agent, window: 60}"),
        ("action: flag", "action: flag\n      after: {per: agent}"),
        ("action: flag", "action: flag\n      after: {match: {tool: x}, per: tool}"),
        ("action: flag", "action: flag\n  extends: []"),
        ("action: flag", "action: flag\n  prices: {m: {input: -1, output: 1}}"),
        ("action: flag", "action: flag\n  prices: {m: {input: 1}}"),
        ("action: flag", "action: flag\n  detectors: [{id: mine, pattern: x}]"),
        ("action: flag", "action: flag\n  detectors: [{id: custom.x}]"),
        ("action: flag", "action: flag\n  defaults: {placeholders: random}"),
        ("action: flag", "action: flag\n  overrides: [{id: p}]"),
        ("action: flag", "action: flag\n  overrides: [{disabled: true}]"),
    ],
    ids=lambda wrong: " ".join(wrong[1].split()),
)
def test_what_the_reader_refuses_for_its_shape_is_not_valid(wrong: tuple[str, str]) -> None:
    assert (accepted(HEAD), valid(HEAD)) == (True, True)
    text = HEAD.replace(*wrong)
    assert (accepted(text), valid(text)) == (False, False)


def test_no_key_of_the_reader_is_missing() -> None:
    parts = schema()
    policy = parts["$defs"]["policy"]["properties"]
    spec = parts["properties"]["spec"]["properties"]
    assert set(policy) == set(policy_reader.KEYS)
    assert set(spec) == set(bundle_reader.SPEC_KEYS)
    assert set(spec["defaults"]["properties"]) == set(spec_readers.DEFAULTS_KEYS)
    assert set(policy["detect"]["properties"]) == set(detect_reader.KEYS)
    assert set(policy["limit"]["properties"]) == set(state_readers.LIMIT_KEYS)
    assert set(parts["$defs"]["override"]["properties"]) == set(overrides.KEYS)
