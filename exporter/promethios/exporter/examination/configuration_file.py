"""OpenTelemetry's configuration file: whether it can be used, and what of it is ours."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final

from promethios.governance.findings import Finding, Level

_CHECK: Final = "file"
_FILE: Final = "OTEL_CONFIG_FILE"
_SIGNALS: Final = {"tracer_provider": "traces", "meter_provider": "metrics", "logger_provider": "logs"}


def look(environ: Mapping[str, str]) -> list[Finding]:
    """Read the file that ``OTEL_CONFIG_FILE`` names, as the SDK would; nothing where none is named."""
    path = environ.get(_FILE, "").strip()
    if not path:
        return []
    if not _is_installed():
        said = f"{_FILE} is set, and opentelemetry-configuration is not installed: the SDK is not set up"
        return [Finding(_CHECK, Level.ERROR, said, "pip install opentelemetry-configuration")]
    from opentelemetry.configuration import load_config_file

    # It also logs what it raises, and nobody has said where to.
    logging.getLogger("opentelemetry.configuration").addHandler(logging.NullHandler())
    try:
        config = load_config_file(path)
    except Exception as error:
        said = f"{path}: {error}"
        return [Finding(_CHECK, Level.ERROR, said, "until it is right the SDK is not set up")]
    if config.disabled:
        return [Finding(_CHECK, Level.WARNING, f"{path}: disabled is true: the SDK is not set up")]
    return [*_ours(path, config)]


def _is_installed() -> bool:
    return find_spec("opentelemetry.configuration") is not None


def _ours(path: str, config: Any) -> Iterator[Finding]:
    sent = [signal for part, signal in _SIGNALS.items() if _names_us(getattr(config, part, None))]
    if not sent:
        said = f"{path} sends nothing through the exporter promethios"
        yield Finding(_CHECK, Level.NOTE, said, "see examples/configuration_file")
    else:
        yield Finding(_CHECK, Level.OK, f"{path} sends {', '.join(sent)} through the exporter promethios")


def _names_us(part: Any) -> bool:
    """Whether a part of the file names the exporter, anywhere in it."""
    return '"promethios"' in json.dumps(part, default=vars, skipkeys=True)
