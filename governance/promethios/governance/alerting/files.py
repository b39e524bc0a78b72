"""A file of alerts: what it changes in the rules, read strictly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from promethios.governance.alerting.rules import RULES, SEVERITIES, AlertingError, AlertRule
from promethios.governance.policies.document import Map, Text, Value, read
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.problems import PolicyError, Problem, Problems
from promethios.governance.policies.state_readers import read_duration

#: What a file of alerts may say; `load_rules` reads ``rules``, the receiver the rest.
KEYS: Final = ("rules", "channels", "repeat", "link", "allow_networks")
_CHANGES: Final = ("threshold", "for", "window", "severity", "enabled")
_MOST: Final = 1e15
_LONGEST: Final = 7 * 86_400


def load_rules(path: str | Path) -> tuple[AlertRule, ...]:
    """The rules with what a file changes in them, as in ``rules: {trust-low: {threshold: 500, for: 5m}}``.

    What the file says besides, for the receiver, is not looked at. Rules that are off are there too.

    Args:
        path: A YAML file.

    Raises:
        AlertingError: The file cannot be read or has mistakes; all of them are in the message.
    """
    problems = Problems()
    try:
        fields = read_alerting(path, problems)
        rules = read_rules(fields.get("rules"), problems)
    except PolicyError as error:
        raise AlertingError(str(error)) from None
    refuse(path, problems)
    return rules


def read_alerting(path: str | Path, problems: Problems) -> Fields:
    """The keys of a file of alerts; an empty file has none.

    Raises:
        AlertingError: The file cannot be read.
        PolicyError: It is no YAML.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise AlertingError(f"{path}: cannot be read: {reason}") from None
    document = read(text, str(path), problems)
    return Fields(document or Map(1, 1, {}), "the file", KEYS, problems)


def refuse(path: str | Path, problems: Problems) -> None:
    """Raise what was found wrong in a file.

    Raises:
        AlertingError: Something was.
    """
    if problems.found:
        found: list[Problem] = problems.found
        raise AlertingError(str(PolicyError(str(path), found)))


def read_rules(value: Value | None, problems: Problems) -> tuple[AlertRule, ...]:
    """The rules with the changes below ``rules``; None changes nothing."""
    if value is None:
        return RULES
    changes = Fields(value, "'rules'", (rule.id for rule in RULES), problems)
    return tuple(_changed(rule, changes.get(rule.id), problems) for rule in RULES)


def _changed(rule: AlertRule, value: Value | None, problems: Problems) -> AlertRule:
    if value is None:
        return rule
    fields = Fields(value, f"rule '{rule.id}'", _CHANGES, problems)
    changes: dict[str, Any] = {
        "threshold": fields.number("threshold", _MOST),
        "for_seconds": _for(fields),
        "window_seconds": read_seconds(fields, "window", _LONGEST),
        "severity": fields.choice("severity", SEVERITIES) or None,
        "enabled": None if fields.get("enabled") is None else fields.flag("enabled"),
    }
    given: dict[str, Any] = {name: each for name, each in changes.items() if each is not None}
    return replace(rule, **given)


def _for(fields: Fields) -> int | None:
    """A duration; here ``0s`` is one too: at once."""
    value = fields.get("for")
    if isinstance(value, Text) and value.value == "0s":
        return 0
    return read_seconds(fields, "for", _LONGEST)


def read_seconds(fields: Fields, key: str, longest: int) -> int | None:
    """The seconds of a time such as ``10m``; None where there is none, or a wrong one."""
    seconds = read_duration(fields, key, longest)
    return None if seconds is None else int(seconds)
