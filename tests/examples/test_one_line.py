"""`configure()` is the only line of ours in the agent."""

from __future__ import annotations

import re

from tests.examples.conftest import EXAMPLES, RunExample
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn


def test_it_prints_what_its_readme_says_and_its_decisions_arrive(
    run_example: RunExample, receiver: RunningReceiver, llm: StandIn
) -> None:
    readme = (EXAMPLES / "one_line" / "README.md").read_text("utf-8")
    (said,) = re.findall(r"^```text\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert run_example("one_line", "python", "agent.py") == said
    assert [request["model"] for request in llm.requests] == ["gpt-4o-mini"]
    decisions = receiver.data("decisions", agent="one-line")
    assert sorted(row["enforced"] for row in decisions) == ["allow", "allow", "block"]
