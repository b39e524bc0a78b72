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
    """The last decision of a guard on each operation of a trace. For any thread; it needs no lock."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, str, str], tuple[int, Decision]] = {}

    def note(self, trace_id: int, kind: str, subject: str, decision: Decision) -> None:
        """Remember what a guard decided just now; `trace_id` is 0 where it saw no trace."""
        key = trace_id, kind, _bare(kind, subject)
        self._last.pop(key, None)
        self._last[key] = time_ns(), decision
        if len(self._last) > MAX_REMEMBERED:
            self._last.pop(next(iter(tuple(self._last))), None)

    def since(self, moment: int, trace_id: int, kind: str, subject: str) -> Decision | None:
        """What a guard of this trace, or of none, decided on such an operation since `moment`, if one did.

        Of calls of one tool or model side by side in one trace it may be the neighbour's.

        Args:
            moment: Unix nanoseconds.
            trace_id: Of the operation's span.
            kind: The operation's kind.
            subject: What it is about.
        """
        bare = _bare(kind, subject)
        for trace in (trace_id, 0):
            at, decision = self._last.get((trace, kind, bare), (0, None))
            if at >= moment and decision is not None:
                return decision
        return None


def _bare(kind: str, subject: str) -> str:
    """A provider before a model's name, as in ``openai/x``, says no more."""
    return subject.rpartition("/")[2] if kind == "model" else subject
