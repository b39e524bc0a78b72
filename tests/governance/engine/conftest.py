from __future__ import annotations

from collections.abc import Callable

import pytest

from promethios.governance.engine import Engine
from promethios.governance.policies import parse_bundle

HEAD = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: test, version: "1"}
spec:
  policies:
"""


@pytest.fixture
def engine() -> Callable[..., Engine]:
    """Makes an engine of policies, each given by its parts; what is not given has a value."""

    def make(*policies: dict[str, str]) -> Engine:
        text = HEAD
        for number, parts in enumerate(policies, 1):
            keys = {"id": f"p{number}", "severity": "low", "on": "[tool.before]", "action": "flag"} | parts
            text += "    - " + "\n      ".join(f"{key}: {value}" for key, value in keys.items()) + "\n"
        return Engine(parse_bundle(text))

    return make
