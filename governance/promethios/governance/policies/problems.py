"""The mistakes of a policy file: all of them at once, each with its place and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. Lines and columns count from 1; `hint` is empty where there is nothing to say."""

    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.line}:{self.column}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


class PolicyError(ValueError):
    """A policy file that cannot be used.

    Args:
        source: The file's name.
        problems: Its mistakes, in the order of the lines.
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = sorted(problems)
        super().__init__("\n".join(f"{source}:{problem}" for problem in self.problems))


class Problems:
    """Collects mistakes while a file is read."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, line: int, column: int, message: str, hint: str = "") -> None:
        """Note a mistake."""
        self.found.append(Problem(line, column, message, hint))
