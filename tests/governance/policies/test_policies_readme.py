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
from promethios.governance.policies import policy_reader
from promethios.governance.policies.matching import MATCHABLE

README = Path(promethios.governance.policies.__file__).with_name("README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policies.yaml").write_text(block("yaml"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("python"), "README.md", "exec"), {})
    assert printed.getvalue() == block("text")


@pytest.mark.parametrize("name", [*policy_reader.KEYS, *POINTS, *ALIASES, *PAST, *CONTENT, *MATCHABLE])
def test_every_name_of_the_language_is_explained(name: str) -> None:
    assert re.search(rf"`[^`\n]*(?<![\w.]){re.escape(name)}\b[^`\n]*`", README)


@pytest.mark.parametrize("group", sorted({name.split(".")[0] for name in DETECTORS}))
def test_every_group_of_detectors_is_named(group: str) -> None:
    assert f"`{group}.*`" in README
