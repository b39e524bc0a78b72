"""Receivers to break: what every scenario starts from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults import shim
from tests.faults.shim import Faults


def rounds(short: int, ci: int) -> int:
    """How often a scenario repeats: few times by hand, more in CI, or what ``FAULT_ROUNDS`` says."""
    chosen = os.environ.get("FAULT_ROUNDS")
    return int(chosen) if chosen else ci if os.environ.get("CI") == "true" else short


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preloaded library, compiled once."""
    if shim.compiler() is None:
        pytest.skip("there is no C compiler: the faults of the operating system are made by a small library")
    return shim.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def faults(library: Path, tmp_path: Path) -> Iterator[Faults]:
    """Faults for a receiver that is started with `faults.environment`."""
    folder = tmp_path / "faults"
    folder.mkdir()
    yield Faults(library, folder)
