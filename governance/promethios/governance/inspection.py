"""Asynchronous detectors: they look after the decision, and what they find is told as a flag."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from promethios.governance.decision import Decision, Verdict
from promethios.governance.detectors import select
from promethios.governance.detectors.worker import CAPACITY, Worker
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies.model import Bundle, Policy


class Inspector:
    """Has a bundle's asynchronous detectors look through operations that were decided without them.

    It keeps nobody waiting: what finds no place in its queue is dropped and counted.

    Args:
        bundle: Its policies that name asynchronous detectors are evaluated again, with those alone.
        capacity: How many operations may wait.

    Raises:
        PluginError: A plug-in cannot be loaded.
    """

    def __init__(self, bundle: Bundle, capacity: int = CAPACITY) -> None:
        self._engine = Engine(_late_bundle(bundle))
        self._worker = Worker(capacity)

    @classmethod
    def of(cls, bundle: Bundle) -> Inspector | None:
        """One for the bundle; None where no policy names an asynchronous detector."""
        return cls(bundle) if _late_bundle(bundle).policies else None

    @property
    def dropped(self) -> int:
        """How many operations found no place in the queue, in this process."""
        return self._worker.dropped

    def submit(self, operation: Operation, state: State, on_found: Callable[[Decision], object]) -> bool:
        """Look through the operation later, and call `on_found` with a decision where something was found.

        The decision's verdict is `FLAG` at most; it has no id and was not told. `on_found` is called in the
        background.

        Returns:
            Whether it will be looked at: False where no policy asks at this point, or the queue is full.
        """
        engine, worker = self._engine, self._worker
        if operation.point not in engine.points or not operation.payload:
            return False

        def look() -> None:
            decision = engine.evaluate(operation, state, again=True)
            if decision.matches:
                on_found(decision)

        return worker.submit(look)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything that was submitted was looked at; whether that is so after `timeout` s."""
        return self._worker.flush(timeout)


def _late_bundle(bundle: Bundle) -> Bundle:
    """The policies that name asynchronous detectors, reduced to those, which now run as others do."""
    names = {name for policy in bundle.policies if policy.detect for name in policy.detect.detectors}
    late = [each for each in select(names, bundle.detectors) if each.asynchronous]
    ids = frozenset(each.id for each in late)
    policies = (_late_policy(policy, ids) for policy in bundle.policies)
    return replace(
        bundle,
        policies=tuple(policy for policy in policies if policy is not None),
        detectors=tuple(replace(each, asynchronous=False, budget=math.inf) for each in late),
    )


def _late_policy(policy: Policy, ids: frozenset[str]) -> Policy | None:
    if policy.detect is None or not policy.detect.detectors & ids:
        return None
    on_error = Verdict.ALLOW if policy.on_error is Verdict.ALLOW else Verdict.FLAG
    detect = replace(policy.detect, detectors=policy.detect.detectors & ids)
    return replace(policy, detect=detect, on_error=on_error, action=Verdict.FLAG, limit=None, weight=0.0)
