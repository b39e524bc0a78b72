"""Delivery for agents: OTLP to a receiver, with a spool for when it is away.

from promethios.exporter import configure

agent = configure("http://localhost:4318", api_key="pmk_…", policies="policies.yaml", service_name="billing")
"""

from promethios.exporter.configuration import AlreadyConfiguredError, configure
from promethios.exporter.counts import DropReason, FlushResult, Totals
from promethios.exporter.exporters import (
    PromethiosLogExporter,
    PromethiosMetricExporter,
    PromethiosSpanExporter,
)
from promethios.exporter.handle import Promethios
from promethios.exporter.logs import LogHandler
from promethios.exporter.settings import Settings
from promethios.exporter.values import SettingsError

__all__ = [
    "AlreadyConfiguredError",
    "DropReason",
    "FlushResult",
    "LogHandler",
    "Promethios",
    "PromethiosLogExporter",
    "PromethiosMetricExporter",
    "PromethiosSpanExporter",
    "Settings",
    "SettingsError",
    "Totals",
    "configure",
]
