"""What an environment says to OpenTelemetry that names Promethios, and no other place to send to.

A distribution names the exporter ``otlp`` for who named none. That one sends to ``localhost:4317``. Where it
is not installed the SDK is not set up at all, and no hook is called. So where the variables name Promethios
and nothing else, the exporter is left empty, which is none: what is missing then is added by our hook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from importlib.metadata import entry_points
from typing import Final

from promethios.exporter.batch import Signal

#: Whoever sets one of these wants telemetry to go to Promethios.
NAMED_BY: Final = ("PROMETHIOS_ENDPOINT", "PROMETHIOS_API_KEY")
POLICIES: Final = "PROMETHIOS_POLICIES"

_PROTOCOLS: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


def is_set(environ: Mapping[str, str], *names: str) -> bool:
    """Whether any of the variables is set, and not empty."""
    return any(environ.get(name, "").strip() for name in names)


def exporters(environ: Mapping[str, str], signal: Signal) -> str | None:
    """What ``OTEL_TRACES_EXPORTER`` and so on say; None where they are not set."""
    named = environ.get(_variable(signal))
    return None if named is None else named.strip().lower()


def _is_installed(group: str, name: str) -> bool:
    return bool(entry_points(group=group, name=name))


def complete(
    environ: MutableMapping[str, str], is_installed: Callable[[str, str], bool] = _is_installed
) -> None:
    """Say that a signal has no exporter, where nothing says that it has another than ours.

    Args:
        environ: The environment, which is changed.
        is_installed: Whether a group of entry points has one of a name.
    """
    if is_set(environ, POLICIES, *NAMED_BY):
        for signal in Signal:
            if exporters(environ, signal) is None and not _otlp_is_of_use(environ, signal, is_installed):
                environ[_variable(signal)] = ""


def _variable(signal: Signal) -> str:
    return f"OTEL_{signal.name}_EXPORTER"


def _otlp_is_of_use(
    environ: Mapping[str, str], signal: Signal, is_installed: Callable[[str, str], bool]
) -> bool:
    """Whether ``otlp`` can be loaded, and would send to another place than ours."""
    own = f"OTEL_EXPORTER_OTLP_{signal.name}"
    # Without an endpoint of ours the general one is ours.
    general = is_set(environ, "PROMETHIOS_ENDPOINT") and is_set(environ, "OTEL_EXPORTER_OTLP_ENDPOINT")
    if is_set(environ, *NAMED_BY) and not (general or is_set(environ, f"{own}_ENDPOINT")):
        return False
    protocol = environ.get(f"{own}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc"
    exporter = _PROTOCOLS.get(protocol.strip(), protocol)
    return is_installed(f"opentelemetry_{signal.name.lower()}_exporter", exporter)
