"""The seeded receiver, one for each process that runs tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.seeded import Seeded, seeded_receiver


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """A receiver that has stored what four agents sent."""
    with seeded_receiver(tmp_path_factory.mktemp("receiver")) as seeded:
        yield seeded
