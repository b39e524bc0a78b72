"""Setting a process up by its environment alone, and what is in force in it then."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from functools import partial
from typing import Any, Final

from opentelemetry import _logs, trace
from opentelemetry.sdk.resources import Resource

from promethios.exporter import completion
from promethios.exporter.batch import Signal
from promethios.exporter.configuration import agent_resource
from promethios.exporter.ends import at_end
from promethios.exporter.environment import NAMED_BY, POLICIES, exporters, is_set
from promethios.exporter.handle import Promethios
from promethios.exporter.running import CHANNEL
from promethios.exporter.settings import Settings, check_names
from promethios.exporter.sharing import deliveries
from promethios.exporter.values import SettingsError
from promethios.exporter.wiring import Providers, govern, wire
from promethios.governance import Governor, Operation, PolicyError
from promethios.governance.adapters import guarded_by, instrument_all

_LIKE_SPANS: Final = "decisions go where the agent's other spans go, and are sampled like them: "

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


def set_up(**given: Any) -> None:
    """Govern this process, and deliver from it, as far as its environment says so. Again does nothing.

    The SDK's providers that are in force are completed; those that are missing are made, and made global. It
    never raises: what goes wrong is logged, and is one of the `problems`.

    Args:
        given: Settings by name, `policies` among them, where a configuration file says them: they stand over
            the environment.
    """
    with _here.lock:
        given = {name: value for name, value in given.items() if value is not None}
        if _here.handle or _here.governor or not (given or _is_wanted()):
            return
        try:
            check_names(given)
            _here.governor = deliveries.governor = _governor(given.pop("policies", None))
            _wire(_here.governor, given)
            if _here.governor:
                completion.choose(os.environ, _here.governor)
        except Exception as error:
            ungoverned = "" if _here.governor else "this process runs UNGOVERNED: "
            _complain(f"cannot set this process up: {error}", ungoverned)


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


def _governor(policies: str | None) -> Governor | None:
    """By the policies that are given, else that the environment names; None where they cannot be used."""
    source = "the configuration file's policies" if policies else POLICIES
    policies = policies or os.environ.get(POLICIES, "").strip()
    if not policies:
        return None
    try:
        return Governor.from_file(policies)
    except (PolicyError, OSError) as error:
        _complain(str(error), f"cannot govern this process by {source}={policies}, it runs UNGOVERNED: ")
        return None


def _wire(governor: Governor | None, given: dict[str, Any]) -> None:
    providers = Providers.in_force(_resource())
    try:
        settings = Settings.load(**given) if given else deliveries.settings() or Settings.load()
        made = wire(providers, settings, governor, present=_present(), shared=True)
    except SettingsError as error:
        if governor:
            govern(governor, providers)
            _complain(str(error), _LIKE_SPANS)
        else:
            _complain(str(error), "nothing is delivered: ")
        return
    _here.handle = made
    at_end(partial(_end, providers, made, settings.exit_budget))


def _end(providers: Providers, handle: Promethios, budget: float) -> None:
    """End the SDK's own collectors, then what they deliver to, within `budget` seconds in all.

    The SDK ends them with `atexit` alone, which not every process comes to, and gives metrics half a minute.
    """
    deadline = time.monotonic() + budget
    others = {"tracers": {}, "loggers": {}, "meters": {"timeout_millis": budget * 1000 / 2}}
    for name, within in others.items():
        provider = getattr(providers, name)
        if provider not in providers.owned:
            atexit.unregister(provider.shutdown)
            try:
                provider.shutdown(**within)
            except Exception:
                # It may be anybody's processor. The next one still holds what was recorded.
                _logger.warning("the %s in force did not end as they should", name, exc_info=True)
    handle.shutdown(max(0.0, deadline - time.monotonic()))


def _resource() -> Resource:
    """That of the providers in force: a configuration file says it there, and not in the environment."""
    for provider in (trace.get_tracer_provider(), _logs.get_logger_provider()):
        if isinstance(resource := getattr(provider, "resource", None), Resource):
            return resource
    return agent_resource(None, None)


def _present() -> frozenset[Signal]:
    """The signals that need no exporter of ours: they have one, or none is wanted.

    Where only OpenTelemetry's own variables say where to, whatever exports by them does: what is ours there
    is the lane of decisions. So it is where a configuration file names our exporters: it says all.
    """
    exported = deliveries.exported()
    if not is_set(os.environ, *NAMED_BY) or (exported and is_set(os.environ, "OTEL_CONFIG_FILE")):
        return frozenset(Signal)
    return exported | {signal for signal in Signal if exporters(os.environ, signal) == "none"}


def _complain(problem: str, consequence: str = "") -> None:
    """Note what is wrong, and log it with what follows: under ``promethios run`` nothing does."""
    _here.problems.append(problem)
    if not os.environ.get(CHANNEL):
        _logger.error("%s%s", consequence, problem)
