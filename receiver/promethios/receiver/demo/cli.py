"""``promethios demo``: a receiver, a stand-in for an LLM, and three agents that are governed."""

from __future__ import annotations

import contextlib
import json
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from promethios.receiver.demo.stage import Stage

_NEEDED: Final = {
    "openai": "openai",
    "opentelemetry.instrumentation.genai.openai": "opentelemetry-instrumentation-genai-openai",
    "flask": "flask",
    "sqlalchemy": "sqlalchemy",
    "rich": "rich",
}


_PATH: Final = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--exit", "leave", is_flag=True, help="End when the agents are through.")
@click.option("--db", metavar="PATH", type=_PATH, help="Keep the database here.")
@click.option("--http", metavar="HOST:PORT", help="The receiver's address; 127.0.0.1:4318 if that is free.")
@click.option("--json", "as_json", is_flag=True, help="Write nothing but the counts, as one JSON object.")
def demo(leave: bool, db: Path | None, http: str | None, as_json: bool) -> None:
    """Watch three agents being governed, on this machine.

    No account is needed. A receiver starts with a SQLite database, and a local stand-in for an LLM. Three
    agents use it with the real OpenAI client: one behaves, one is attacked through a tool's result, one is
    careless. What each tried and what was decided is shown as it happens, then what the receiver stored. The
    exit status is 0 if everything is stored that should be and nothing happened that should not.
    """
    _check_installed()
    from promethios.receiver.cli.keystores import KeyStoreError
    from promethios.receiver.demo.processes import ProcessError, free_address
    from promethios.receiver.demo.stage import set_up

    signal.signal(signal.SIGTERM, _terminate)
    try:
        stage = set_up(db, http or free_address())
        held = _run(stage, leave, as_json)
    except (ProcessError, KeyStoreError, OSError) as error:
        raise click.ClickException(f"the demonstration cannot go on: {error}") from error
    if not held:
        raise SystemExit(1)


def _run(staging: contextlib.AbstractContextManager[Stage], leave: bool, as_json: bool) -> bool:
    from rich.console import Console

    from promethios.receiver.demo.show import Show
    from promethios.receiver.demo.stage import holds

    show = Show(Console(quiet=as_json))
    with staging as stage:
        show.opening(stage.url, str(stage.database), stage.llm.address)
        summary: dict[str, Any] = stage.perform(show)
        summary |= {"console": stage.url, "database": str(stage.database)}
        # From here on Ctrl-C is the way to end it, not to break it off.
        with contextlib.suppress(KeyboardInterrupt):
            if as_json:
                click.echo(json.dumps(summary))
            if not leave:
                show.closing(stage.url, stage.read_key)
                stage.receiver.wait()
        return holds(summary)


def _check_installed() -> None:
    missing = [package for module, package in _NEEDED.items() if not _is_there(module)]
    if missing:
        raise click.ClickException(
            f"cannot run `promethios demo`: {', '.join(missing)} not installed;"
            " install with: pip install 'promethios[demo]'"
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _terminate(*_: object) -> NoReturn:
    """End like Ctrl-C does: by an exception, so that everything is taken down on the way."""
    raise SystemExit(128 + signal.SIGTERM)
