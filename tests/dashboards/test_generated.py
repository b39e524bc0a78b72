"""The committed JSON is what the sources make, and what the SDK understands."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from tests.support.boards import BOARDS

from promethios.dashboards.build import encode, generate, main


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_committed_bytes_are_those_of_the_generator(name: str) -> None:
    committed = (resources.files("promethios.dashboards") / "json" / name).read_bytes()
    assert committed == generate()[name], "run python -m promethios.dashboards.build and commit the result"


def test_every_dashboard_is_committed_and_no_other() -> None:
    assert set(generate()) == set(BOARDS)


def test_generating_twice_gives_the_same_bytes() -> None:
    assert generate() == generate()


def test_generator_writes_all_files_into_a_new_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(tmp_path / "new" / "json")
    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "json").iterdir()} == generate()
    assert "promethios-overview.json" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_dashboard_survives_a_round_trip_through_the_sdk(name: str) -> None:
    """A key that the SDK does not know, such as a misspelt one, would be lost on the way."""
    from grafana_foundation_sdk.models import dashboard

    register_default_plugins()
    read = dashboard.Dashboard.from_json(BOARDS[name])
    assert json.loads(encode(read)) == BOARDS[name]


_WITHOUT_SDK = """
import sys
sys.modules["grafana_foundation_sdk"] = None
import promethios.dashboards
import promethios.dashboards.cli
assert promethios.dashboards.cli.dashboards.commands
import promethios.dashboards.build
"""


def test_package_and_command_work_without_the_sdk_and_the_generator_says_what_is_missing() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_SDK], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("cannot generate dashboards: grafana-foundation-sdk is not installed;")
    assert "pip install --group dev" in done.stderr
