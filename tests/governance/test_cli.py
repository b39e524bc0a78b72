"""The root of the command line."""

from __future__ import annotations

from importlib.metadata import version

import click
from click.testing import CliRunner

from promethios.governance.cli import ComponentCommands, _load, main


def test_it_tells_its_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert version("promethios") in result.output


def test_every_command_is_listed() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in ("dashboards", "demo", "keys", "policies", "serve"):
        assert name in result.output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(main, ["sevre"])
    assert result.exit_code == 2
    assert "No such command 'sevre'" in result.output


def test_a_command_whose_extra_is_missing_names_it() -> None:
    from importlib.metadata import EntryPoint

    command = _load(EntryPoint("serve", "no_such_server.module:serve", ComponentCommands.__module__))
    assert isinstance(command, click.Command)
    result = CliRunner().invoke(command, ["--db", "x"])
    assert result.exit_code == 1
    assert "pip install 'promethios[receiver]'" in result.output
    assert "'no_such_server' is not installed" in result.output
