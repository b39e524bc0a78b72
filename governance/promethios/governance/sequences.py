"""What happened before: the memory behind ``after``.

For each kind of step that a policy asks about, and each conversation, agent or tenant, two times are kept:
the last and the one before it. That is enough for every ``within``, however many steps there were, and for
an operation that is looked at again after it was counted: it must not be what came before itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_NEVER: Final = float("-inf")

#: A kind of step (see `planning.step_of`), and which conversation, agent or tenant took it.
Happening = tuple[str, str]
#: When a step was taken last, and the time before that.
Times = tuple[float, float]


class Sequences:
    """When steps last happened. It has no lock: the state that holds it looks and records in one step.

    Args:
        max_keys: How many happenings are kept; the one that was not repeated for longest goes first.
    """

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._times: OrderedDict[Happening, Times] = OrderedDict()

    def record(self, happening: Happening, now: float) -> None:
        """It happens now."""
        last, _ = self._times.pop(happening, (_NEVER, _NEVER))
        self._times[happening] = now, last
        if len(self._times) > self._max_keys:
            self._times.popitem(last=False)

    def times(self, happening: Happening) -> Times | None:
        """When it happened; None where it did not, or was forgotten."""
        return self._times.get(happening)

    def __len__(self) -> int:
        return len(self._times)


def came(times: Times, within: float | None, clock: Callable[[], float], *, again: bool = False) -> bool:
    """Whether it was in the last `within` seconds (None: ever); with `again`, the time before the last."""
    time = times[1] if again else times[0]
    return time > _NEVER if within is None else time >= clock() - within
