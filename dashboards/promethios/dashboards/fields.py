"""How a field is shown: thresholds, colours of known words, links of a cell, overrides by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as m

from promethios.dashboards import links, palette

Property = m.DynamicConfigValue

#: From the value at which a colour begins, to the colour; None is below all others.
Steps = Mapping[float | None, str]

#: The tiers of trust begin at these scores (promethios.governance.trust).
TRUST_STEPS: Final[Steps] = {
    None: palette.TIERS["restricted"],
    300: palette.TIERS["probation"],
    500: palette.TIERS["standard"],
    700: palette.TIERS["trusted"],
}
ANY_IS_BAD: Final[Steps] = {None: palette.GOOD, 1: palette.BAD}
ANY_IS_ODD: Final[Steps] = {None: palette.GOOD, 1: palette.WARN}
#: A share of what should be all.
COVERED: Final[Steps] = {None: palette.BAD, 0.9: palette.WARN, 1: palette.GOOD}
#: A share of what is at hand.
FILLED: Final[Steps] = {None: palette.GOOD, 0.8: palette.WARN, 0.95: palette.BAD}
#: In microseconds; a person notices an agent that thinks 100 ms longer at each step.
QUICK: Final[Steps] = {None: palette.GOOD, 10_000: palette.WARN, 100_000: palette.BAD}


def thresholds(steps: Steps) -> build.ThresholdsConfig:
    """Absolute thresholds."""
    return build.ThresholdsConfig().mode(m.ThresholdsMode.ABSOLUTE).steps(_levels(steps))


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


def decimals(places: int) -> Property:
    """Digits after the point."""
    return Property(id_val="decimals", value=places)


def width(pixels: int) -> Property:
    """A table column's width."""
    return Property(id_val="custom.width", value=pixels)


def no_value(shown: str) -> Property:
    """What a cell says that has no value."""
    return Property(id_val="noValue", value=shown)


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


def gauge(steps: Steps, most: float, shown_as: str, pixels: int = 150) -> list[Property]:
    """A cell with a bar from 0 to ``most``, coloured by ``steps``, and the number in ``shown_as``, a unit."""
    bar = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    return [
        Property(id_val="custom.cellOptions", value=bar),
        Property(id_val="min", value=0),
        Property(id_val="max", value=most),
        Property(id_val="thresholds", value={"mode": "absolute", "steps": _levels(steps)}),
        Property(id_val="color", value={"mode": "thresholds"}),
        unit(shown_as),
        width(pixels),
    ]


def judged(steps: Steps, pixels: int = 90) -> list[Property]:
    """A number on the colour that ``steps`` give it."""
    filled = {"type": "color-background", "mode": "basic", "applyToRow": False}
    return [
        Property(id_val="custom.cellOptions", value=filled),
        Property(id_val="thresholds", value={"mode": "absolute", "steps": _levels(steps)}),
        Property(id_val="color", value={"mode": "thresholds"}),
        width(pixels),
    ]


def moment(pixels: int = 170) -> list[Property]:
    """A time, to the second."""
    return [unit("dateTimeAsIso"), width(pixels)]


def ago(otherwise: str, pixels: int = 115) -> list[Property]:
    """A time as how long ago it was; ``otherwise`` where there is none."""
    return [unit("dateTimeFromNow"), no_value(otherwise), width(pixels)]


def money(pixels: int = 90) -> list[Property]:
    """US dollars; without a known price there is no amount."""
    return [unit("currencyUSD"), decimals(2), no_value("no price"), width(pixels)]


def narrow(*columns: str) -> Mapping[str, list[Property]]:
    """Columns of small numbers, so that there is room for words."""
    return {column: [width(95)] for column in columns}


def measured(name: str, pixels: int = 90) -> list[Property]:
    """A number in a unit."""
    return [unit(name), width(pixels)]


def trace_link(pixels: int = 140) -> list[Property]:
    """A cell whose text leads to the Trace dashboard; the column must be called "Trace"."""
    return [link("Open trace", links.TO_TRACE), width(pixels)]


def agent_link(pixels: int = 150) -> list[Property]:
    """A cell that leads to the agent's dashboard; the column must be called "Agent"."""
    return [link("Open agent", links.TO_AGENT), width(pixels)]


def policy_link(pixels: int = 150) -> list[Property]:
    """A cell that leads to the policy's dashboard; the column must be called "Policy"."""
    return [link("Open policy", links.TO_POLICY), width(pixels)]


def link(title: str, url: str) -> Property:
    """A link on one column: as a default it would turn every cell of a table into a link."""
    return Property(id_val="links", value=[{"title": title, "url": url, "targetBlank": False}])


def _levels(steps: Steps) -> list[m.Threshold]:
    return [m.Threshold(value=value, color=color) for value, color in steps.items()]
