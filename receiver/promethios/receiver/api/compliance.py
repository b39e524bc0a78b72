"""``/compliance``: which controls of which frameworks the policies that matched stand for."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import POLICIES
from promethios.receiver.services import Services


def compliance(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each control that a policy which matched in the range names."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in counted(view, question, POLICIES, "policy_id", "mode", "controls"):
        for control in _controls(row["controls"]):
            found[control].append(row)
    return {"data": [_row(control, rows) for control, rows in found.items()]}


def _controls(text: str) -> set[str]:
    """The controls that a policy names; who sends something else names none."""
    named = orjson.loads(text)
    return {each for each in named if isinstance(each, str) and each} if isinstance(named, list) else set()


def _row(control: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    framework, _, name = control.partition("/")
    failed = sum(row["failed"] for row in rows)
    enforced = sum(row["violations"] for row in rows if row["mode"] == "enforce")
    return {
        "framework": framework if name else "",
        "control": name or framework,
        "policies": ", ".join(sorted({row["policy_id"] for row in rows})),
        "evidence": sum(row["violations"] for row in rows),
        "enforced": enforced,
        "status": "failing" if failed else "enforced" if enforced else "shadow",
        "last_seen": max(row["last"] for row in rows) // 1_000_000,
    }
