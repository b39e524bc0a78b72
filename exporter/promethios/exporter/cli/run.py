"""``promethios run``: an agent that is governed, or does not run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from promethios.exporter.running import EX_CONFIG
from promethios.exporter.running.interpreter import deafness
from promethios.exporter.running.supervisor import NotGovernedError, supervise

#: What shells say of a command that cannot be executed, or is not there.
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127

_SITE: Final = Path(__file__).parents[1] / "running" / "site"
_OPTIONS: Final = {
    "policies": "PROMETHIOS_POLICIES",
    "endpoint": "PROMETHIOS_ENDPOINT",
    "service_name": "OTEL_SERVICE_NAME",
    "spool_dir": "PROMETHIOS_SPOOL_DIR",
}
#: Paths, which would mean another file in a process that starts elsewhere.
_PATHS: Final = (
    "PROMETHIOS_POLICIES",
    "PROMETHIOS_SPOOL_DIR",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_CONFIG_FILE",
)


def _cannot(command: str, problem: object, status: int) -> click.ClickException:
    error = click.ClickException(f"cannot run {command}: {problem}")
    setattr(error, "exit_code", status)  # noqa: B010 - of the class, for mypy
    return error


def _not_there(command: str) -> click.ClickException:
    if not Path(command).is_file():
        return _cannot(command, "there is no such command", _NOT_FOUND)
    advice = f"; run it as: python {command}" if command.endswith(".py") else ""
    return _cannot(command, f"it cannot be executed{advice}", _NOT_EXECUTABLE)


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--policies", metavar="PATH", help="The policy bundle to govern by, or promethios:NAME.")
@click.option("--endpoint", metavar="URL", help="Base URL of the receiver or Collector.")
@click.option("--service-name", metavar="NAME", help="The agent's service.name.")
@click.option("--spool-dir", metavar="PATH", help="Folder for what cannot be delivered now.")
@click.option(
    "--start-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the command may take until its Python is governed.",
)
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND [ARGS]...")
def run(command: tuple[str, ...], start_timeout: float, **options: str | None) -> None:
    """Run an agent's COMMAND governed, or not at all.

    Nothing of ours is needed in its code. Policies, guards and delivery are in force in its Python, and in
    every Python that it starts, before the first line; where they are not, the command is ended. Options
    stand over the environment; the key is read from PROMETHIOS_API_KEY only, as others could see an option.

    Exits as the command does: with its status, or with 128 and the number of the signal that ended it. With
    78 it was not governed and did not run, or was ended; with 126 or 127 it cannot be executed or was not
    found.
    """
    program = shutil.which(command[0])
    if program is None:
        raise _not_there(command[0])
    if reason := deafness(command, program):
        raise _cannot(command[0], f"it would not be governed: {reason}", EX_CONFIG)
    try:
        status = supervise(command, program, _environment(os.environ, options), start_timeout)
    except NotGovernedError as error:
        raise _cannot(command[0], f"it is not governed: {error}", EX_CONFIG) from None
    except OSError as error:
        raise _cannot(command[0], error.strerror, _NOT_EXECUTABLE) from None
    raise SystemExit(status)


def _environment(environ: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str]:
    """The command's: options over variables, whole paths, and our folder first among Python's."""
    given = {_OPTIONS[name]: value for name, value in options.items() if value is not None}
    merged = {**environ, **given}
    paths = {name: str(Path(merged[name]).absolute()) for name in _PATHS if _is_path(merged.get(name, ""))}
    folders = [folder for folder in merged.get("PYTHONPATH", "").split(os.pathsep) if folder != str(_SITE)]
    python_path = os.pathsep.join([str(_SITE), *filter(None, folders)])
    return {**merged, **paths, "PYTHONPATH": python_path}


def _is_path(value: str) -> bool:
    return bool(value.strip()) and not value.startswith("promethios:")
