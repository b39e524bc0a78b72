"""Zero code: what ``opentelemetry-instrument`` calls in a process that it sets up.

    export PROMETHIOS_ENDPOINT=… PROMETHIOS_API_KEY=… PROMETHIOS_POLICIES=policies.yaml
    opentelemetry-instrument python agent.py

Both entry points stand beside those of any distribution and configurator, because they are called when the
SDK has been set up by whoever does that: ``opentelemetry_pre_instrument`` completes its providers, and
``opentelemetry_instrumentor`` puts guards around libraries. The latter is named ``promethios``:
``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=promethios`` leaves it out.
"""

from __future__ import annotations

import os
from typing import Any, Final

from promethios.exporter import in_force
from promethios.exporter.running import CHANNEL
from promethios.governance.adapters import instrument_all, uninstrument_all

#: What distributions and applications give to every instrumentor.
_NOT_OURS: Final = frozenset(
    {
        "logger_provider",
        "meter_provider",
        "raise_exception_on_conflict",
        "skip_dep_check",
        "tracer_provider",
    }
)


def pre_instrument() -> None:
    """Govern this process and deliver from it, as far as its environment says so.

    It never raises: that would keep every instrumentor of the process from loading. What is wrong is logged
    as an error, and the agent then runs ungoverned; under ``promethios run`` it does not run.
    """
    in_force.set_up()
    if os.environ.get(CHANNEL):
        from promethios.exporter.running.child import confirm

        confirm()


class PromethiosInstrumentor:
    """Puts guards around the libraries that have an adapter, where `pre_instrument` found policies."""

    def instrument(self, **options: Any) -> None:
        """Guard every library that is installed and has an adapter.

        Args:
            options: Settings by name, `policies` among them, as a configuration file gives them; what
                instrumentors are given beside (providers, ``skip_dep_check``) is not looked at.
        """
        in_force.set_up(**{name: value for name, value in options.items() if name not in _NOT_OURS})
        if (governor := in_force.governor()) is not None:
            instrument_all(governor)

    def uninstrument(self, **_: Any) -> None:
        """Take the guards off again."""
        uninstrument_all()
