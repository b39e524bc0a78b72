"""The mistakes of a policy file: all of them at once, each with its place and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. Lines and columns count from 1; `hint` is empty where there is nothing to say.

    `source` is the file that has it; empty means the one that was asked for.
    """

    line: int
    column: int
    message: str
    hint: str = ""
    source: str = ""

    def __str__(self) -> str:
        text = f"{self.line}:{self.column}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


class PolicyError(ValueError):
    """A policy file that cannot be used.

    Args:
        source: The file's name.
        problems: Its mistakes, in the order of the lines, and then those of the files that it extends.
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = sorted(
            problems, key=lambda each: (each.source not in ("", source), each.source, each)
        )
        super().__init__("\n".join(f"{problem.source or source}:{problem}" for problem in self.problems))


class Problems:
    """Collects mistakes while a file is read; `source` is the file where it is not the one asked for."""

    def __init__(self, source: str = "") -> None:
        self.source = source
        self.found: list[Problem] = []

    def add(self, line: int, column: int, message: str, hint: str = "") -> None:
        """Note a mistake."""
        self.found.append(Problem(line, column, message, hint, self.source))
