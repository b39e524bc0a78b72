"""What is installed: libraries that are guarded, and what OpenTelemetry finds of us."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints, PackageNotFoundError, entry_points, version
from typing import Final

from promethios.governance.adapters.library import is_installed
from promethios.governance.findings import Finding, Level

#: Libraries that have an adapter, by the name that they are imported by, and their distributions.
LIBRARIES: Final = {
    "agents": "openai-agents",
    "anthropic": "anthropic",
    "botocore": "botocore",
    "google.genai": "google-genai",
    "langchain_core": "langchain-core",
    "langgraph": "langgraph",
    "litellm": "litellm",
    "mcp": "mcp",
    "openai": "openai",
}
#: What OpenTelemetry looks for, and what it gets.
HOOKS: Final = {
    "opentelemetry_pre_instrument": "governs and delivers under opentelemetry-instrument",
    "opentelemetry_instrumentor": "guards libraries under opentelemetry-instrument",
    "opentelemetry_traces_exporter": "OTEL_TRACES_EXPORTER=promethios",
    "opentelemetry_metrics_exporter": "OTEL_METRICS_EXPORTER=promethios",
    "opentelemetry_logs_exporter": "OTEL_LOGS_EXPORTER=promethios",
    "opentelemetry_genai_completion_hook": "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK=promethios",
}
_TOOLS: Final = {
    "opentelemetry-sdk": "",
    "opentelemetry-instrumentation": "opentelemetry-instrument",
    "opentelemetry-distro": "opentelemetry-instrument",
    "opentelemetry-configuration": "OTEL_CONFIG_FILE",
    "opentelemetry-util-genai": "the completion hook",
    "opentelemetry-instrumentation-system-metrics": "system_metrics",
}


def libraries() -> list[Finding]:
    """Which libraries an agent's calls are guarded in, by version; none of them is imported."""
    there = {name: version_of(dist) for name, dist in LIBRARIES.items() if is_installed(name)}
    missing = [LIBRARIES[name] for name in LIBRARIES if name not in there]
    found = [
        Finding("libraries", Level.OK, f"{LIBRARIES[name]} {is_at}, guarded") for name, is_at in there.items()
    ]
    if missing:
        said = f"not installed, so not guarded: {', '.join(missing)}"
        found.append(Finding("libraries", Level.NOTE, said))
    return found


def entry_points_found() -> list[Finding]:
    """Whether OpenTelemetry finds our exporters and hooks, and what of it is installed."""
    ours = entry_points(name="promethios")  # once: it reads every package there is
    found = [finding for group in HOOKS if (finding := _wrong_with(group, ours.select(group=group)))]
    if not found:
        found.append(
            Finding("hooks", Level.OK, f"{len(HOOKS)} found by OpenTelemetry under the name promethios")
        )
    there = [f"{name} {is_at}" for name in _TOOLS if (is_at := version_of(name))]
    found.append(Finding("packages", Level.OK, ", ".join(there)))
    found += [
        Finding("packages", Level.NOTE, f"{name} is not installed: needed for {purpose}")
        for name, purpose in _TOOLS.items()
        if purpose and not version_of(name)
    ]
    return found


def _wrong_with(group: str, ours: EntryPoints) -> Finding | None:
    """What is wrong with those of a group that have our name; None for nothing."""
    points = {point.value: point for point in ours}
    if not points:
        said = f"nothing in {group}: no {HOOKS[group]}"
        return Finding("hooks", Level.WARNING, said, "install promethios again: what is installed is older")
    foreign = [point for point in points.values() if not point.value.startswith("promethios.")]
    if foreign:
        said = f"{_of(foreign[0])} also calls itself promethios in {group}"
        return Finding("hooks", Level.WARNING, said, "remove it: only one of them is used")
    for point in points.values():
        try:
            point.load()
        except Exception as error:
            said = f"{group}: {point.value} cannot be loaded: {type(error).__name__}: {error}"
            return Finding("hooks", Level.ERROR, said, "install promethios again")
    return None


def _of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def version_of(distribution: str) -> str:
    """The version that is installed; empty for none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
