"""The examples of agents' frameworks print what their READMEs say, and nothing that they must not."""

from __future__ import annotations

import re

import pytest
from tests.examples.conftest import EXAMPLES, RunExample

from promethios.receiver.demo.llm import StandIn


@pytest.mark.parametrize("folder", ["langchain_agent", "openai_agents", "mcp"])
def test_it_prints_what_its_readme_says(run_example: RunExample, llm: StandIn, folder: str) -> None:
    readme = (EXAMPLES / folder / "README.md").read_text("utf-8")
    (said,) = re.findall(r"^```text\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert run_example(folder, "python", "agent.py") == said
    assert "4111 " not in said
    assert "4111 " not in str(llm.requests)
