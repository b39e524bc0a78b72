"""The language reference: its example runs and prints what it says, and nothing is missing from it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import promethios.governance.policies
from promethios.governance.conditions.aliases import ALIASES, CONTENT
from promethios.governance.conditions.facts import PAST
from promethios.governance.detectors import DETECTORS
from promethios.governance.operation import POINTS
from promethios.governance.policies import (
    bundle_reader,
    overrides,
    parse_bundle,
    policy_reader,
    spec_readers,
    state_readers,
)
from promethios.governance.policies.cases import parse_cases, run_case, step_reader
from promethios.governance.policies.cases.reader import CASE_KEYS
from promethios.governance.policies.matching import MATCHABLE
from promethios.governance.policies.sources import library

README = Path(promethios.governance.policies.__file__).with_name("README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policies.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    return tmp_path


def test_the_example_prints_what_it_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(blocks("python")[0], "README.md", "exec"), {})
    assert printed.getvalue() == blocks("text")[0]


def test_the_example_that_extends_others_can_be_used() -> None:
    bundle = parse_bundle(blocks("yaml")[1])
    found = {policy.id: policy for policy in bundle.policies}
    assert found["large-payments"].params == {"max_amount": 250}
    assert "destructive-sql" not in found
    assert found["exfiltration"].after is not None


def test_the_example_of_cases_passes(folder: Path) -> None:
    outcomes = [run_case(case) for case in parse_cases(blocks("yaml")[2], folder=folder)]
    assert [outcome.failures for outcome in outcomes] == [(), (), ()]


@pytest.mark.parametrize("name", library())
def test_every_ready_made_bundle_is_named(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize(
    "name",
    [
        *(
            *bundle_reader.BUNDLE_KEYS,
            *bundle_reader.METADATA_KEYS,
            *bundle_reader.SPEC_KEYS,
            *overrides.KEYS,
        ),
        *(*spec_readers.DEFAULTS_KEYS, *spec_readers.DETECTOR_KEYS, *spec_readers.PRICE_KEYS),
        *(
            *state_readers.LIMIT_KEYS,
            *state_readers.LIMIT_OF,
            *state_readers.LIMIT_PER,
            *state_readers.AFTER_KEYS,
        ),
        *(*step_reader.STEP_KEYS, *step_reader.OPERATION_KEYS, *step_reader.EXPECT_KEYS, *CASE_KEYS),
    ],
)
def test_every_key_is_explained(name: str) -> None:
    assert re.search(rf"`[^`\n]*(?<![\w-]){re.escape(name)}\b[^`\n]*`", README)


@pytest.mark.parametrize("name", [*policy_reader.KEYS, *POINTS, *ALIASES, *PAST, *CONTENT, *MATCHABLE])
def test_every_name_of_the_language_is_explained(name: str) -> None:
    assert re.search(rf"`[^`\n]*(?<![\w.]){re.escape(name)}\b[^`\n]*`", README)


@pytest.mark.parametrize("group", sorted({name.split(".")[0] for name in DETECTORS}))
def test_every_group_of_detectors_is_named(group: str) -> None:
    assert f"`{group}.*`" in README
