"""No statement is without a test: the names of this folder's tests carry the statements' ids."""

from __future__ import annotations

import ast
import re
from pathlib import Path

GROUPS = {"S": 15, "H": 14, "J": 7, "R": 7}
_ID = re.compile(r"_([SHJR]\d\d)(?=_)")


def ids_of_tests() -> set[str]:
    """The ids in the names of the tests beside this one."""
    found: set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.update(_ID.findall(node.name))
    return found


def test_every_statement_has_a_test_of_its_name() -> None:
    stated = {f"{group}{number:02}" for group, last in GROUPS.items() for number in range(1, last + 1)}
    assert stated - ids_of_tests() == set()
    assert ids_of_tests() <= stated
