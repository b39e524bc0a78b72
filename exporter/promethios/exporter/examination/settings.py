"""Each setting, with its value and where it came from. What is secret is not shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from promethios.exporter import proxies
from promethios.exporter.settings import ENVIRONMENT, Settings
from promethios.exporter.values import SettingsError
from promethios.governance.findings import Finding, Level

#: The part of a key of ours that is no secret: its environment and its id.
_HEAD: Final = re.compile(r"pmk_[a-z0-9]{1,16}_[0-9A-Za-z]+(?=_)")
_FROM_FILE: Final = "configuration file"
_NAME: Final = re.compile(r"\s*([\w-]+)\s*=")


@dataclass(frozen=True, slots=True)
class Row:
    """One setting.

    Args:
        name: As code gives it.
        value: For people; empty where it has none.
        source: The variable it came from, the configuration file, or ``default``.
    """

    name: str
    value: str
    source: str


def look(
    environ: Mapping[str, str], file: Mapping[str, Any]
) -> tuple[list[Row], Settings | None, list[Finding]]:
    """Every setting; the settings as they would be loaded, or None; and what keeps them from loading.

    Args:
        environ: The environment.
        file: What a configuration file gives, which stands over the environment.
    """
    settings, finding = _load(environ, file)
    rows = []
    for each in fields(Settings):
        source = _FROM_FILE if each.name in file else _source(each.name, environ, settings)
        if settings is not None:
            value = getattr(settings, each.name)
        elif each.name in file:
            value = file[each.name]
        else:
            value = environ[source].strip() if source else each.default
        rows.append(
            Row(each.name, _shown(each.name, None if value is MISSING else value), source or "default")
        )
    return rows, settings, [finding]


def _source(name: str, environ: Mapping[str, str], settings: Settings | None) -> str:
    """The variable that a setting comes from; empty for none."""
    if name == "proxy":
        return proxies.proxy_of(settings.endpoint, environ)[1] if settings else ""
    return next((each for each in ENVIRONMENT.get(name, ()) if environ.get(each, "").strip()), "")


def _load(environ: Mapping[str, str], file: Mapping[str, Any]) -> tuple[Settings | None, Finding]:
    try:
        settings = Settings.load(environ, **file)
    except TypeError as error:
        return None, Finding("settings", Level.ERROR, f"in the configuration file: {error}")
    except SettingsError as error:
        return None, Finding(
            "settings",
            Level.ERROR,
            f"`{error.setting}` {error.problem}",
            f"{error.hint}; until then nothing is delivered",
        )
    return settings, Finding("settings", Level.OK, "all can work")


def _shown(name: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    if name == "api_key":
        return masked(str(value))
    if name == "headers":
        return ", ".join(f"{header}=…" for header in _names(value))
    if name in ("endpoint", "proxy"):
        return re.sub(r"//.*@", "//…@", str(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _names(headers: Any) -> list[str]:
    if isinstance(headers, str):
        return [found[1] for part in headers.split(",") if (found := _NAME.match(part))]
    return [name for name, _ in headers]


def masked(key: str) -> str:
    """A key as it may be shown: of one of ours the part that ``promethios keys list`` shows too."""
    head = _HEAD.match(key)
    return f"{head[0]}_…" if head else "…"
