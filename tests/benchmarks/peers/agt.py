"""Microsoft's agent-governance-toolkit: `govern()` around a function that does nothing."""

from __future__ import annotations

from importlib.metadata import version

from agentmesh.governance import govern  # type: ignore[import-not-found]
from measuring import RULES, median, report

HEAD = """
apiVersion: governance.toolkit/v1
name: benchmark
agents: ["*"]
default_action: allow
rules:
"""
RULE = """  - name: no-delete-{n}
    condition: "action.type == 'delete_{n}'"
    action: deny
"""


def policy(rules: int) -> str:
    return HEAD + "".join(RULE.format(n=n) for n in range(rules))


def nothing(**_: object) -> None:
    """What is governed."""


def main() -> None:
    results = {}
    for rules in (1, RULES):
        for audit in (True, False):
            governed = govern(nothing, policy=policy(rules), audit=audit)
            assert denied(govern(nothing, policy=policy(rules), audit=False))
            name = f"{rules} rules, {'with' if audit else 'without'} audit log"
            results[name] = median(lambda governed=governed: governed(action="read", text="x"), 300)
    report(version("agent-governance-toolkit-core"), results)


def denied(governed: object) -> bool:
    """Whether it does deny what its rules name."""
    try:
        governed(action="delete_0", text="x")  # type: ignore[operator]
    except Exception:
        return True
    return False


if __name__ == "__main__":
    main()
