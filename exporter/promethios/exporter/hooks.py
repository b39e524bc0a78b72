"""Zero code: what ``opentelemetry-instrument`` calls in a process that it sets up.

    PROMETHIOS_POLICIES=policies.yaml OTEL_TRACES_EXPORTER=promethios opentelemetry-instrument python agent.py

Both entry points stand beside those of any distribution and configurator, because they are called when the
SDK has been set up by whoever does that: ``opentelemetry_pre_instrument`` puts governance into its
providers, and ``opentelemetry_instrumentor`` puts guards around libraries. The latter is named
``promethios``: ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=promethios`` leaves it out.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import Any, ClassVar

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from promethios.exporter.batching import SpanBatches
from promethios.exporter.ends import at_end
from promethios.exporter.exporters import PromethiosSpanExporter
from promethios.exporter.settings import ENVIRONMENT, SettingsError
from promethios.governance import GovernanceLogProcessor, GovernanceSpanProcessor, Governor
from promethios.governance.adapters import instrument_all, uninstrument_all

_log = logging.getLogger(__name__)
_POLICIES = ENVIRONMENT["policies"][0]


def pre_instrument() -> None:
    """Govern this process by the policies that ``PROMETHIOS_POLICIES`` names; do nothing where it is unset.

    It never raises: that would keep every instrumentor of the process from loading. What is wrong is logged
    as an error, and the agent then runs ungoverned.
    """
    policies = os.environ.get(_POLICIES, "").strip()
    if not policies:
        return
    try:
        PromethiosInstrumentor.governor = _govern(Governor.from_file(policies))
    except Exception as error:
        _log.error("cannot govern this process by %s=%s, it runs UNGOVERNED: %s", _POLICIES, policies, error)


class PromethiosInstrumentor:
    """Puts guards around the libraries that have an adapter, where `pre_instrument` found policies."""

    #: Who governs this process.
    governor: ClassVar[Governor | None] = None

    def instrument(self, **_: Any) -> None:
        """Guard every library that is installed and has an adapter."""
        if self.governor is not None:
            instrument_all(self.governor)

    def uninstrument(self, **_: Any) -> None:
        """Take the guards off again."""
        uninstrument_all()


def _govern(governor: Governor) -> Governor:
    """Put `governor` into the providers that are in force, as far as they are the SDK's."""
    tracers, loggers = trace.get_tracer_provider(), _logs.get_logger_provider()
    if isinstance(tracers, TracerProvider):
        tracers.add_span_processor(GovernanceSpanProcessor(governor))
        _lay_lane(governor, tracers)
    if isinstance(loggers, LoggerProvider):
        loggers.add_log_record_processor(GovernanceLogProcessor(governor))
    governor.set_meter_provider(metrics.get_meter_provider())
    return governor


def _lay_lane(governor: Governor, tracers: TracerProvider) -> None:
    """Give decisions a lane that no sampler thins out, where it is said where they are to go."""
    try:
        exporter = PromethiosSpanExporter()
    except SettingsError as error:
        _log.warning("decisions go where the agent's other spans go, and are sampled like them: %s", error)
        return
    lane = TracerProvider(sampler=ALWAYS_ON, resource=tracers.resource, shutdown_on_exit=False)
    lane.add_span_processor(SpanBatches(exporter.export, exporter.drop))
    governor.set_decision_lane(lane)
    at_end(partial(_close, lane, exporter))


def _close(lane: TracerProvider, exporter: PromethiosSpanExporter) -> None:
    lane.shutdown()  # first: what it still holds is the exporter's to deliver
    exporter.shutdown()
