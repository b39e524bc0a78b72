"""The reference pages that are one table each: settings, metrics, alert rules, refusals."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.metadata import entry_points
from typing import Final

from promethios.exporter.settings import ENVIRONMENT
from promethios.exporter.settings import Settings as AgentSettings
from promethios.governance.alerting import RULES, AlertRule
from promethios.receiver.problems import PREFIX, PROBLEMS
from promethios.receiver.settings import Settings
from promethios.receiver.telemetry.counts import Reason
from promethios.receiver.telemetry.instruments import INSTRUMENTS

MADE: Final = "<!-- Made by docs/generate.py; change the code instead. -->\n"

_ABOUT_AGENT_SETTINGS: Final = """
What `configure`, the exporters, `promethios run` and zero code take. The first of these that gives a
setting wins:

1. an argument, or a property in OpenTelemetry's configuration file;
2. the environment, in the order of the names below; a variable that is empty counts as not set;
3. the default.

A setting that cannot work is a `SettingsError` that names it, where it came from, and what to do. In the
environment, yes and no are `true` and `false`.

| Setting | In the environment | Default | What it is |
|---|---|---|---|
"""

_ABOUT_RECEIVER_SETTINGS: Final = """
What `promethios serve` takes. An option goes before a variable, and this before a file (`--config`, or
`PROMETHIOS_CONFIG`): TOML, whose top-level keys are these names. A name that is not known is an error.

| Setting | Option | In the environment | Default | What it is |
|---|---|---|---|---|
"""

_ABOUT_ALERTS: Final = """
One definition, evaluated by the receiver itself and by Grafana: each rule's number is what
`GET /api/v1/signals/{id}` answers for each of its labels, and it fires when that was beyond the threshold for
so long. A file of your own changes thresholds and times ([alerts](../../receiver/README.md#alerts)).

| Rule | Severity | Fires | For | Looks back | |
|---|---|---|---|---|---|
"""

_ABOUT_OWN_METRICS: Final = """
What a receiver says about itself: at `/metrics` as Prometheus reads it, and over OTLP where `self_endpoint`
is set. They are of all tenants together, since the receiver started. `signal` is `spans`, `metrics` or
`logs`; `reason` is one of {}. No label holds what a client can choose.

| In Prometheus | In OTLP | Kind | Unit | Labels | What it says |
|---|---|---|---|---|---|
"""


_ABOUT_REFUSALS: Final = """
What the API answers when it says no: a problem document (RFC 9457), whose `type` is `{}`
and one of these codes, and whose `detail` says what was wrong with this request. OTLP's own routes answer in
OTLP's form, with the same statuses ([OTLP](../../receiver/OTLP.md)).

| Code | Status | Try again | When | What to do |
|---|---|---|---|---|
"""


def receiver_metrics() -> str:
    """Every metric that the receiver has of itself."""
    rows = [
        f"| `{each.prometheus}` | `{each.name}` | {each.kind} | {cell(each.unit)} "
        f"| {', '.join(f'`{label}`' for label in each.labels)} | {cell(each.about)} |\n"
        for each in INSTRUMENTS
    ]
    about = _ABOUT_OWN_METRICS.format(", ".join(f"`{reason}`" for reason in Reason))
    return "".join(["# The receiver's own metrics\n\n", MADE, about, *rows])


def receiver_settings() -> str:
    """Every setting of the receiver, from the class that checks them."""
    about = _arguments(Settings)
    (entry,) = entry_points(group="promethios.commands", name="serve")
    options = {option.name: option.opts[0] for option in entry.load().params}
    rows = [
        f"| `{each.name}` | {_code(options.get(each.name))} | `PROMETHIOS_{each.name.upper()}` "
        f"| {_default(each.name, each.default)} | {cell(about[each.name])} |\n"
        for each in fields(Settings)
    ]
    return "".join(["# The receiver's settings\n\n", MADE, _ABOUT_RECEIVER_SETTINGS, *rows])


def alerts() -> str:
    """Every alert rule, from the definition that the receiver and Grafana share."""
    parts = ["# Alert rules\n\n", MADE, _ABOUT_ALERTS]
    parts += [
        f"| [`{each.id}`](#{each.id}) | {each.severity} | {_beyond(each)} | {_span(each.for_seconds)} "
        f"| {_span(each.window_seconds)} | {'on' if each.enabled else 'off'} |\n"
        for each in RULES
    ]
    parts += [f"\n## {each.id}\n\n**{each.title}.** {cell(each.description)}\n" for each in RULES]
    return "".join(parts)


def agent_settings() -> str:
    """Every setting of an agent's delivery, from the class that reads them."""
    about = _arguments(AgentSettings)
    rows = [
        f"| `{each.name}` | {_variables(each.name)} | {_default(each.name, each.default)} "
        f"| {cell(about[each.name])} |\n"
        for each in fields(AgentSettings)
    ]
    return "".join(["# An agent's settings\n\n", MADE, _ABOUT_AGENT_SETTINGS, *rows])


def _arguments(described: type) -> dict[str, str]:
    """What a class says of each of its arguments."""
    said = re.findall(r"^        (\w+): ((?:.|\n {12})+)", described.__doc__ or "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in said}


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "none"


def _beyond(rule: AlertRule) -> str:
    """When a rule's number is bad: UCUM writes what is counted in braces, and a ratio as 1."""
    unit = "" if rule.unit == "1" else f" {rule.unit.strip('{}')}"
    return f"{rule.comparison} {rule.threshold:,.6g}{unit}"


def _span(seconds: float) -> str:
    """A time in its largest whole unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length:g} {unit}"
    return f"{seconds:g} s"


def _variables(setting: str) -> str:
    return ", else ".join(f"`{name}`" for name in ENVIRONMENT.get(setting, ())) or "none"


def _default(setting: str, value: object) -> str:
    if value is None or value == () or value == "":
        return "none"
    if setting.endswith("_bytes"):
        return f"{int(str(value)) >> 20} MiB"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,g}" if isinstance(value, int | float) else f"`{value}`"


def refusals() -> str:
    """Every kind of no that the receiver says, from the table that answers are made of."""
    rows = [
        f"| `{each.code}` | {each.kind.http} | {'yes' if each.kind.retryable else 'no'} "
        f"| {cell(each.meaning)} | {cell(each.advice)} |\n"
        for each in PROBLEMS.values()
    ]
    return "".join(["# Refusals\n\n", MADE, _ABOUT_REFUSALS.format(PREFIX), *rows])


def cell(text: str) -> str:
    """Text as a cell of a table."""
    return re.sub(r"``([^`]+)``", r"`\1`", text).replace("|", "\\|")
