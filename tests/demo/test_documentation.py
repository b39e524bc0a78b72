"""The demonstration's README and its policies say what there is."""

from __future__ import annotations

import re
from importlib.resources import files

from promethios.governance import Governor
from promethios.receiver.demo.cli import demo
from promethios.receiver.demo.scenes import SCENES

README = (files("promethios.receiver.demo") / "README.md").read_text()


def test_every_option_is_explained_and_no_other() -> None:
    options = {option for parameter in demo.params for option in parameter.opts}
    assert set(re.findall(r"^- `(--\w+)` \(", README, re.MULTILINE)) == options


def test_every_agent_is_explained_and_no_other() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE) == [scene.name for scene in SCENES]


def test_the_policies_load() -> None:
    governor = Governor.from_text((files("promethios.receiver.demo") / "policies.yaml").read_text())
    assert len(governor.bundle.policies) == 5
