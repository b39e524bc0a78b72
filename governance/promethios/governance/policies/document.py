"""YAML text to a tree that knows its lines: plain values only, nothing that YAML would construct or expand.

Tags, anchors and merge keys are refused: a policy means what is written where it stands, and a file of a few
lines cannot unfold into gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from promethios.governance.policies.problems import PolicyError, Problem, Problems

#: The longest file that is read, in characters.
MAX_LENGTH: Final = 1 << 20
_MAX_DEPTH: Final = 16
_IN_SINGLE_QUOTES: Final = "in double quotes '\\' begins an escape: write patterns in single quotes"
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Text:
    """The value None, bool, int, float or str, as it was written.

    `first` is the column of a text's first character where the others follow one by one (it is on one line
    and has no escapes), else 0.
    """

    line: int
    column: int
    value: bool | int | float | str | None
    first: int = 0

    def place(self, offset: int) -> int:
        """The column of the text's n-th character, or of the whole where that cannot be told."""
        return self.first + offset if self.first else self.column


@dataclass(frozen=True, slots=True)
class List:
    """A sequence of values."""

    line: int
    column: int
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """Keys with their places and values, in order."""

    line: int
    column: int
    entries: dict[str, tuple[Text, Value]]

    def get(self, key: str) -> Value | None:
        """The value below the key, or None where it is not there."""
        entry = self.entries.get(key)
        return entry[1] if entry else None


Value = Text | List | Map


def read(text: str, source: str, problems: Problems) -> Value | None:
    """Read one YAML document; None where it is empty. Duplicate keys, tags and anchors are noted as problems.

    Raises:
        PolicyError: it is no YAML, or too long, and nothing can be said about what is in it.
    """
    if len(text) > MAX_LENGTH:
        raise PolicyError(source, [Problem(1, 1, f"the file is longer than {MAX_LENGTH} characters")])
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        hint = _IN_SINGLE_QUOTES if "unknown escape" in str(error.problem) else ""
        raise PolicyError(
            source, [Problem(line, column, f"this is not YAML: {error.problem}", hint)]
        ) from None
    except YAMLError as error:
        raise PolicyError(
            source, [Problem(1, 1, f"this is not YAML: {str(error).splitlines()[0]}")]
        ) from None
    except RecursionError:
        raise PolicyError(
            source, [Problem(1, 1, f"the file nests deeper than {_MAX_DEPTH} levels")]
        ) from None
    return None if root is None else _Reader(problems).value(root, 0)


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._seen: set[int] = set()

    def value(self, node: Any, depth: int) -> Value:
        line, column = _place(node)
        if id(node) in self._seen or node.anchor:
            self._problems.add(line, column, "anchors and aliases are not supported", "write the value out")
            return Text(line, column, None)
        self._seen.add(id(node))
        if depth > _MAX_DEPTH:
            self._problems.add(line, column, f"this nests deeper than {_MAX_DEPTH} levels")
            return Text(line, column, None)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if str(node.tag) not in (_TAG + "seq", _TAG + "map"):
            return self._refuse_tag(node)
        if isinstance(node, SequenceNode):
            return List(line, column, tuple(self.value(item, depth + 1) for item in node.value))
        return self._map(node, depth)

    def _map(self, node: MappingNode, depth: int) -> Map:
        line, column = _place(node)
        entries: dict[str, tuple[Text, Value]] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            value = self.value(value_node, depth + 1)
            if key.value in entries:
                first = entries[str(key.value)][0]
                self._problems.add(
                    key.line, key.column, f"'{key.value}' is already given in line {first.line}"
                )
            else:
                entries[str(key.value)] = (key, value)
        return Map(line, column, entries)

    def _key(self, node: Any) -> Text:
        line, column = _place(node)
        if isinstance(node, ScalarNode) and node.tag == _TAG + "str":
            return Text(line, column, node.value)
        if isinstance(node, ScalarNode) and node.tag == _TAG + "merge":
            self._problems.add(line, column, "merge keys are not supported", "write the values out")
        else:
            self._problems.add(line, column, "a key must be text", "put it in quotes")
        return Text(line, column, f"<{line}:{column}>")

    def _scalar(self, node: ScalarNode) -> Text:
        line, column = _place(node)
        tag = str(node.tag).removeprefix(_TAG)
        if tag in ("str", "timestamp") and node.style in ("|", ">"):
            return Text(line, column, node.value)
        if tag in ("str", "timestamp"):
            quoted = node.style in ("'", '"')
            width = node.end_mark.column - node.start_mark.column - 2 * quoted
            exact = node.end_mark.line == node.start_mark.line and width == len(node.value)
            return Text(line, column, node.value, column + quoted if exact else 0)
        try:
            return Text(line, column, _plain(tag, node.value))
        except (ValueError, KeyError):
            if tag not in ("int", "float"):
                return self._refuse_tag(node)
        self._problems.add(line, column, "this number cannot be read", "write it in decimal digits")
        return Text(line, column, None)

    def _refuse_tag(self, node: Any) -> Text:
        line, column = _place(node)
        self._problems.add(line, column, f"tag '{node.tag}' is not supported", "write a plain value")
        return Text(line, column, None)


def _place(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _plain(tag: str, text: str) -> bool | int | float | None:
    if tag == "null":
        return None
    if tag == "bool":
        return {"true": True, "false": False}[text.lower()]
    digits = text.replace("_", "")
    if tag == "int":
        return int(digits, 0) if digits[:3].lstrip("+-")[:2] in ("0x", "0o") else int(digits)
    if tag == "float":
        return float(
            digits.replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan").replace(".Inf", "inf")
        )
    raise ValueError(tag)
