"""How a field is shown: thresholds, colours of known words, links of a cell, overrides by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as m

Property = m.DynamicConfigValue

#: From the value at which a colour begins, to the colour; None is below all others.
Steps = Mapping[float | None, str]

OVERVIEW_UID: Final = "promethios-overview"
TRACE_UID: Final = "promethios-trace"

# Cells hold what agents sent: percent-encode it, or an agent named "a&var-x=y" would set other variables.
_TRACE_URL: Final = (
    f"/d/{TRACE_UID}?${{datasource:queryparam}}&${{__url_time_range}}"
    "&var-trace_id=${__data.fields.Trace:percentencode}"
)
_AGENT_URL: Final = (
    f"/d/{OVERVIEW_UID}?${{datasource:queryparam}}&${{__url_time_range}}"
    "&var-agent=${__data.fields.Agent:percentencode}"
)


def thresholds(steps: Steps) -> build.ThresholdsConfig:
    """Absolute thresholds."""
    levels = [m.Threshold(value=value, color=color) for value, color in steps.items()]
    return build.ThresholdsConfig().mode(m.ThresholdsMode.ABSOLUTE).steps(levels)


def words(colors: Mapping[str, str]) -> m.ValueMap:
    """Give known words their colour; other values keep theirs."""
    results = {
        word: m.ValueMappingResult(color=color, index=i) for i, (word, color) in enumerate(colors.items())
    }
    return m.ValueMap(options=results)


def states(named: Mapping[str, tuple[str, str]]) -> m.ValueMap:
    """Show numbers as words: from the number's text to a word and its colour."""
    results = {
        value: m.ValueMappingResult(text=word, color=color, index=i)
        for i, (value, (word, color)) in enumerate(named.items())
    }
    return m.ValueMap(options=results)


def fixed_color(color: str) -> Property:
    """One colour, whatever the value."""
    return Property(id_val="color", value={"mode": "fixed", "fixedColor": color})


def unit(name: str) -> Property:
    """A unit of Grafana's list."""
    return Property(id_val="unit", value=name)


def width(pixels: int) -> Property:
    """A table column's width."""
    return Property(id_val="custom.width", value=pixels)


def hidden() -> list[Property]:
    """Keep a field in the data, out of sight."""
    return [Property(id_val="custom.hideFrom", value={"viz": True, "legend": True, "tooltip": True})]


def badge(colors: Mapping[str, str], pixels: int = 90) -> list[Property]:
    """A cell of one of a few words, filled with the word's colour."""
    filled = {"type": "color-background", "mode": "basic", "applyToRow": False}
    return [
        Property(id_val="custom.cellOptions", value=filled),
        Property(id_val="mappings", value=[words(colors)]),
        width(pixels),
    ]


def trace_link(pixels: int = 290) -> list[Property]:
    """A cell whose text leads to the Trace dashboard; the column must be called "Trace"."""
    return [_link("Open trace", _TRACE_URL), width(pixels)]


def agent_link(pixels: int = 170) -> list[Property]:
    """A cell that narrows the Overview to one agent; the column must be called "Agent"."""
    return [_link("Only this agent", _AGENT_URL), width(pixels)]


def _link(title: str, url: str) -> Property:
    # On the column's own override: as a default it would turn every cell of the table into a link.
    return Property(id_val="links", value=[{"title": title, "url": url, "targetBlank": False}])
