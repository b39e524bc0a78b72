"""A database taken from one schema to another, as an operator does who goes a version back, or on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic.config import Config
from sqlalchemy import create_engine

from promethios.receiver import store


def migrations(connection: object = None) -> Config:
    """The migrations as Alembic knows them, to be made with a connection."""
    configuration = Config(attributes={"connection": connection})
    configuration.set_main_option("script_location", str(Path(next(iter(store.__path__))) / "migrations"))
    return configuration


def migrate(path: Path, step: Callable[[Config, str], None], revision: str) -> None:
    """Take a database to a revision: ``migrate(path, command.downgrade, "0009")``."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        step(migrations(connection), revision)
    engine.dispose()
