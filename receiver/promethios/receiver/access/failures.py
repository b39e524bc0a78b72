"""Failed attempts to get in: limited by address and by key id, and told to whoever reads the log.

Only what has failed comes here. A valid key is let in before anybody asks how often others have failed, from
its own address or with its own id: otherwise anyone behind the same NAT or proxy, or who knows the public id
of a key, could lock its holder out. What stops guessing is the length of the secret (190 bits); this bounds
what guessing costs, and makes it seen.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from promethios.receiver.access.buckets import Buckets, Rate

_log = logging.getLogger(__name__)

#: Failures at once and a second, of one address (many agents may share it) and with one key id.
BY_ADDRESS: Final = Rate(30, 0.5)
BY_KEY: Final = Rate(10, 0.2)
#: The longest time that a client is told to wait, seconds: exporters give up on a longer one.
LONGEST_WAIT: Final = 5
#: Seconds from one alarm to the next: the log is not the attacker's to fill.
ALARM_EVERY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a wrong key was shown since the receiver started, how often too often, and the alarms."""

    failed: int = 0
    limited: int = 0
    alarms: int = 0


class Failures:
    """Counts failed attempts; thread-safe.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._addresses, self._keys = Buckets(clock=clock), Buckets(clock=clock)
        self._failed = self._limited = self._alarms = self._silent = 0
        self._alarmed = -ALARM_EVERY

    def note(self, address: str, key_id: str | None) -> int:
        """Count an attempt that failed.

        Args:
            address: The network of the client, from `network_of`.
            key_id: The id in the key that was shown; None where it was none.

        Returns:
            0, or after how many seconds (at most `LONGEST_WAIT`) to try again: it was one too many.
        """
        wait = self._addresses.take(address, BY_ADDRESS, 1)
        if key_id is not None:
            wait = max(wait, self._keys.take(key_id, BY_KEY, 1))
        with self._lock:
            self._failed += 1
            self._limited += bool(wait)
        if wait:
            self._alarm(address, key_id)
        return min(LONGEST_WAIT, math.ceil(wait))

    def figures(self) -> Attempts:
        """The counts as they are now."""
        with self._lock:
            return Attempts(self._failed, self._limited, self._alarms)

    def _alarm(self, address: str, key_id: str | None) -> None:
        now = self._clock()
        with self._lock:
            if now - self._alarmed < ALARM_EVERY:
                self._silent += 1
                return
            self._alarmed, silent, self._silent = now, self._silent, 0
            self._alarms += 1
        shown = "a key that is none" if key_id is None else f"a wrong key with the id {key_id}"
        _log.warning(
            "too many wrong API keys: the latest from %s, %s; %d more since the last alarm",
            address, shown, silent,
        )  # fmt: skip


def network_of(peer: str) -> str:
    """Whom an address counts for: itself, or of IPv6 its /64, which is what one client has.

    Args:
        peer: An address, or as gRPC writes it: ``ipv4:192.0.2.1:5``, ``ipv6:%5B::1%5D:5``.
    """
    text = unquote(peer)
    if text.startswith(("ipv4:", "ipv6:")):
        text = text[5:].rpartition(":")[0].strip("[]")
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text[:60]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
