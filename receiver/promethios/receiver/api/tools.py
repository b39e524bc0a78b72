"""``/tools``: which tools were called, and what was decided about them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.calls import TOOL
from promethios.receiver.rollups.facts import OPERATIONS, TOOLS
from promethios.receiver.services import Services

#: What the number of decisions is called, by what was done about them.
_ENFORCED: Final = {"flag": "flagged", "redact": "redacted", "approve": "approved", "block": "blocked"}


def tools(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each tool, the most called first."""
    found: dict[str, dict[str, Any]] = defaultdict(_nothing)
    for row in counted(view, question, OPERATIONS, "agent_id", "operation", "tool"):
        if row["tool"] and row["operation"] == TOOL:
            tool = _seen(found[row["tool"]], row)
            tool["calls"] += row["spans"]
            tool["errors"] += row["errors"]
    for row in counted(view, question, TOOLS, "agent_id", "tool", "enforced"):
        if row["tool"]:
            tool = _seen(found[row["tool"]], row)
            # What was let in is asked again when it is over: that it was let out as well is no other call.
            tool["allowed"] += row["allowed"]
            if row["enforced"] in _ENFORCED:
                tool[_ENFORCED[row["enforced"]]] += row["decisions"]
    return {"data": [_row(name, tool) for name, tool in found.items()]}


def _nothing() -> dict[str, Any]:
    counts = dict.fromkeys(("calls", "allowed", *_ENFORCED.values(), "errors"), 0)
    return {**counts, "agents": set(), "last": 0}


def _seen(tool: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    tool["agents"].add(row["agent_id"])
    tool["last"] = max(tool["last"], row["last"])
    return tool


def _row(name: str, tool: dict[str, Any]) -> dict[str, Any]:
    last = tool.pop("last") // 1_000_000
    return {"tool": name, **tool, "agents": len(tool["agents"]), "last_seen": last}
