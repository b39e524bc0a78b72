"""A call of a tool, as the adapters of frameworks see it: what it takes and what it gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from promethios.governance import semconv
from promethios.governance.adapters.content import Content
from promethios.governance.enforcement.ambient import running
from promethios.governance.enforcement.call import GovernedCall

if TYPE_CHECKING:
    from promethios.governance.governor import Governor


class ToolCall:
    """One call of a tool that a framework is about to make."""

    def __init__(self, call: GovernedCall) -> None:
        self._call = call

    @classmethod
    def begin(
        cls, governor: Governor | None, name: str, attributes: Mapping[str, Any], asked: Any
    ) -> ToolCall | None:
        """The call to decide; None without a governor, or where an adapter further out decides it.

        Args:
            governor: Who decides.
            name: The tool's.
            attributes: What else identifies the call.
            asked: Its arguments, also as JSON: a tool that calls itself with others makes another call.
        """
        if governor is None:
            return None
        named = {semconv.OPERATION_NAME: "execute_tool", semconv.TOOL_NAME: name, **attributes}
        call = GovernedCall.begin(governor, "tool", named)
        if call is None and not _is_within(asked):
            call = GovernedCall(governor, "tool", named, by_adapter=True)
        return None if call is None else cls(call)

    def arguments(self, values: Any) -> Any:
        """What the tool may be called with instead of `values`.

        Raises:
            PolicyViolation: It must not be called.
        """
        content = Content(values)
        redacted = self._call.before(arguments=content.seen).payload.get("arguments")
        if redacted is not content.seen:
            with self._call.fail_open("redact a tool's arguments", "arguments"):
                values = content.redacted(redacted)
        return values

    def running(self) -> AbstractContextManager[None]:
        """Around the call itself."""
        return self._call.running()

    def result(self, value: Any) -> Any:
        """What the caller may have instead of `value`.

        Raises:
            PolicyViolation: It must not have it.
        """
        content = Content(value)
        decision = self._call.after(result=content.seen)
        if decision is not None:
            with self._call.fail_open("redact a tool's result", "result"):
                value = content.redacted(decision.payload.get("result", content.seen))
        return value


def _is_within(asked: Any) -> bool:
    """Whether the call that runs around was decided with these arguments."""
    around = running()
    try:
        return around is not None and bool(
            _as_data(around.decision.payload.get("arguments")) == _as_data(Content(asked).seen)
        )
    except Exception:  # arguments that cannot be compared: they are decided
        return False


def _as_data(arguments: Any) -> Any:
    """Arguments as data: one framework has them as JSON, another parsed; none at all are an empty map."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments else None
        except ValueError:
            return arguments
    return {} if arguments is None else arguments
