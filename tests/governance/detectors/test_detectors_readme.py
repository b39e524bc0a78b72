"""The README names every detector, and its example prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import promethios.governance.detectors
from promethios.governance.detectors import DETECTORS

README = Path(promethios.governance.detectors.__file__).with_name("README.md").read_text(encoding="utf-8")


def test_the_list_is_that_of_the_detectors() -> None:
    named = re.findall(r"`((?:pii|secret|injection)\.[a-z0-9_.]*[a-z0-9_])`", README.split("## Your own")[0])
    assert set(named) == set(DETECTORS)


def test_the_example_prints_what_it_says() -> None:
    code, printed = (re.search(rf"```{kind}\n(.*?)```", README, re.DOTALL) for kind in ("python", "text"))
    assert code and printed
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(code[1], {})
    assert said.getvalue() == printed[1]


def test_the_plug_in_of_the_readme_finds() -> None:
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    names: dict[str, type] = {}
    exec(example, names)
    assert names["Projects"]().find("on Bluebird now") == [(3, 11)]
