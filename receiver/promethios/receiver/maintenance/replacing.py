"""Putting a database in the place of another: what lies beside a file belongs to it too.

SQLite plays a log or a journal that lies beside a database back into it, whosever it was: of a database that
was removed, or that another one replaced. So they go with their database, or nothing is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from promethios.receiver.maintenance.copying import sync_folder
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.lock import lock_state

#: The files beside a database that are a part of it.
_PARTS: Final = ("-wal", "-journal")


def must_be_free(destination: Path) -> None:
    """Whether a copy can have this name, as far as others are concerned.

    Raises:
        StoreError: A receiver has what is there, or a log of another database lies beside it.
    """
    if holder := lock_state(destination).holder:
        raise StoreError(
            f"cannot replace {destination}: a receiver has it (process {holder}); name another file"
        )
    for part in _parts(destination.resolve()):
        if part.stat().st_size:
            raise StoreError(
                f"cannot write {destination}: {part}, the log of another database, is beside it and would be "
                "taken for its own; move it away, or name another file"
            )


@contextmanager
def put_aside(there: Path) -> Iterator[Path | None]:
    """Keep what is there under a name that says when, and bring it back when the block fails.

    The database goes before its log: killed in between, it leaves a log without a database, at which a
    receiver refuses to start. The other way round it would start without what was stored last.

    Args:
        there: The database's own name, no link. Nobody holds it but the caller.
    """
    kept = there.with_name(f"{there.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    moved: list[tuple[Path, Path]] = []
    try:
        for part in [*([there] if there.exists() else []), *_parts(there)]:
            new = Path(f"{kept}{part.name.removeprefix(there.name)}")
            part.rename(new)
            moved.append((part, new))
        Path(f"{there}-shm").unlink(missing_ok=True)
        # A log that came back after a power cut would be the new database's.
        sync_folder(there)
        yield moved[0][1] if moved else None
    except BaseException:
        for old, new in reversed(moved):
            new.rename(old)
        raise


def _parts(database: Path) -> list[Path]:
    files = (Path(f"{database}{end}") for end in _PARTS)
    return [file for file in files if file.exists()]
