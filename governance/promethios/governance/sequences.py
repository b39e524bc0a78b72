"""What happened before: the memory behind ``after``.

For each kind of step that a policy asks about, and each conversation, agent or tenant, two times are kept:
the last and the one before it. That is enough for every ``within``, however many steps there were, and for
an operation that is looked at again after it was counted: it must not be what came before itself.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

_NEVER: Final = float("-inf")


class Happening(NamedTuple):
    """A kind of step by somebody.

    Args:
        step: The kind, see `planning.step_of`.
        key: Which conversation, agent or tenant, see `limits.key_of`.
    """

    step: str
    key: str


class Sequences:
    """When steps last happened. It has no lock: the state that holds it looks and records in one step.

    Args:
        max_keys: How many happenings are kept; the one that was not repeated for longest goes first.
    """

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._times: OrderedDict[Happening, tuple[float, float]] = OrderedDict()

    def record(self, happening: Happening, now: float) -> None:
        """It happens now."""
        last, _ = self._times.pop(happening, (_NEVER, _NEVER))
        self._times[happening] = now, last
        if len(self._times) > self._max_keys:
            self._times.popitem(last=False)

    def happened(
        self, happening: Happening, within: float | None, now: float, *, again: bool = False
    ) -> bool:
        """Whether it happened in the last `within` seconds (None: ever); with `again`, once more than that
        of the operation itself.
        """
        times = self._times.get(happening)
        if times is None:
            return False
        time = times[1] if again else times[0]
        return time > _NEVER if within is None else time >= now - within

    def __len__(self) -> int:
        return len(self._times)
