"""No statement is without a test: the names of tests carry the statements' ids."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
#: Statements about a server, which the tests beside this one prove.
SERVER = {"S": 15, "H": 14, "J": 7, "R": 7}
#: Statements about an agent, proven wherever its parts are tested.
AGENT = {"C": 13, "G": 14}


def stated(groups: dict[str, int]) -> set[str]:
    """Every id that there is."""
    return {f"{group}{number:02}" for group, last in groups.items() for number in range(1, last + 1)}


def ids_of_tests(folder: Path, groups: dict[str, int]) -> set[str]:
    """The ids in the names of the tests in a folder and below, in capitals or not."""
    wanted = re.compile(rf"_([{''.join(groups)}]\d\d)(?=_)", re.IGNORECASE)
    found: set[str] = set()
    for file in folder.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.update(number.upper() for number in wanted.findall(node.name))
    return found


def test_every_statement_about_a_server_has_a_test_of_its_name() -> None:
    assert stated(SERVER) - ids_of_tests(HERE, SERVER) == set()
    assert ids_of_tests(HERE, SERVER) <= stated(SERVER)


def test_every_statement_about_an_agent_has_a_test_of_its_name() -> None:
    assert stated(AGENT) - ids_of_tests(HERE.parent, AGENT) == set()
    assert ids_of_tests(HERE.parent, AGENT) <= stated(AGENT)
