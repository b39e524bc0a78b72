"""Every block of the READMEs that claims to run, runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_eight_lines_print_what_the_readme_says(tmp_path: Path) -> None:
    (tmp_path / "policies.yaml").write_text(blocks("yaml")[0], "utf-8")
    (tmp_path / "agent.py").write_text(blocks("python")[0], "utf-8")
    run = subprocess.run(
        [sys.executable, "agent.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == blocks("text")[0]


def test_the_eight_lines_are_the_example() -> None:
    example = ROOT / "examples" / "eight_lines"
    assert blocks("python")[0] == (example / "agent.py").read_text("utf-8")
    assert blocks("yaml")[0] == (example / "policies.yaml").read_text("utf-8")


@pytest.mark.parametrize("command", re.findall(r"^    make (\w+)", README, re.MULTILINE))
def test_a_make_command_of_the_first_screen_exists(command: str) -> None:
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("readme", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("*/**/*.md")), ids=str)
def test_links_to_files_lead_somewhere(readme: Path) -> None:
    if ".venv" in readme.parts or "build" in readme.parts:
        return
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", readme.read_text("utf-8"))
    assert [link for link in links if not (readme.parent / link).exists()] == []


def test_commands_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"`promethios (\w+)", README))
    command = [sys.executable, "-m", "promethios.governance", "--help"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert {name for name in named if name not in listed} == set()
