"""Reading a bundle of policies: from a file, from text, or from the library that comes with the package."""

from __future__ import annotations

from pathlib import Path

from promethios.governance.policies.bundle_reader import BundleReader
from promethios.governance.policies.model import Bundle
from promethios.governance.policies.problems import PolicyError, Problem
from promethios.governance.policies.sources import Source, SourceError, open_source


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle, and those that it extends, from a YAML file or the library (``promethios:baseline``).

    Raises:
        PolicyError: the file cannot be read or has mistakes; all of them are in the message.
    """
    return load_with_notes(path)[0]


def load_with_notes(path: str | Path) -> tuple[Bundle, tuple[str, ...]]:
    """A bundle as `load_bundle` reads it, and what became of the policies of those that it extends.

    Raises:
        PolicyError: the file cannot be read or has mistakes; all of them are in the message.
    """
    name = str(path)
    try:
        source = open_source(name)
    except SourceError as error:
        raise PolicyError(name, [Problem(1, 1, error.message, error.hint)]) from None
    reader = BundleReader()
    return reader.read(source), reader.notes


def parse_bundle(text: str, source: str = "<string>", *, folder: Path | None = None) -> Bundle:
    """Read a bundle from YAML text.

    Args:
        text: The bundle.
        source: Its name in errors.
        folder: Where the relative paths of ``extends`` begin; without it only the library can be extended.

    Raises:
        PolicyError: it has mistakes; all of them are in the message, each with line and column.
    """
    return BundleReader().read(Source(source, text, source, folder))
