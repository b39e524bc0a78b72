"""The root of the command line. Each component adds its commands; one is loaded only when it is used."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points, version

import click

COMMANDS_GROUP = "promethios.commands"


class ComponentCommands(click.Group):
    """A group whose commands are the entry points of `COMMANDS_GROUP`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(entry_points(group=COMMANDS_GROUP).names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for entry_point in entry_points(group=COMMANDS_GROUP, name=cmd_name):
            return _load(entry_point)
        return None


def _load(entry_point: EntryPoint) -> click.Command:
    """Import a command, or make one that names the extra it needs."""
    try:
        command: click.Command = entry_point.load()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "promethios":
            raise
        return _unavailable(entry_point.name, error.name or "a module")
    return command


def _unavailable(name: str, module: str) -> click.Command:
    extra = "demo" if name == "demo" else "receiver"

    @click.command(
        name,
        short_help=f"(needs promethios[{extra}])",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def missing() -> None:
        raise click.ClickException(
            f"cannot run `promethios {name}`: the module {module!r} is not installed; "
            f"install it with: pip install 'promethios[{extra}]'"
        )

    return missing


@click.group(cls=ComponentCommands)
@click.version_option(version("promethios"), prog_name="promethios")
def main() -> None:
    """Govern AI agents through OpenTelemetry."""
