"""Colours can be told apart by everybody, and are used for what they stand for."""

from __future__ import annotations

import json
import re

import pytest
from tests.support.boards import BOARDS, OVERVIEW, panel
from tests.support.colors import closest, contrast

from promethios.dashboards import palette
from promethios.governance.trust import tier_of

_SCALES = sorted(name for name, value in vars(palette).items() if name.isupper() and isinstance(value, dict))


@pytest.mark.parametrize("scale", _SCALES)
def test_colours_of_a_scale_can_be_told_apart_by_everybody(scale: str) -> None:
    colors = getattr(palette, scale).values()
    assert closest(colors) >= 18
    assert min(contrast(color, "#181b1f") for color in colors) >= 3, "against Grafana's dark panels"


def test_every_scale_is_measured() -> None:
    assert {"SEVERITIES", "STATUSES", "TIERS", "VERDICTS"} < set(_SCALES)


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_dashboards_have_no_colour_of_their_own(name: str) -> None:
    named = {palette.NEUTRAL} | {color for scale in _SCALES for color in getattr(palette, scale).values()}
    assert set(re.findall(r'"(#[0-9a-fA-F]{6})"', json.dumps(BOARDS[name]))) <= named


def test_steps_of_trust_are_its_tiers() -> None:
    steps = panel(OVERVIEW, "Trust by agent")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    starts = {step["value"] or 0: step["color"] for step in steps}
    assert {tier_of(start): color for start, color in starts.items()} == palette.TIERS
    for start in list(starts)[1:]:
        assert tier_of(start - 1) != tier_of(start)
