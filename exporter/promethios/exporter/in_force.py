"""Setting a process up by its environment alone, and what is in force in it then."""

from __future__ import annotations

import logging
import os
import threading

from promethios.exporter.batch import Signal
from promethios.exporter.configuration import agent_resource
from promethios.exporter.environment import NAMED_BY, POLICIES, exporters, is_set
from promethios.exporter.handle import Promethios
from promethios.exporter.settings import Settings, SettingsError
from promethios.exporter.sharing import deliveries
from promethios.exporter.wiring import Providers, govern, wire
from promethios.governance import Governor, Operation, PolicyError
from promethios.governance.adapters import guarded_by, instrument_all

_logger = logging.getLogger("promethios.exporter")


class _InForce:
    """What this process was set up with, by its environment."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.handle: Promethios | None = None
        self.governor: Governor | None = None
        #: Why something that was asked for is not in force.
        self.problems: list[str] = []


_here = _InForce()


def handle() -> Promethios | None:
    """That of this process, where its environment set it up: `opentelemetry-instrument`, `promethios run`."""
    return _here.handle


def governor() -> Governor | None:
    """Who governs this process by its environment; None where nobody does."""
    return _here.governor


def set_up() -> None:
    """Govern this process, and deliver from it, as far as its environment says so. Again does nothing.

    The SDK's providers that are in force are completed; those that are missing are made, and made global. It
    never raises: what goes wrong is logged, and is one of the `problems`.
    """
    with _here.lock:
        if _here.handle or _here.governor or not _is_wanted():
            return
        try:
            _here.governor = _governor()
            _wire(_here.governor)
        except Exception as error:
            _complain("cannot set this process up: %s", error)


def problems() -> list[str]:
    """Why this process is not governed, or what it decides not delivered; nothing where all is in force."""
    found = list(_here.problems)
    if _here.governor is None:
        return found or [f"nothing says by which policies: give --policies, or set {POLICIES}"]
    if _here.handle is None:
        found = found or ["nothing delivers its decisions"]
    if missing := set(instrument_all(_here.governor)) - set(guarded_by(_here.governor)):
        found.append(f"nothing guards the calls of {', '.join(sorted(missing))}")
    return found + _cannot_decide(_here.governor)


def _cannot_decide(governor: Governor) -> list[str]:
    try:
        governor.peek(Operation("model.before", {}))
    except Exception as error:
        return [f"the policies decide nothing: {error}"]
    return []


def _is_wanted() -> bool:
    return is_set(os.environ, POLICIES, *NAMED_BY) or deliveries.settings() is not None


def _governor() -> Governor | None:
    """By the policies that the environment names. Where they cannot be used, nothing is governed."""
    policies = os.environ.get(POLICIES, "").strip()
    if not policies:
        return None
    try:
        return Governor.from_file(policies)
    except (PolicyError, OSError) as error:
        _complain("cannot govern this process by %s=%s, it runs UNGOVERNED: %s", POLICIES, policies, error)
        return None


def _wire(governor: Governor | None) -> None:
    providers = Providers.in_force(agent_resource(None, None))
    try:
        settings = deliveries.settings() or Settings.load()
    except SettingsError as error:
        if governor:
            govern(governor, providers)
            _complain("decisions go where the agent's other spans go, and are sampled like them: %s", error)
        else:
            _complain("nothing is delivered: %s", error)
        return
    _here.handle = wire(providers, settings, governor, present=_present(), shared=True)


def _present() -> frozenset[Signal]:
    """The signals that need no exporter of ours: they have one, or none is wanted.

    Where only OpenTelemetry's own variables say where to, whatever exports by them does: what is ours there
    is the lane of decisions.
    """
    if not is_set(os.environ, *NAMED_BY):
        return frozenset(Signal)
    unwanted = {signal for signal in Signal if exporters(os.environ, signal) == "none"}
    return deliveries.exported() | unwanted


def _complain(message: str, *arguments: object) -> None:
    _here.problems.append(message % arguments)
    _logger.error(message, *arguments)
