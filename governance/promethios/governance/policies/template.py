"""Messages: text with ``${name}`` for names that never carry content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from promethios.governance.conditions import EvaluationError
from promethios.governance.conditions.aliases import ALIASES, CONTENT
from promethios.governance.conditions.facts import PAST, Past, read_past
from promethios.governance.conditions.hints import nearest_name
from promethios.governance.conditions.values import to_text

#: The longest value that is put into a message, in characters.
MAX_VALUE: Final = 128

_PLACE: Final = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\u00a0-\u024f\u0370-\u1fff\u2c00-\ud7ff]")


class TemplateError(ValueError):
    """A message that cannot be made. `offset` is where in the text, `hint` what to do."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.hint = message, offset, hint


@dataclass(frozen=True, slots=True)
class Template:
    """A message: texts and names of aliases, by turns."""

    source: str
    texts: tuple[str, ...]
    names: tuple[str, ...]

    def render(self, attributes: Mapping[str, Any], state: Past | None = None) -> str:
        """The message for an operation; a value that cannot be read is a question mark."""
        pieces = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            pieces += (_value(name, attributes, state), text)
        return "".join(pieces)


def compile_template(source: str, params: Mapping[str, Any]) -> Template:
    """Read a message; parameters are put in at once. ``$$`` is a dollar sign.

    Raises:
        TemplateError: a name is unknown, carries content, or is not closed.
    """
    texts, names, position = [""], [], 0
    for place in _PLACE.finditer(source):
        texts[-1] += source[position : place.start()]
        position = place.end()
        name = place.group(1)
        if place.group() == "$$":
            texts[-1] += "$"
        elif name is None:
            raise TemplateError(
                "'${' has no closing '}'", place.start(), "write '$${' for the characters themselves"
            )
        elif name.strip().startswith("params."):
            texts[-1] += _param(name.strip(), params, place.start())
        else:
            names.append(_alias(name.strip(), place.start()))
            texts.append("")
    texts[-1] += source[position:]
    return Template(source, tuple(texts), tuple(names))


def _param(name: str, params: Mapping[str, Any], offset: int) -> str:
    value: Any = params
    for part in name.split(".")[1:]:
        if not isinstance(value, Mapping) or part not in value:
            raise TemplateError(f"unknown name '{name}' in the message", offset, "it is not under 'params'")
        value = value[part]
    return ", ".join(map(_param_text, value)) if isinstance(value, (list, tuple)) else _param_text(value)


def _param_text(value: Any) -> str:
    try:
        return to_text(value)
    except EvaluationError:
        return "?"


def _alias(name: str, offset: int) -> str:
    if name in ALIASES or name in PAST:
        return name
    if name.split(".")[0] in (*CONTENT, "attributes"):
        raise TemplateError(f"'{name}' may carry content, and a message must not", offset)
    raise TemplateError(
        f"unknown name '{name}' in the message", offset, nearest_name(name, (*ALIASES, *PAST))
    )


def _value(name: str, attributes: Mapping[str, Any], state: Past | None) -> str:
    try:
        value = read_past(name, attributes, state) if name in PAST else ALIASES[name].read(attributes)
        text = f"{value:.2f}" if isinstance(value, float) else to_text(value)
    except EvaluationError:
        return "?"
    text = _UNPRINTABLE.sub("?", text[: MAX_VALUE + 1])
    return text[:MAX_VALUE] + "…" if len(text) > MAX_VALUE else text
