"""A running receiver: services, HTTP and gRPC, started and ended in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from promethios.receiver.access.keyring import FIRST_TENANT, KeyRequest, any_key, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.alerts.service import Alerts
from promethios.receiver.app import create_app
from promethios.receiver.live.hub import Hub
from promethios.receiver.otlp.budget import FREE_BYTES, Budget
from promethios.receiver.otlp.grpc import GrpcServer
from promethios.receiver.server import HttpServer
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.telemetry.figures import Observer
from promethios.receiver.telemetry.sending import SelfTelemetry


def _new_key(connection: Connection, scope: Scope) -> str:
    return create_key(connection, KeyRequest(FIRST_TENANT, frozenset({scope}))).reveal()


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """The keys of a new database, in the clear for the only time."""

    admin: str = field(repr=False)
    ingest: str = field(repr=False)
    tenant: str = FIRST_TENANT


class Receiver:
    """A receiver that listens; after `start`, `run` serves until `stop`.

    Args:
        settings: Its settings.

    Raises:
        DatabaseInUse: Another receiver holds the database.
        StoreError: The database cannot be used.
        SettingsError: An address cannot be listened on.
    """

    def __init__(self, settings: Settings) -> None:
        self._services = Services.open(settings)
        try:
            budget = Budget(settings.memory_bytes, free=FREE_BYTES)
            observer = Observer(self._services, budget)
            self._hub = Hub(self._services)
            self._alerts = Alerts(self._services)
            app = create_app(self._services, budget, observer, self._hub)
            self._http = HttpServer(app, self._services.gate, settings, self._services.counts)
            observer.connections = self._http.connections
            self._self = SelfTelemetry.of(settings, observer)
            address = settings.grpc_address
            self._grpc = None if address is None else GrpcServer(self._services, budget, address)
        except BaseException:
            self._services.close()
            raise

    def make_first_keys(self, show: Callable[[FirstKeys], None]) -> None:
        """On a database without any key, make a tenant and two keys to begin with.

        They are shown before they are committed. A receiver that is killed in between has shown keys that are
        worth nothing, and the next start shows others; the other way round nobody would know them, ever.

        Args:
            show: Shows them to whoever started the receiver; raises what keeps them from being seen.

        Raises:
            Refusal: They could not be shown, or not be stored.
        """

        def work(connection: Connection) -> None:
            if not any_key(connection):
                show(FirstKeys(_new_key(connection, Scope.ADMIN), _new_key(connection, Scope.INGEST)))

        self._services.writer.do(work, always=True)

    @property
    def http_url(self) -> str:
        """Where OTLP/HTTP, the API and the console are."""
        return self._http.url

    @property
    def grpc_target(self) -> str | None:
        """Where OTLP/gRPC is, as ``host:port``; None when it is off."""
        return None if self._grpc is None else str(self._grpc.address)

    def start(self) -> None:
        """Start what goes on beside the requests, before anybody is told that it is ready.

        Raises:
            RuntimeError: The system gives no thread; the receiver is closed.
        """
        try:
            if self._self is not None:
                self._self.start()
            self._alerts.start()
        except BaseException:
            self._services.close()
            raise

    def run(self) -> None:
        """Serve until `stop`, then end in order: transports first, then the writer, then the database.

        What it sends about itself ends before all of them: it may be sent to this very receiver.
        """
        try:
            self._http.run()
            self._hub.stop()
            if self._self is not None:
                self._self.stop()
            ended = None if self._grpc is None else self._grpc.stop()
            self._http.drain()
            self._alerts.stop()
            if ended is not None:
                ended.wait()
        finally:
            self._services.close()

    def stop(self) -> None:
        """End `run`, from another thread or a signal handler."""
        self._http.stop()
