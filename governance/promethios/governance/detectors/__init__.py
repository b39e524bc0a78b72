"""Detectors: what must not be in a text, found in one pass, and taken out without breaking what holds it."""

from promethios.governance.detectors.catalogue import DETECTORS, known, resolve, select
from promethios.governance.detectors.detector import Detector, Hit
from promethios.governance.detectors.glance import surely_clean
from promethios.governance.detectors.plugins import Plugin, PluginError
from promethios.governance.detectors.redaction import Suffix, placeholder, redact, redact_text, stable
from promethios.governance.detectors.scanner import HOLD_BACK, Scanner
from promethios.governance.detectors.survey import Found, Survey, render, survey

__all__ = [
    "DETECTORS",
    "HOLD_BACK",
    "Detector",
    "Found",
    "Hit",
    "Plugin",
    "PluginError",
    "Scanner",
    "Suffix",
    "Survey",
    "known",
    "placeholder",
    "redact",
    "redact_text",
    "render",
    "resolve",
    "select",
    "stable",
    "surely_clean",
    "survey",
]
