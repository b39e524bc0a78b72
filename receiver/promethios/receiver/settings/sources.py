"""Where settings come from: options, variables, a file; and what is said about one that nobody knows."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from promethios.receiver.settings.errors import SettingsError
from promethios.receiver.settings.model import Settings

_PREFIX: Final = "PROMETHIOS_"

#: Variables that begin alike and belong to the agent's side, or to a command other than `serve`.
OTHERS: Final = frozenset(
    {"ADMIN_KEY", "API_KEY", "CONFIG", "ENDPOINT", "POLICIES", "READ_KEY", "SERVICE_NAME", "SPOOL_DIR"}
)


def load_settings(
    options: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Put settings together: options before variables before the file before the defaults.

    Args:
        options: By the name of the setting; None where an option was not given.
        environment: The process's variables; those that begin with ``PROMETHIOS_`` count.
        file: A TOML file whose top-level keys are settings.

    Raises:
        SettingsError: A setting is unknown, or its value cannot be used.
    """
    values: dict[str, Any] = {}
    if file is not None:
        values |= _from_file(file)
    values |= _from_environment(environment)
    values |= {name: value for name, value in options.items() if value is not None}
    return Settings(**values)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error
    kinds = _kinds()
    for name, value in table.items():
        if name not in kinds:
            raise SettingsError(f"{file}: unknown setting {name!r}{_nearest(name, kinds)}")
        if type(value) is not kinds[name]:
            raise SettingsError(f"{file}: {name} must be {_WORDS[kinds[name]]}, not {value!r}")
    return table


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    kinds = _kinds()
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX) or variable.removeprefix(_PREFIX) in OTHERS:
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name not in kinds or not variable.isupper():
            raise SettingsError(f"unknown setting {variable}{_nearest(name, kinds, _variable)}")
        values[name] = _parse(variable, text, kinds[name])
    return values


def _parse(variable: str, text: str, kind: type) -> Any:
    if kind is bool and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if kind is int and text.strip().isascii() and text.strip().isdigit():
        return int(text)
    if kind is str:
        return text
    raise SettingsError(f"{variable} must be {_WORDS[kind]}, not {text!r}")


_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_WORDS: Final = {bool: "true or false", int: "a whole number", str: "text"}


def _kinds() -> dict[str, type]:
    return {field.name: type(field.default) for field in fields(Settings)}


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


def _nearest(name: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """The setting that may have been meant, else all, `written` as where the unknown one was found."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {written(close[0])!r}?"
    return f"; known are {', '.join(map(written, known))}"
