"""Typed reading of the values below a key, with a problem for each mistake and None in its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.policies.document import List, Map, Text, Value
from promethios.governance.policies.problems import Problems

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "nothing"}

# What the words of these files are called elsewhere.
_INSTEAD = {
    **dict.fromkeys(("deny", "reject", "refuse", "stop"), "block"),
    **dict.fromkeys(("warn", "alert", "log", "audit"), "flag"),
    **dict.fromkeys(("mask", "anonymize", "anonymise"), "redact"),
    **dict.fromkeys(("dry-run", "dryrun", "monitor", "observe", "report-only"), "shadow"),
    **dict.fromkeys(("active", "enforcing", "live"), "enforce"),
    **dict.fromkeys(("session", "thread"), "conversation"),
    **dict.fromkeys(("usd", "dollars", "money"), "cost"),
}


def kind_of(value: Value) -> str:
    """What the value is, in the words of a message."""
    if isinstance(value, Text):
        return _KINDS[type(value.value)]
    return "a list" if isinstance(value, List) else "a map"


class Fields:
    """Reads the keys of one map.

    Args:
        value: What should be the map.
        where: What the map is called in messages, such as ``policy 'token-budget'``.
        keys: The keys it may have.
        problems: Where mistakes are noted.
    """

    def __init__(self, value: Value, where: str, keys: Iterable[str], problems: Problems) -> None:
        self.where, self._problems = where, problems
        self._is_map = isinstance(value, Map)
        self.map = value if isinstance(value, Map) else Map(value.line, value.column, {})
        if not isinstance(value, Map):
            self.wrong(value, f"{where} must be a map, not {kind_of(value)}")
        self._refuse_unknown(tuple(keys))

    def _refuse_unknown(self, keys: tuple[str, ...]) -> None:
        for name, (key, _) in self.map.entries.items():
            if name not in keys and not name.startswith("<"):
                hint = did_you_mean(name, keys) or f"there is {', '.join(keys)}"
                self.wrong(key, f"unknown key '{name}' in {self.where}", hint)

    def wrong(self, value: Value, message: str, hint: str = "") -> None:
        """Note a mistake at a value."""
        self._problems.add(value.line, value.column, message, hint)

    def get(self, key: str) -> Value | None:
        """The value below the key, or None."""
        return self.map.get(key)

    def require(self, *keys: str) -> None:
        """Note each key that is missing."""
        for key in keys if self._is_map else ():
            if key not in self.map.entries:
                self.wrong(self.map, f"{self.where} has no '{key}'")

    def text(self, key: str, default: str = "") -> str:
        """A text that is not empty."""
        value = self.get(key)
        if value is None:
            return default
        return self.as_text(value, key) or default

    def as_text(self, value: Value, key: str) -> str:
        """The text of a value, or an empty one where it is something else."""
        if isinstance(value, Text) and isinstance(value.value, str) and value.value.strip():
            return value.value
        found = "empty" if isinstance(value, Text) and value.value == "" else kind_of(value)
        quote = isinstance(value, Text) and type(value.value) in (int, float, bool)
        self.wrong(value, f"'{key}' must be text, not {found}", "put it in quotes" if quote else "")
        return ""

    def choice(self, key: str, options: Iterable[str], default: str = "") -> str:
        """One of several words."""
        value = self.get(key)
        return default if value is None else self.as_choice(value, key, tuple(options)) or default

    def as_choice(self, value: Value, key: str, options: tuple[str, ...]) -> str:
        """The word of a value, or an empty text where it is none of the options."""
        if isinstance(value, Text) and value.value in options:
            return str(value.value)
        written = (
            f"'{value.value}'" if isinstance(value, Text) and value.value is not None else kind_of(value)
        )
        hint = _meant(str(value.value), options) if isinstance(value, Text) else ""
        self.wrong(value, f"'{key}' is {written}, but must be one of {', '.join(options)}", hint)
        return ""

    def number(self, key: str, most: float, what: str = "a number, 0 or more") -> float | None:
        """A number from 0 to `most`; None where there is none, or a wrong one."""
        value = self.get(key)
        if value is None:
            return None
        written = value.value if isinstance(value, Text) else None
        if type(written) in (int, float) and 0 <= written <= most:  # type: ignore[operator]
            return float(written)  # type: ignore[arg-type]
        self.wrong(value, f"'{key}' must be {what}", f"{most:g} at most" if _exceeds(written, most) else "")
        return None

    def flag(self, key: str) -> bool:
        """True or false; false where it is not given."""
        value = self.get(key)
        if value is None:
            return False
        if isinstance(value, Text) and type(value.value) is bool:
            return value.value
        self.wrong(value, f"'{key}' must be true or false, not {kind_of(value)}")
        return False

    def items(self, key: str, *, single: bool = False) -> list[Value]:
        """The values of a list that is not empty; with `single`, one value may stand for a list of one."""
        value = self.get(key)
        if value is None:
            return []
        if isinstance(value, List) and value.items:
            return list(value.items)
        if single and not isinstance(value, List):
            return [value]
        if isinstance(value, List):
            self.wrong(value, f"'{key}' must be a list with at least one value")
            return []
        written = value.value if isinstance(value, Text) else None
        hint = f"write [{written}]" if isinstance(written, str) and written.strip() else ""
        self.wrong(value, f"'{key}' must be a list with at least one value, not {kind_of(value)}", hint)
        return []

    def texts(self, key: str, *, single: bool = False) -> tuple[str, ...]:
        """The texts of a list."""
        return tuple(text for item in self.items(key, single=single) if (text := self.as_text(item, key)))

    def choices(self, key: str, options: tuple[str, ...]) -> tuple[str, ...]:
        """The words of a list, each once."""
        found = (self.as_choice(item, key, options) for item in self.items(key))
        return tuple(dict.fromkeys(word for word in found if word))


def _meant(word: str, options: tuple[str, ...]) -> str:
    """Which option a word was meant to be: by how it is written, or by what others call it."""
    instead = _INSTEAD.get(word.lower().replace("_", "-"))
    return f"'{instead}' does that" if instead in options else did_you_mean(word, options)


def _exceeds(written: object, most: float) -> bool:
    return type(written) in (int, float) and written > most  # type: ignore[operator]


def plain(value: Value) -> Any:
    """The value without its places."""
    if isinstance(value, Text):
        return value.value
    if isinstance(value, List):
        return [plain(item) for item in value.items]
    return {key: plain(item) for key, (_, item) in value.entries.items()}
