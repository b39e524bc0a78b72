"""How much telemetry a tenant may send: bytes and items a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from promethios.receiver.access.buckets import Buckets, Rate
from promethios.receiver.refusal import Kind, Refusal

#: The longest time that a client is told to wait, seconds: exporters give up on a longer one.
LONGEST_WAIT: Final = 5


@dataclass(frozen=True, slots=True)
class Quota:
    """What one tenant may send in a minute; 0 for any number, None for what the settings say.

    Args:
        bytes_per_minute: Bytes of requests, unpacked.
        items_per_minute: Spans, points and records.
    """

    bytes_per_minute: int | None = None
    items_per_minute: int | None = None

    def or_else(self, other: Quota) -> Quota:
        """This quota, and `other` where it says nothing."""
        return Quota(
            other.bytes_per_minute if self.bytes_per_minute is None else self.bytes_per_minute,
            other.items_per_minute if self.items_per_minute is None else self.items_per_minute,
        )


class Quotas:
    """What each tenant has left; thread-safe. A minute's worth may come at once.

    Args:
        default: For tenants that have none of their own.
        clock: Seconds, never going back.
    """

    def __init__(self, default: Quota, clock: Callable[[], float] = time.monotonic) -> None:
        self._default = default
        self._buckets = Buckets(clock=clock)

    def check(self, tenant_id: int, quota: Quota) -> None:
        """Refuse what a tenant sends who has nothing left, before it is read and decoded.

        Raises:
            Refusal: 429, with the time to wait.
        """
        for what, rate, _ in self._parts(quota, 0, 0):
            self._take((tenant_id, what), rate, 0)

    @contextmanager
    def spend(self, tenant_id: int, quota: Quota, size: int, items: int) -> Iterator[None]:
        """Take bytes and items from what a tenant has; give them back where the block fails.

        A request may be larger than what is left, and what comes next waits for longer.

        Raises:
            Refusal: Nothing is left: 429, with the time to wait.
        """
        spent: list[tuple[tuple[int, str], Rate, int]] = []
        try:
            for what, rate, amount in self._parts(quota, size, items):
                self._take((tenant_id, what), rate, amount)
                spent.append(((tenant_id, what), rate, amount))
            yield
        except BaseException:
            for name, rate, amount in spent:
                self._buckets.give_back(name, rate, amount)
            raise

    def _parts(self, quota: Quota, size: int, items: int) -> Iterator[tuple[str, Rate, int]]:
        meant = quota.or_else(self._default)
        for what, limit, amount in (
            ("bytes", meant.bytes_per_minute, size),
            ("items", meant.items_per_minute, items),
        ):
            if limit:
                yield what, Rate(limit, limit / 60), amount

    def _take(self, name: tuple[int, str], rate: Rate, amount: int) -> None:
        wait = self._buckets.take(name, rate, amount)
        if wait:
            raise Refusal(
                Kind.TOO_MANY,
                f"the tenant's quota of {rate.size:.0f} {name[1]} a minute is used up: send less, or ask the "
                "receiver's operator for more",
                retry_after=min(LONGEST_WAIT, max(1, math.ceil(wait))),
            )
