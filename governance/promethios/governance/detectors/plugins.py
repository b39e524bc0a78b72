"""Detectors from other distributions, by the entry point group ``promethios.detectors``.

A plug-in is an object, or a class without arguments, with a method ``find(text)`` that answers pairs of
offsets. It may set ``asynchronous = True``. The entry point's name is the detector's id. One that no policy
names is never imported; one that fails, or answers nonsense, fails the policies that name it and nothing
else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from typing import Any, Final, Protocol

from promethios.governance.detectors.detector import Detector, Hit

GROUP: Final = "promethios.detectors"
#: How many hits a plug-in may answer for one text.
MAX_HITS: Final = 10_000
_ID: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")


class Plugin(Protocol):
    """What an entry point of the group `GROUP` is, or makes when it is called without arguments.

    It is shared by threads. An attribute ``asynchronous`` that is true has it asked in the background: it
    may be slow then, and its hits only flag.
    """

    def find(self, text: str) -> Iterable[tuple[int, int]]:
        """The offsets of the first character of each hit and behind its last, in any order."""


class PluginError(ValueError):
    """A plug-in that cannot be loaded or does not answer as it must; the message holds no content."""


@lru_cache(maxsize=1)
def installed() -> Mapping[str, EntryPoint]:
    """The plug-ins that are installed, by id; none of them is imported."""
    return {point.name: point for point in entry_points(group=GROUP) if _ID.fullmatch(point.name)}


@lru_cache(maxsize=256)
def load(name: str) -> Detector:
    """The plug-in's detector.

    Raises:
        PluginError: It is not installed, cannot be imported, or has no method ``find``.
    """
    try:
        plugin: Any = installed()[name].load()
        if isinstance(plugin, type):
            plugin = plugin()
    except Exception as error:
        raise PluginError(
            f"the detector '{name}' cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not callable(getattr(plugin, "find", None)):
        raise PluginError(f"the detector '{name}' cannot be loaded: it has no method 'find'")
    return Detector(name, find=plugin.find, asynchronous=getattr(plugin, "asynchronous", False) is True)


def ask(detector: Detector, text: str) -> list[Hit]:
    """What a plug-in finds in the text.

    Raises:
        PluginError: It answered something else than offsets within the text, or too many.
        Exception: Whatever the plug-in raises.
    """
    pairs = list(islice(detector.find(text), MAX_HITS + 1)) if detector.find else []
    if len(pairs) > MAX_HITS:
        raise PluginError(f"it answered more than {MAX_HITS} hits")
    return [_hit(detector.id, pair, len(text)) for pair in pairs]


def _hit(name: str, pair: object, length: int) -> Hit:
    if isinstance(pair, tuple) and len(pair) == 2 and type(pair[0]) is int and type(pair[1]) is int:
        start, end = pair
        if 0 <= start < end <= length:
            return Hit(name, start, end)
    raise PluginError("it answered something else than offsets within the text")


class Asking:
    """Asks plug-ins during one look through a payload, and keeps why one of them could not answer.

    A call that hangs cannot be interrupted: what may be slow belongs into the background.

    Args:
        plugins: Whom to ask; one that has used up its budget is asked no more.
    """

    def __init__(self, plugins: Iterable[Detector]) -> None:
        self._plugins = tuple(plugins)
        self._used: dict[str, float] = {}
        #: Why a detector did not see everything, by id; for people, without content.
        self.failed: dict[str, str] = {}

    def hits(self, text: str) -> list[Hit]:
        """What the plug-ins find that have not failed before."""
        found: list[Hit] = []
        for detector in self._plugins:
            if detector.id not in self.failed:
                found += self._ask(detector, text)
        return found

    def _ask(self, detector: Detector, text: str) -> list[Hit]:
        started = time.perf_counter()
        try:
            hits = ask(detector, text)
        except Exception as error:
            why = f": {error}" if isinstance(error, PluginError) else ""
            self.failed[detector.id] = f"the detector '{detector.id}' failed with {type(error).__name__}{why}"
            return []
        used = self._used[detector.id] = self._used.get(detector.id, 0.0) + time.perf_counter() - started
        if used > detector.budget:
            self.failed[detector.id] = f"the detector '{detector.id}' took more than {detector.budget:g} s"
        return hits
