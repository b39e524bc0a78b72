"""Variables of OpenTelemetry's, and of the system's, that change what an agent tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Final

from promethios.exporter import proxies
from promethios.exporter.batch import Signal
from promethios.exporter.environment import NAMED_BY, POLICIES, exporters, is_set
from promethios.exporter.settings import ENVIRONMENT, Settings
from promethios.governance.findings import Finding, Level

_CHECK: Final = "variables"
_OURS: Final = "PROMETHIOS_"
#: What the receiver's commands, dashboards and `promethios run` read.
_OF_OTHERS: Final = ("ADMIN_KEY", "READ_KEY", "MAX_BODY_BYTES", "MAX_DB_BYTES", "RUN")
#: How alike names are where one was meant as the other: PROMETHIOS_POLICY is.
_ALIKE: Final = 0.85
_HOOK: Final = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
#: What OpenTelemetry has for each signal by itself, and Promethios for all of them.
_FOR_ONE: Final = ("ENDPOINT", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "TIMEOUT")


def look(environ: Mapping[str, str], settings: Settings | None) -> list[Finding]:
    """What of the environment interferes with what is asked for, or is ignored.

    Args:
        environ: The environment.
        settings: The settings, where they can be loaded: for them a proxy may matter.
    """
    found = [*_switches(environ), *_exporters(environ), *_ignored(environ), *_hook(environ)]
    found += _misspelt(environ)
    if settings is not None:
        found += _proxy(environ, settings)
    return found or [Finding(_CHECK, Level.OK, "none that interferes")]


def _switches(environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding(
            _CHECK,
            Level.WARNING,
            "OTEL_SDK_DISABLED: no span, metric or log record is made; guards decide, the span gate does not",
            "unset it",
        )
    disabled = {name.strip() for name in environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    if disabled & {"*", "promethios"}:
        said = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS leaves promethios out: no library is guarded"
        yield Finding(_CHECK, Level.WARNING, said, "take promethios, or *, out of it")
    if environ.get("OTEL_EXPERIMENTAL_CONFIG_FILE", "").strip():
        said = "OTEL_EXPERIMENTAL_CONFIG_FILE is not read by this SDK"
        yield Finding(_CHECK, Level.WARNING, said, "call it OTEL_CONFIG_FILE")


def _exporters(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What each signal's exporter is, where it is not ours. A configuration file takes their place."""
    if is_set(environ, "OTEL_CONFIG_FILE"):
        return
    for signal in Signal:
        named, variable = exporters(environ, signal), f"OTEL_{signal.name}_EXPORTER"
        for name in (named or "").split(","):
            group = f"opentelemetry_{signal.name.lower()}_exporter"
            if name not in ("", "none", "otlp") and not entry_points(group=group, name=name):
                said = f"{variable} names {name}, which is not installed: the SDK is not set up"
                yield Finding(_CHECK, Level.ERROR, said, f"install it, or set {variable}=promethios")
        if named == "none":
            yield Finding(_CHECK, Level.NOTE, f"{variable} is none: no {signal.name.lower()} are sent")
    if is_set(environ, POLICIES) and not is_set(environ, *NAMED_BY):
        said = f"{POLICIES} is set, and neither {' nor '.join(NAMED_BY)}: decisions go where other spans go"
        yield Finding(_CHECK, Level.WARNING, said, "set both")


def _ignored(environ: Mapping[str, str]) -> Iterator[Finding]:
    for signal in Signal:
        for what in _FOR_ONE:
            name = f"OTEL_EXPORTER_OTLP_{signal.name}_{what}"
            if is_set(environ, name):
                said = f"{name} is not read by Promethios: one endpoint takes all signals"
                yield Finding(_CHECK, Level.WARNING, said, f"use OTEL_EXPORTER_OTLP_{what}, or a Collector")
    protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()
    if protocol not in ("", "http/protobuf"):
        said = f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}: Promethios speaks http/protobuf all the same"
        yield Finding(_CHECK, Level.NOTE, said)


def _misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is called nearly like a setting, and so read by nobody. Keys of other commands are none."""
    known = {name for names in ENVIRONMENT.values() for name in names if name.startswith(_OURS)}
    known |= {f"{_OURS}{name}" for name in _OF_OTHERS}
    for name in sorted(set(environ) - known):
        if name.startswith(_OURS) and (like := get_close_matches(name, sorted(known), 1, _ALIKE)):
            said = f"{name} is no setting of an agent's, and is not read"
            yield Finding(_CHECK, Level.WARNING, said, f"did you mean {like[0]}?")


def _hook(environ: Mapping[str, str]) -> Iterator[Finding]:
    named = environ.get(_HOOK, "").strip()
    if named not in ("", "promethios"):
        said = f"{_HOOK} is {named}: content that no guard sees is not looked at by policies"
        yield Finding(_CHECK, Level.NOTE, said)


def _proxy(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    proxy, variable = proxies.proxy_of(settings.endpoint, environ)
    if proxy:
        yield Finding(_CHECK, Level.NOTE, f"requests go through the proxy that {variable} names")
