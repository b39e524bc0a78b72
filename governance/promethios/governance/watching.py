"""Reloading policies while an agent runs: the last good ones stay in force, whatever happens to the file."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from promethios.governance.policies import Bundle, load_bundle
from promethios.governance.policies.sources import LIBRARY_PREFIX
from promethios.governance.telemetry.forks import renew_in_child

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)

#: Seconds between two looks at the files, where nothing else is asked for.
INTERVAL: Final = 5.0

_Marks = dict[str, tuple[int, int, int] | None]


class Watch:
    """Looks for changes of a policy file, or of one that it extends, and puts them in force.

    Made by `Governor.watch`; usable as a context manager. It ends with `close`, and when nobody holds the
    governor any more. In a forked child it starts anew.

    Args:
        governor: Whose policies change.
        path: The bundle's file.
        interval: Seconds between two looks.
        loaded: The bundle as it was read from the file when the watch began.
    """

    def __init__(self, governor: Governor, path: str | Path, interval: float, loaded: Bundle) -> None:
        self._path = str(path)
        self._interval = interval
        self._governor = weakref.ref(governor)
        self._wrong = ""
        self._files = self._named(loaded)
        # Nothing is seen yet: between reading a file and looking at its marks it may have changed.
        self._seen: _Marks = {}
        self._start()
        renew_in_child(self)

    def close(self) -> None:
        """Stop looking. The policies stay as they are."""
        self._closed.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def look(self) -> None:
        """Look now: load the file if it, or a file it extends, has changed. Never raises."""
        marks = _marks(self._files)
        if marks == self._seen and not self._wrong:
            return
        changed, self._seen = marks != self._seen, marks
        try:
            self._reload()
        except Exception as error:
            self._fail(str(error), changed)

    def renew(self) -> None:
        """Go on in a forked child, where the thread is not."""
        if not self._closed.is_set():
            self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=_run,
            args=(weakref.ref(self), self._closed, self._interval),
            name="promethios-policies",
            daemon=True,
        )
        self._thread.start()

    def _reload(self) -> None:
        bundle = load_bundle(self._path)
        governor = self._governor()
        if governor is None:
            self._closed.set()
            return
        if self._wrong or bundle.id != governor.bundle.id:
            governor.use(bundle)
            _log.info("policies %s are in force: %s %s", self._path, bundle.id.name, bundle.id.version)
        self._wrong = ""
        self._files = self._named(bundle)

    def _fail(self, problem: str, changed: bool) -> None:
        """Say it once for each change; a file that stays wrong is read again: a base may come late."""
        if not changed and problem == self._wrong:
            return
        self._wrong = problem
        governor = self._governor()
        if governor is None:
            return
        governor.count_reload("failed")
        _log.error(
            "cannot load the policies that changed; those of %s %s stay in force: %s",
            governor.bundle.id.name,
            governor.bundle.id.version,
            problem,
        )

    def _named(self, bundle: Bundle) -> tuple[str, ...]:
        bases = (name for name in bundle.sources if not name.startswith(LIBRARY_PREFIX))
        return tuple(dict.fromkeys((self._path, *bases)))


def _run(watch: Callable[[], Watch | None], closed: threading.Event, interval: float) -> None:
    """Look again and again, without keeping the watch alive between two looks."""
    while not closed.wait(interval):
        if (found := watch()) is None:
            return
        found.look()
        del found


def _marks(files: Iterable[str]) -> _Marks:
    """What changes when a file does: replaced, written, or gone."""
    return {name: _mark(name) for name in files}


def _mark(name: str) -> tuple[int, int, int] | None:
    try:
        found = Path(name).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
