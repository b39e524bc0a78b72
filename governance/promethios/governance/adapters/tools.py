"""A call of a tool, as the adapters of frameworks see it: what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from promethios.governance import semconv
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import plain, restored

if TYPE_CHECKING:
    from promethios.governance.governor import Governor


class ToolCall:
    """One call of a tool that a framework is about to make."""

    def __init__(self, call: GovernedCall) -> None:
        self._call = call

    @classmethod
    def begin(cls, governor: Governor | None, name: str, attributes: Mapping[str, Any]) -> ToolCall | None:
        """The call to decide; None without a governor, or where an adapter further out decides it."""
        if governor is None:
            return None
        named = {semconv.OPERATION_NAME: "execute_tool", semconv.TOOL_NAME: name, **attributes}
        call = GovernedCall.begin(governor, "tool", named)
        return None if call is None else cls(call)

    def arguments(self, values: Any) -> Any:
        """What the tool may be called with instead of `values`.

        Raises:
            PolicyViolation: It must not be called.
        """
        shown = plain(values)
        decision = self._call.before(arguments=shown)
        return restored(values, shown, decision.payload.get("arguments", shown))

    def running(self) -> AbstractContextManager[None]:
        """Around the call itself."""
        return self._call.running()

    def result(self, value: Any) -> Any:
        """What the caller may have instead of `value`.

        Raises:
            PolicyViolation: It must not have it.
        """
        shown = plain(value)
        decision = self._call.after(result=shown)
        return value if decision is None else restored(value, shown, decision.payload.get("result", shown))
