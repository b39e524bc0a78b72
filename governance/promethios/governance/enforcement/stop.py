"""For instrumentations that swallow what they cannot use: a stop that none of them catches."""

from __future__ import annotations

from typing import Any, Final

from promethios.governance.decision import Decision
from promethios.governance.enforcement.violation import PolicyViolation

#: The instrumentations, by scope, that catch every `Exception` of their own span handling, and then make the
#: call anyway. Seen in the releases that the tests run.
SWALLOWING: Final = frozenset(
    {
        "openinference.instrumentation.anthropic",
        "openinference.instrumentation.langchain",
        "openinference.instrumentation.openai",
        "openinference.instrumentation.openai_agents",
        "opentelemetry.instrumentation.genai.langchain",
        "opentelemetry.instrumentation.genai.openai_agents",
        "opentelemetry.instrumentation.langchain",
    }
)


class PolicyStop(BaseException):
    """Policies stopped an operation whose instrumentation would swallow a `PolicyViolation`.

    Only raised where ``hard_stop=True`` asks for it. No ``except Exception`` catches it: neither the
    framework's, which is its use, nor the application's, which is its price. A thread of a server that has
    no handler for it dies of it.

    Attributes:
        violation: What was violated; `find_violation` finds it too.
    """

    def __init__(self, decision: Decision) -> None:
        self.violation = PolicyViolation(decision)
        super().__init__(str(self.violation))
        self.__cause__ = self.violation

    def __reduce__(self) -> tuple[Any, ...]:
        return PolicyStop, (self.violation.decision,)
