"""Metrics of the process itself: CPU, memory, threads, open files, garbage collection.

They come from ``opentelemetry-instrumentation-system-metrics``, of which only those of the process are taken:
those of the machine are the same for every agent on it, and a Collector's to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.metrics import MeterProvider

from promethios.exporter.values import SettingsError
from promethios.governance.telemetry.forks import renew_in_child

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_NAME: Final = "system_metrics"

#: The metrics, as that package wants them: by name, and which of each. What is not known to it is left out.
METRICS: Final[dict[str, list[str] | None]] = {
    "process.context_switches": ["involuntary", "voluntary"],
    "process.cpu.time": ["user", "system"],
    "process.cpu.utilization": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.open_file_descriptor.count": None,
    "process.thread.count": None,
    "cpython.gc.collections": None,
    "cpython.gc.collected_objects": None,
    "cpython.gc.uncollectable_objects": None,
}


class SystemMetrics:
    """Measures this process for as long as it is not shut down.

    Where something else has begun already, that goes on and this does nothing: the package has one object for
    a process.

    Args:
        provider: Where the instruments are made.

    Raises:
        SettingsError: The package is not installed.
    """

    def __init__(self, provider: MeterProvider) -> None:
        self._kind = _instrumentor()
        self._ours = not _runs(self._kind)
        if self._ours:
            self._kind(config=METRICS).instrument(meter_provider=provider)
            renew_in_child(self)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: what is measured is collected by the provider."""
        return True

    def shutdown(self) -> None:
        """Let others begin anew. The provider's end ends the measuring."""
        if self._ours and _runs(self._kind):
            self._kind.__new__(self._kind).uninstrument()
        self._ours = False

    def renew(self) -> None:
        """In a forked child: measure it, and not its parent. Making the one object again says so."""
        if self._ours:
            self._kind(config=METRICS)


def check_installed() -> None:
    """Refuse the setting where what it needs is missing.

    Raises:
        SettingsError: The package is not installed.
    """
    _instrumentor()


def is_left_to_opentelemetry(environ: Mapping[str, str]) -> bool:
    """Whether ``opentelemetry-instrument`` loads the package itself, as it does all that are installed.

    https://opentelemetry.io/docs/zero-code/python/configuration/#disabling-specific-instrumentations
    """
    disabled = {name.strip() for name in environ.get(_DISABLED, "").split(",")}
    return disabled.isdisjoint({_NAME, "*"})


def _instrumentor() -> Any:
    try:
        from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
    except ImportError:
        hint = "pip install 'promethios[system-metrics]'"
        raise SettingsError("system_metrics", "needs a package that is not installed", hint) from None
    return SystemMetricsInstrumentor


def _runs(kind: Any) -> bool:
    """Whether the one object of the process measures. Made without its `__init__`, which would reset it."""
    return bool(kind.__new__(kind).is_instrumented_by_opentelemetry)
