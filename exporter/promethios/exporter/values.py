"""What a setting may be: texts are converted, and what cannot work is refused."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

from promethios.exporter import headers

#: Settings that are numbers above 0: those that may be given with a fraction, and those that may not.
_SECONDS: Final = ("timeout", "metric_interval", "max_spool_age", "exit_budget")
#: Seconds that may be 0: that says never.
_OR_NEVER: Final = ("heartbeat_interval",)
_FLAGS: Final = ("system_metrics", "flush_on_sigterm")
_WHOLE: Final = ("max_request_bytes", "max_memory_bytes", "max_spool_bytes", "max_in_flight")
_TEXTS: Final = (
    *("endpoint", "api_key", "policies", "proxy"),
    *("spool_dir", "certificate", "client_certificate", "client_key"),
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "spool_fsync": ("never", "decisions", "always"),
    "durable_decisions": ("enforced", "all"),
}
#: How the environment says yes and no.
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
#: What may hold a password, in an address that somebody gave one.
_USER: Final = re.compile("//.*@")


class SettingsError(ValueError):
    """A setting that cannot work. The message names the setting, where it came from, and what to do."""

    def __init__(self, setting: str, problem: str, hint: str, source: str = "") -> None:
        self.setting, self.problem, self.hint = setting, problem, hint
        came_from = f" (from {source})" if source else ""
        super().__init__(f"`{setting}`{came_from} {problem}: {hint}")


def convert(name: str, value: Any) -> Any:
    """The value of a setting, from what code, the environment or a file gives; `check` judges it.

    Raises:
        SettingsError: It cannot be read as one.
    """
    if name == "headers":
        return _headers(value)
    if name in _TEXTS and not isinstance(value, str | os.PathLike):
        hint = "give a text; in YAML, one that looks like something else needs quotes"
        raise SettingsError(name, f"is not a text but of type {type(value).__name__}", hint)
    if name == "policies":
        return os.fspath(value)
    if name in ("spool_dir", "certificate", "client_certificate", "client_key"):
        return Path(value)
    if name == "metric_interval" and isinstance(value, str):
        return _number(name, value, "give milliseconds, such as 30000") / 1000
    if name in _FLAGS and isinstance(value, str):
        return _TRUTHS.get(value.lower(), value)
    if name in (*_SECONDS, *_OR_NEVER) and isinstance(value, str):
        return _number(name, value, "give seconds, such as 10")
    if name in _WHOLE and isinstance(value, str):
        return _whole_number(name, value)
    return value


def _number(name: str, text: str, hint: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(name, f"is {text!r}", hint) from None


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SettingsError(name, f"is {text!r}", "give a whole number above 0") from None


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    """From a text, a map or pairs; or maps of name and value, as in OpenTelemetry's configuration files."""
    if isinstance(value, str):
        value = headers.read(value)
    try:
        if not isinstance(value, Mapping):
            value = [(x["name"], x["value"]) if isinstance(x, Mapping) else x for x in value]
        pairs = tuple(sorted(dict(value).items()))
    except (KeyError, TypeError, ValueError):
        pairs = ((None, None),)
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise SettingsError("headers", "are not names with texts", "give a map; put its values in quotes")
    return pairs


def check(name: str, value: object) -> None:
    """Refuse a value that is no number, no flag or no choice, where the setting wants one.

    Raises:
        SettingsError: It cannot work.
    """
    if name in (*_SECONDS, *_WHOLE) and not (_is_number(value) and value > 0):
        raise SettingsError(name, f"is {value!r}", "give a number above 0")
    if name in _OR_NEVER and not (_is_number(value) and value >= 0):
        raise SettingsError(name, f"is {value!r}", "give a number from 0")
    if name in _FLAGS and not isinstance(value, bool):
        raise SettingsError(name, f"is {value!r}", "give true or false")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise SettingsError(name, f"is {value!r}", f"give one of {', '.join(_CHOICES[name])}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def check_endpoint(endpoint: str) -> None:
    """Refuse what is not the base URL of a receiver.

    Raises:
        SettingsError: It names no host, or more than an address.
    """
    try:
        url = urlsplit(endpoint)
        problem = url.scheme not in ("http", "https") or not _is_host(url.hostname or "") or url.port == 0
    except ValueError:
        problem = True
    if problem:
        raise SettingsError(
            "endpoint",
            f"is {_USER.sub('//…@', endpoint)!r}",
            "give an http:// or https:// URL such as http://localhost:4318",
        )
    if url.username or url.password or url.query or url.fragment:
        raise SettingsError(
            "endpoint", "carries more than an address", "give the key as `api_key`, and no query"
        )
    if url.path.rstrip("/").endswith(("/v1/traces", "/v1/metrics", "/v1/logs")):
        raise SettingsError(
            "endpoint", f"is {endpoint!r}", "give the base URL; /v1/traces and so on are added"
        )


def _is_host(host: str) -> bool:
    """Whether a name could be looked up at all; UnicodeError, a ValueError, says no too."""
    return bool(host.encode("idna")) and host.isprintable() and " " not in host


def check_key(key: str | None, headers: set[str]) -> None:
    """Refuse a key that no request could carry, and none where no header (lower case) stands for it.

    Raises:
        SettingsError: The key is missing, or holds what no header does.
    """
    if key is None and not headers & {"authorization", "x-api-key"}:
        raise SettingsError(
            "api_key",
            "is missing",
            "pass it or set PROMETHIOS_API_KEY (`promethios keys create` makes one);"
            ' api_key="" sends none, for a Collector that needs none',
        )
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError(
            "api_key", "holds a space, a line break or another character that no key has", "copy it again"
        )
