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


def look(environ: Mapping[str, str]) -> tuple[list[Finding], dict[str, Any]]:
    """Read the file that ``OTEL_CONFIG_FILE`` names, as the SDK would; nothing where none is named.

    Returns:
        What was found, and the settings that the file gives, `policies` among them.
    """
    path = environ.get(_FILE, "").strip()
    if not path:
        return [], {}
    config = _load(path)
    return ([config], {}) if isinstance(config, Finding) else ([_ours(path, config)], _given(config))


def _load(path: str) -> Any:
    """The file, as the SDK reads it; or what keeps it from being used."""
    if not _is_installed():
        said = f"{_FILE} is set, and opentelemetry-configuration is not installed: the SDK is not set up"
        return Finding(_CHECK, Level.ERROR, said, "pip install opentelemetry-configuration")
    from opentelemetry.configuration import load_config_file

    # It also logs what it raises, and nobody has said where to.
    logging.getLogger("opentelemetry.configuration").addHandler(logging.NullHandler())
    try:
        config = load_config_file(path)
    except Exception as error:
        said = f"{path}: {error}"
        return Finding(_CHECK, Level.ERROR, said, "until it is right the SDK is not set up")
    if config.disabled:
        return Finding(_CHECK, Level.WARNING, f"{path}: disabled is true: the SDK is not set up")
    return config


def _is_installed() -> bool:
    return find_spec("opentelemetry.configuration") is not None


def _ours(path: str, config: Any) -> Finding:
    sent = [signal for part, signal in _SIGNALS.items() if any(True for _ in _named(config, part))]
    if not sent:
        said = f"{path} sends nothing through the exporter promethios"
        return Finding(_CHECK, Level.NOTE, said, "see examples/configuration_file")
    return Finding(_CHECK, Level.OK, f"{path} sends {', '.join(sent)} through the exporter promethios")


def _given(config: Any) -> dict[str, Any]:
    """The settings that decisions go by: the instrumentation's, else those of the file's first exporter."""
    ours = next(_named(config, "instrumentation_development"), {})
    ours = {} if ours.pop("enabled", True) is False else ours
    policies = {"policies": ours.pop("policies", None)}
    exporters = (found for part in _SIGNALS for found in _named(config, part))
    given = ours or next(exporters, {})
    return {name: value for name, value in {**given, **policies}.items() if value is not None}


def _named(config: Any, part: str) -> Iterator[dict[str, Any]]:
    """What a part of the file has below our name, anywhere in it."""
    plain = json.loads(json.dumps(getattr(config, part, None), default=vars, skipkeys=True))
    yield from _below(plain)


def _below(part: Any) -> Iterator[dict[str, Any]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part if isinstance(part, list) else ())
    for name, value in inner:
        if name == "promethios":
            yield dict(value or {})
        else:
            yield from _below(value)
