"""Settings of an agent's delivery: given in code, else in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from promethios.exporter import certificates, headers, proxies

KIB: Final = 1024
MIB: Final = 1024 * KIB

#: Where a setting is looked for when the code does not give it; the first that is set and not empty wins.
#: OpenTelemetry's own names: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
ENVIRONMENT: Final[Mapping[str, tuple[str, ...]]] = {
    "endpoint": ("PROMETHIOS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    "api_key": ("PROMETHIOS_API_KEY",),
    "policies": ("PROMETHIOS_POLICIES",),
    "spool_dir": ("PROMETHIOS_SPOOL_DIR",),
    "spool_fsync": ("PROMETHIOS_SPOOL_FSYNC",),
    "durable_decisions": ("PROMETHIOS_DURABLE_DECISIONS",),
    "max_request_bytes": ("PROMETHIOS_MAX_REQUEST_BYTES",),
    "max_memory_bytes": ("PROMETHIOS_MAX_MEMORY_BYTES",),
    "max_spool_bytes": ("PROMETHIOS_MAX_SPOOL_BYTES",),
    "max_spool_age": ("PROMETHIOS_MAX_SPOOL_AGE",),
    "max_in_flight": ("PROMETHIOS_MAX_IN_FLIGHT",),
    "exit_budget": ("PROMETHIOS_EXIT_BUDGET",),
    "headers": ("OTEL_EXPORTER_OTLP_HEADERS",),
    "timeout": ("OTEL_EXPORTER_OTLP_TIMEOUT",),
    "certificate": ("OTEL_EXPORTER_OTLP_CERTIFICATE",),
    "client_certificate": ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",),
    "client_key": ("OTEL_EXPORTER_OTLP_CLIENT_KEY",),
    "metric_interval": ("OTEL_METRIC_EXPORT_INTERVAL",),
    "heartbeat_interval": ("PROMETHIOS_HEARTBEAT_INTERVAL",),
    "system_metrics": ("PROMETHIOS_SYSTEM_METRICS",),
    "flush_on_sigterm": ("PROMETHIOS_FLUSH_ON_SIGTERM",),
}

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
#: What may hold a password, in an address that somebody gave one.
_USER: Final = re.compile("//.*@")
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}


class SettingsError(ValueError):
    """A setting that cannot work. The message names the setting, where it came from, and what to do."""

    def __init__(self, setting: str, problem: str, hint: str, source: str = "") -> None:
        self.setting, self.problem, self.hint = setting, problem, hint
        came_from = f" (from {source})" if source else ""
        super().__init__(f"`{setting}`{came_from} {problem}: {hint}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an agent's delivery needs to know. Make it with `Settings.load`.

    Args:
        endpoint: Base URL of the receiver or Collector; ``/v1/traces`` and so on are added.
        api_key: A key with the scope ``ingest``, sent as ``Authorization: Bearer``. None is an error unless
            `headers` authenticate; the empty string says that no key is wanted.
        policies: The policy bundle that governs this process: a file's path, or the name of a ready-made one
            (``promethios:…``). None delivers and governs nothing.
        spool_dir: Folder for what is not delivered yet; without one it waits in memory. Processes that send
            to the same place for the same tenant may share it.
        headers: More headers for each request, as pairs.
        timeout: Seconds for one request, as OpenTelemetry Python reads ``OTEL_EXPORTER_OTLP_TIMEOUT``.
        certificate: PEM file of the authorities to trust, in place of the system's.
        client_certificate: PEM file of the certificate that the agent shows, with its chain. Read again for
            each new connection.
        client_key: PEM file of its private key; None where it is in the same file.
        proxy: URL of the HTTP proxy to go through. By default what ``HTTPS_PROXY``, ``HTTP_PROXY``,
            ``ALL_PROXY`` and ``NO_PROXY`` say; the empty string is none.
        max_request_bytes: Largest request before compression; a larger batch is split.
        max_memory_bytes: Most that waits in memory, compressed.
        spool_fsync: What is synced before it counts as kept: ``never`` (a power cut may take what a
            kill cannot), ``decisions`` (those that `durable_decisions` names), ``always``.
        durable_decisions: Which decisions are in the spool before their caller sees them: ``enforced`` (what
            blocks, redacts or flags) or ``all``.
        max_spool_bytes: Most that this process' spool files take.
        max_spool_age: Seconds that anything waits in the spool before it is dropped.
        max_in_flight: Requests that are under way at once; with more than one, batches may overtake others.
        exit_budget: Seconds that ending the process may take, whatever the receiver does.
        metric_interval: Seconds between two exports of metrics.
        heartbeat_interval: Seconds between two heartbeats; 0 sends none.
        system_metrics: Whether to send metrics of the process itself: memory, CPU, threads, open files. Needs
            the extra ``system-metrics``.
        flush_on_sigterm: Whether SIGTERM, where nothing handles it, delivers or keeps what was recorded
            before it ends the process.

    Raises:
        SettingsError: A value cannot work.
    """

    endpoint: str = "http://localhost:4318"
    api_key: str | None = field(default=None, repr=False)
    policies: str | None = None
    spool_dir: Path | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout: float = 10.0
    certificate: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    max_request_bytes: int = 4 * MIB
    max_memory_bytes: int = 16 * MIB
    max_spool_bytes: int = 64 * MIB
    max_spool_age: float = 7 * 86400.0
    spool_fsync: str = "never"
    durable_decisions: str = "enforced"
    max_in_flight: int = 1
    exit_budget: float = 5.0
    metric_interval: float = 30.0
    heartbeat_interval: float = 30.0
    system_metrics: bool = False
    flush_on_sigterm: bool = False

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)
        _check_key(self.api_key, {name.lower() for name, _ in self.headers})
        for name in (*_SECONDS, *_WHOLE):
            _check_positive(name, getattr(self, name))
        for name in _OR_NEVER:
            _check_number(name, getattr(self, name))
        for name in _FLAGS:
            _check_flag(name, getattr(self, name))
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        if wrong := headers.problem_with(self.headers):
            raise SettingsError("headers", wrong, "give names and values as they are to be sent")
        if problem := certificates.problem_with(self.certificate, self.client_certificate, self.client_key):
            raise SettingsError(*problem)
        if self.proxy and (wrong := proxies.problem_with(self.proxy)):
            raise SettingsError(
                "proxy", wrong, "give one such as http://proxy:3128, or name the endpoint in NO_PROXY"
            )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Read the settings: what is `given` and not None, else the environment, else the default.

        Args:
            environ: The environment; that of the process by default.
            given: Settings by name.

        Raises:
            TypeError: A name that is not a setting.
            SettingsError: A value that cannot work.
        """
        check_names(given)
        values, sources = _collect(os.environ if environ is None else environ, given)
        try:
            return cls(**{name: _convert(name, value) for name, value in values.items()})
        except SettingsError as error:
            source = sources.get(error.setting, "")
            raise SettingsError(error.setting, error.problem, error.hint, source) from None


def _collect(environ: Mapping[str, str], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    values = {name: value for name, value in given.items() if value is not None}
    sources: dict[str, str] = {}
    for name, variables in ENVIRONMENT.items():
        source = next((variable for variable in variables if environ.get(variable, "").strip()), None)
        if source and name not in values:
            values[name], sources[name] = environ[source].strip(), source
    proxy, source = proxies.proxy_of(str(values.get("endpoint", "")), environ)
    if source and "proxy" not in values:
        values["proxy"], sources["proxy"] = proxy, source
    return values, sources


def check_names(given: Iterable[str]) -> None:
    """Refuse names that are no settings.

    Raises:
        TypeError: It names the first that is none, and those that there are.
    """
    known = [each.name for each in fields(Settings)]
    for name in given:
        if name not in known:
            raise TypeError(f"unknown setting `{name}`: the settings are {', '.join(known)}")


def _convert(name: str, value: Any) -> Any:
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


def _check_endpoint(endpoint: str) -> None:
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


def _check_key(key: str | None, headers: set[str]) -> None:
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


def _check_positive(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise SettingsError(name, f"is {value!r}", "give a number above 0")


def _check_number(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise SettingsError(name, f"is {value!r}", "give a number from 0")


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise SettingsError(name, f"is {value!r}", "give true or false")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(name, f"is {value!r}", f"give one of {', '.join(choices)}")
