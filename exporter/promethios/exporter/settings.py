"""Settings of an agent's delivery: given in code, else in the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from promethios.exporter import certificates, headers, proxies
from promethios.exporter.values import SettingsError, check, check_endpoint, check_key, convert

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


@dataclass(frozen=True, slots=True)
class Settings:
    """What an agent's delivery needs to know. Make it with `Settings.load`.

    Args:
        endpoint: Base URL of the receiver or Collector; ``/v1/traces`` and so on are added.
        api_key: A key with the scope ``ingest``, sent as ``Authorization: Bearer``. None is an error unless
            `headers` authenticate; the empty string says that no key is wanted.
        policies: The policy bundle that governs this process: a file's path, or the name of a ready-made one
            (``promethios:…``). None delivers and governs nothing.
        spool_dir: Folder for what is not delivered yet; without one it waits in memory, and a kill takes it.
            Processes that send to the same place with keys of the same tenant may share it.
        headers: More headers for each request, as pairs.
        timeout: Seconds for one request, as OpenTelemetry Python reads ``OTEL_EXPORTER_OTLP_TIMEOUT``.
        certificate: PEM file of the authorities to trust, in place of the system's.
        client_certificate: PEM file of the certificate that the agent shows, with its chain. Read again for
            each new connection, so that a renewed one needs no restart.
        client_key: PEM file of its private key, without a password; None where it is in the same file.
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
        metric_interval: Seconds between two exports of metrics; the first comes after half a second. Its
            variable is in milliseconds.
        heartbeat_interval: Seconds between two heartbeats; 0 sends none. The first comes after half a second,
            and one at once when the policies change.
        system_metrics: Whether to send metrics of the process itself: memory, CPU, threads, open files,
            garbage collection. Needs the extra ``system-metrics``.
        flush_on_sigterm: Whether SIGTERM, where nothing handles it, delivers or keeps what was recorded,
            within `exit_budget`, before it ends the process as before. A handler that is there is left alone.

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
        check_endpoint(self.endpoint)
        check_key(self.api_key, {name.lower() for name, _ in self.headers})
        for each in fields(self):
            check(each.name, getattr(self, each.name))
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
            return cls(**{name: convert(name, value) for name, value in values.items()})
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
