"""What others do between looking and counting, one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from promethios.governance.decision import Verdict
from promethios.governance.engine import Engine
from promethios.governance.limits import Counter, Entry, Room, State, Unseen
from promethios.governance.operation import Operation

MakeEngine = Callable[..., Engine]
BLOCK = {"action": "block", "onError": "block"}


class Busy(State):
    """A state in which something else is done just before an operation is counted for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None
        self.asked = 0

    def record_if(self, entry: Entry, room: Iterable[Room] = (), unseen: Iterable[Unseen] = ()) -> bool:
        self.asked += 1
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().record_if(entry, room, unseen)


def tool(name: str, **arguments: Any) -> Operation:
    return Operation("tool.before", {"gen_ai.tool.name": name}, arguments=arguments)


def test_the_last_place_that_another_took_in_between_is_gone(engine: MakeEngine) -> None:
    made, state = engine({"limit": "{of: calls, max: 1, per: tool}", **BLOCK}), Busy()
    state.meanwhile = lambda: made.admit(tool("t"), state)
    assert made.admit(tool("t"), state).enforced is Verdict.BLOCK
    assert state.used(Counter("calls", "tool", "tool", "t")) == 1


def test_a_place_that_another_left_is_taken_without_deciding_again(engine: MakeEngine) -> None:
    made, state = engine({"limit": "{of: calls, max: 2, per: tool}", **BLOCK}), Busy()
    state.meanwhile = lambda: made.admit(tool("t"), state)
    assert made.admit(tool("t"), state).enforced is Verdict.ALLOW
    assert state.asked == 2


@pytest.mark.parametrize("maxima", [(2, 3), (3, 2)])
def test_of_two_limits_on_one_count_the_smaller_is_looked_at_again(
    engine: MakeEngine, maxima: tuple[int, int]
) -> None:
    made = engine(
        *(
            {"when": "arguments.a == 1", "limit": f"{{of: calls, max: {maximum}, per: tool}}", **BLOCK}
            for maximum in maxima
        )
    )
    state = Busy()
    made.admit(tool("t", a=0), state)
    state.meanwhile = lambda: made.admit(tool("t", a=0), state)
    decision = made.admit(tool("t", a=1), state)
    assert [match.reason for match in decision.matches] == ["the limit of 2 calls per tool is reached"]


def test_a_step_that_another_took_in_between_came_before(engine: MakeEngine) -> None:
    made = engine({"match": "{tool: send}", "after": "{match: {tool: read}, per: conversation}", **BLOCK})
    state = Busy()
    state.meanwhile = lambda: made.admit(tool("read"), state)
    assert made.admit(tool("send"), state).enforced is Verdict.BLOCK


def test_what_is_stopped_anyway_is_not_decided_again(engine: MakeEngine) -> None:
    made = engine(
        {"match": "{tool: t}", **BLOCK},
        {"limit": "{of: calls, max: 1, per: agent}"},
        {"after": "{match: {tool: u}, per: conversation}"},
    )
    state = Busy()
    state.meanwhile = lambda: made.admit(tool("u"), state)
    decision = made.admit(tool("t"), state)
    assert [match.policy_id for match in decision.matches] == ["p1"]
    assert state.asked == 2
