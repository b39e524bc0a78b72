"""The detectors there are, by their ids, and what a pattern of ids means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from promethios.governance.detectors import plugins
from promethios.governance.detectors.addresses import ADDRESSES
from promethios.governance.detectors.detector import Detector
from promethios.governance.detectors.identity import IDENTITY
from promethios.governance.detectors.injection import INJECTION
from promethios.governance.detectors.phone import PHONE
from promethios.governance.detectors.pii import PII
from promethios.governance.detectors.secrets import SECRETS

_ALL: Final = (*ADDRESSES, *IDENTITY, *INJECTION, PHONE, *PII, *SECRETS)

#: Every built-in detector by its id, sorted.
DETECTORS: Final[Mapping[str, Detector]] = MappingProxyType(
    {detector.id: detector for detector in sorted(_ALL, key=lambda each: each.id)}
)


def known() -> tuple[str, ...]:
    """The ids of all detectors that any bundle may name: the built-in ones and the plug-ins."""
    return (*DETECTORS, *(name for name in sorted(plugins.installed()) if name not in DETECTORS))


def resolve(pattern: str) -> tuple[str, ...]:
    """The ids that a pattern such as ``secret.*`` or ``pii.card`` means; empty where there is none."""
    return tuple(name for name in known() if fnmatchcase(name, pattern))


def select(names: Iterable[str], own: Iterable[Detector] = ()) -> list[Detector]:
    """The detectors of these ids: a bundle's own, the built-in ones, and plug-ins, which are loaded.

    Raises:
        PluginError: A plug-in is not installed (any more), or cannot be loaded.
    """
    brought = {detector.id: detector for detector in own}
    return [brought.get(name) or DETECTORS.get(name) or plugins.load(name) for name in sorted(set(names))]
