"""The two ways in which a condition can go wrong: while it is compiled, and while it is evaluated."""

from __future__ import annotations


class ConditionError(ValueError):
    """A condition that is not in the profile.

    Args:
        message: What is wrong, for the author of the condition.
        offset: Where, in characters from the start of the source.
        hint: What to do about it; empty where there is nothing to say.
    """

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.offset = offset
        self.hint = hint


class EvaluationError(Exception):
    """A condition has no value for this operation, for example because a key is missing.

    ``&&`` and ``||`` absorb it as CEL defines. The message names what the author wrote and the kinds of
    values met, never a value: it ends up in a decision's reason.
    """
