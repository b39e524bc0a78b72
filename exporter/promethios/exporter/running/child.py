"""In the process that is run: have it governed, and say so, before the first line of its own."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec

from promethios.exporter import in_force
from promethios.exporter.environment import complete
from promethios.exporter.running import CHANNEL, CONFIRMED, EX_CONFIG
from promethios.exporter.running.channel import tell

_logger = logging.getLogger("promethios.exporter")


class _State:
    confirmed = False
    instrumenting = False


def begin() -> None:
    """Set this process up and confirm it. Where that is not possible, end it: nothing of its own has run."""
    if _State.confirmed:
        return  # by `opentelemetry-instrument`, which called our hook
    complete(os.environ)
    _instrument()
    in_force.set_up()  # which has done nothing yet, where no hook was called
    _conclude()


def confirm() -> None:
    """Confirm a process that something else has set up, unless `begin` is about to."""
    if not _State.instrumenting:
        _conclude()


def _instrument() -> None:
    """Load OpenTelemetry's instrumentations as ``opentelemetry-instrument`` does, where it is installed."""
    if find_spec("opentelemetry.instrumentation") is None:
        return
    _State.instrumenting = True
    try:
        from opentelemetry.instrumentation.auto_instrumentation import initialize

        initialize()
    except Exception:
        # Spans of libraries are missing then. Guards, and what is checked below, do not depend on it.
        _logger.exception("cannot load OpenTelemetry's instrumentations")
    finally:
        _State.instrumenting = False


def _problems() -> list[str]:
    """What is missing. Not to know is to miss it: `site` goes on after what is raised here."""
    try:
        return in_force.problems()
    except Exception as error:
        return [f"cannot tell what is in force: {error!r}"]


def _conclude() -> None:
    _State.confirmed = True
    found = _problems()
    told = tell(os.environ[CHANNEL], found)
    if found:
        if not told:
            sys.stderr.write(f"promethios run: {sys.executable} is not governed: {'; '.join(found)}\n")
        sys.stderr.flush()
        os._exit(EX_CONFIG)
    os.environ[CONFIRMED] = str(os.getpid())
