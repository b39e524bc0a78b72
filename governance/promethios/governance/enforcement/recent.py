"""What guards decided of late, for the spans of operations that no guard could see around it.

Some instrumentations never make their span the current one, or say only at its end what it stands for. A
guard within cannot leave its mark on such a span, and it must not be decided once more when it ends.
"""

from __future__ import annotations

from time import time_ns
from typing import Final

from promethios.governance.decision import Decision

#: As many operations are remembered, by kind and subject; the oldest go first.
MAX_REMEMBERED: Final = 1024


class Recent:
    """The last decision of a guard on each operation. For any thread; it needs no lock."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[int, Decision]] = {}

    def note(self, kind: str, subject: str, decision: Decision) -> None:
        """Remember what a guard decided just now."""
        key = kind, _bare(kind, subject)
        self._last.pop(key, None)
        self._last[key] = time_ns(), decision
        if len(self._last) > MAX_REMEMBERED:
            self._last.pop(next(iter(tuple(self._last))), None)

    def since(self, moment: int, kind: str, subject: str) -> Decision | None:
        """What a guard decided on such an operation since `moment` (Unix nanoseconds), if one did.

        Of calls of one tool or model side by side it may be the neighbour's.
        """
        at, decision = self._last.get((kind, _bare(kind, subject)), (0, None))
        return decision if at >= moment else None


def _bare(kind: str, subject: str) -> str:
    """A provider before a model's name, as in ``openai/x``, says no more."""
    return subject.rpartition("/")[2] if kind == "model" else subject
