"""The agent's sign of life: who it is, which policies are in force, and how its delivery fares.

A heartbeat is a log record, the event ``promethios.agent.heartbeat``. Its body is OpAMP's ``AgentToServer``
(`opamp`), and its attributes tell what that message has no field for. The last one says goodbye, so that a
receiver can tell an agent that ended from one that died, and both from one that has nothing to do.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from promethios.exporter.coverage import Coverage
from promethios.exporter.delivery import Delivery
from promethios.exporter.encoding import LOGS
from promethios.exporter.opamp import Report, agent_to_server, cut
from promethios.exporter.suppression import suppress
from promethios.exporter.threads import Home, start
from promethios.governance import Governor, semconv
from promethios.governance.telemetry.forks import renew_in_child

#: Seconds until the first heartbeat: an agent shows as alive before its first interval is over.
FIRST: Final = 0.5

_SCOPE: Final = InstrumentationScope("promethios.exporter")
_ADAPTERS: Final = "promethios.governance.adapters"

_logger = logging.getLogger("promethios.exporter")


class Heartbeat:
    """Tells every `heartbeat_interval` seconds, and when the policies change, how the agent is.

    It has a thread of its own, and asks nobody: it hands small requests to the delivery, which keeps the
    newest one only until it is sent. `shutdown` says goodbye.

    Args:
        delivery: Takes the heartbeats; its settings say how often. Its owner closes it, after this.
        resource: Gives the process' resource as it is now: a forked child's is another.
        governor: Whose policies are in force; None where nothing is governed.
        coverage: Counts the operations; None where nobody does.
    """

    def __init__(
        self,
        delivery: Delivery,
        resource: Callable[[], Resource],
        governor: Governor | None = None,
        coverage: Coverage | None = None,
    ) -> None:
        self._delivery = delivery
        self._resource = resource
        self._governor = governor
        self._coverage = coverage
        self._interval = delivery.settings.heartbeat_interval
        self._closed = False
        self.renew()
        renew_in_child(self)
        if governor:
            governor.on_change(self.beat_soon)

    def beat_soon(self) -> None:
        """Tell at once what has changed; does not wait for it."""
        self._due.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: a heartbeat holds nothing that was recorded."""
        return True

    def shutdown(self) -> None:
        """Say goodbye, and stop. Again does nothing."""
        if not self._closed:
            self._closed = True
            self._due.set()
            self._tell(goodbye=True)

    def renew(self) -> None:
        """Start, or start anew in a forked child, which is an instance of its own."""
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._sequence = 0
        self._started, self._began = time.time_ns(), time.monotonic()
        if self._interval and not self._closed:
            start(self._run, "promethios-heartbeat")

    def _run(self, home: Home) -> None:
        suppress()
        due = self._due
        wait = min(FIRST, self._interval)
        while True:
            due.wait(wait)
            due.clear()
            if self._closed or not home:
                return
            wait = self._interval
            self._tell()

    def _tell(self, goodbye: bool = False) -> None:
        if not self._interval:
            return
        try:
            with self._lock:
                if goodbye or not self._closed:
                    self._sequence += 1
                    self._hand_over(goodbye)
        except Exception:
            # What a resource holds is the application's, and may be anything.
            _logger.warning("a heartbeat was not sent; again in %s seconds", self._interval, exc_info=True)

    def _hand_over(self, goodbye: bool) -> None:
        resource = self._resource()
        report = self._report(resource.attributes, goodbye)
        record = LogRecord(
            timestamp=report.now,
            observed_timestamp=report.now,
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=agent_to_server(report),
            attributes=self._attributes(report),
            event_name=semconv.HEARTBEAT_EVENT,
        )
        told = ReadableLogRecord(record, resource, _SCOPE)
        limit = self._delivery.settings.max_request_bytes
        for batch in LOGS.batches([told], limit, self._delivery.drop):
            self._delivery.tell(batch)

    def _report(self, resource: Mapping[str, Any], goodbye: bool) -> Report:
        trouble = self._delivery.trouble
        return Report(
            resource=resource,
            sequence=self._sequence,
            started=self._started,
            now=time.time_ns(),
            bundle=self._governor.bundle.id if self._governor else None,
            mode=_mode(self._governor),
            adapters=_adapters(self._governor),
            delivery=trouble.state,
            last_error=trouble.error,
            last_error_at=trouble.at,
            goodbye=goodbye,
        )

    def _attributes(self, report: Report) -> dict[str, Any]:
        """What OpAMP has no field for, and the policies once more, for who reads logs."""
        totals = self._delivery.totals()
        attributes: dict[str, Any] = {
            semconv.AGENT_UPTIME: round(time.monotonic() - self._began, 3),
            semconv.AGENT_INTERVAL: self._interval,
            semconv.AGENT_MODE: report.mode,
            semconv.AGENT_ADAPTERS: report.adapters,
            semconv.METRIC_QUEUED: totals.queued,
            semconv.METRIC_SPOOLED: totals.spooled,
            semconv.METRIC_SENT: totals.delivered,
            semconv.METRIC_DROPPED: {reason.value: items for reason, items in totals.dropped.items()},
        }
        if self._coverage:
            attributes[semconv.COVERAGE_GOVERNED] = self._coverage.governed
            attributes[semconv.COVERAGE_UNGOVERNED] = self._coverage.ungoverned
        if found := report.bundle:
            attributes[semconv.BUNDLE_NAME] = cut(found.name)
            attributes[semconv.BUNDLE_VERSION] = cut(found.version)
            attributes[semconv.BUNDLE_HASH] = found.hash
        return attributes


def _mode(governor: Governor | None) -> str:
    if governor is None:
        return "none"
    policies = governor.bundle.policies
    return "shadow" if policies and all(policy.mode == "shadow" for policy in policies) else "enforce"


def _adapters(governor: Governor | None) -> tuple[str, ...]:
    """The libraries that are guarded. Nobody loads the adapters only to be told that there are none."""
    module = sys.modules.get(_ADAPTERS)
    guarded_by = getattr(module, "guarded_by", None)  # it may be half imported, by another thread
    return tuple(guarded_by(governor)) if guarded_by and governor else ()
