"""Fixtures of the detectors' tests."""

from __future__ import annotations

from tests.support.plugins import install as install
