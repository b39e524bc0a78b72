"""The README's example prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import promethios.governance.conditions

README = Path(promethios.governance.conditions.__file__).with_name("README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says() -> None:
    code, text = (re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)[0] for kind in ("python", "text"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == text
