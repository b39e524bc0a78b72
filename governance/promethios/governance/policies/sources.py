"""Where the text of a bundle comes from: a file, the library, or the caller."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from promethios.governance.policies.document import MAX_LENGTH

#: A path that begins so means a bundle of the library, such as ``promethios:baseline``.
LIBRARY_PREFIX: Final = "promethios:"
_LIBRARY: Final = files("promethios.governance.policies") / "library"


class SourceError(ValueError):
    """A text that cannot be had: `message` says why, `hint` (or nothing) what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class Source:
    """A text, its name in messages, what identifies it, and the folder in which its relative paths begin."""

    name: str
    text: str
    identity: str
    folder: Path | None = None


def library() -> tuple[str, ...]:
    """The names of the ready-made bundles, with their prefix, sorted."""
    names = (entry.name for entry in _LIBRARY.iterdir() if entry.name.endswith(".yaml"))
    return tuple(sorted(LIBRARY_PREFIX + name.removesuffix(".yaml") for name in names))


def open_source(name: str, folder: Path | None = None) -> Source:
    """The text of a file, its path relative to `folder`, or of a bundle of the library.

    Raises:
        SourceError: there is no such text, or it cannot be read.
    """
    if name.startswith(LIBRARY_PREFIX):
        return _of_library(name)
    path = folder / name if folder is not None else Path(name)
    try:
        with path.open(encoding="utf-8") as file:
            # One more than is accepted, so that the reader sees that it is too long.
            text = file.read(MAX_LENGTH + 1)
        identity = str(path.resolve())
    except UnicodeDecodeError as error:
        raise SourceError(f"the file is not UTF-8: byte {error.start} is wrong") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"the file cannot be read: {reason}") from None
    return Source(str(path), text, identity, path.parent)


def _of_library(name: str) -> Source:
    if name not in library():
        raise SourceError("the library has no such bundle", f"there is {', '.join(library())}")
    text = (_LIBRARY / f"{name.removeprefix(LIBRARY_PREFIX)}.yaml").read_text(encoding="utf-8")
    return Source(name, text, name)
