"""A running receiver: services, HTTP and gRPC, started and ended in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from promethios.receiver.access.keyring import FIRST_TENANT, KeyRequest, any_key, create_key
from promethios.receiver.access.keys import ApiKey
from promethios.receiver.access.roles import Scope
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import FREE_BYTES, Budget
from promethios.receiver.otlp.grpc import GrpcServer
from promethios.receiver.server import HttpServer
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.telemetry.figures import Observer
from promethios.receiver.telemetry.sending import SelfTelemetry


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """The keys of a new database, in the clear for the only time."""

    admin: str = field(repr=False)
    ingest: str = field(repr=False)


class Receiver:
    """A receiver that listens; `run` serves until `stop`.

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
            app = create_app(self._services, budget, observer)
            self._http = HttpServer(app, self._services.gate, settings, self._services.counts)
            observer.connections = self._http.connections
            self._self = SelfTelemetry.of(settings, observer)
            address = settings.grpc_address
            self._grpc = None if address is None else GrpcServer(self._services, budget, address)
            self.first_keys = self._make_first_keys()
        except BaseException:
            self._services.close()
            raise

    def _make_first_keys(self) -> FirstKeys | None:
        """On a database without any key, a tenant and two keys to begin with."""
        with self._services.readers.connect() as connection:
            if any_key(connection):
                return None
        admin, ingest = self._make_key(Scope.ADMIN), self._make_key(Scope.INGEST)
        return FirstKeys(admin.reveal(), ingest.reveal())

    def _make_key(self, scope: Scope) -> ApiKey:
        request = KeyRequest(FIRST_TENANT, frozenset({scope}))
        return self._services.writer.do(lambda connection: create_key(connection, request))

    @property
    def http_url(self) -> str:
        """Where OTLP/HTTP, the API and the console are."""
        return self._http.url

    @property
    def grpc_target(self) -> str | None:
        """Where OTLP/gRPC is, as ``host:port``; None when it is off."""
        return None if self._grpc is None else str(self._grpc.address)

    def run(self) -> None:
        """Serve until `stop`, then end in order: transports first, then the writer, then the database.

        What it sends about itself ends before all of them: it may be sent to this very receiver.
        """
        try:
            if self._self is not None:
                self._self.start()
            self._http.run()
            if self._self is not None:
                self._self.stop()
            ended = None if self._grpc is None else self._grpc.stop()
            self._http.drain()
            if ended is not None:
                ended.wait()
        finally:
            self._services.close()

    def stop(self) -> None:
        """End `run`, from another thread or a signal handler."""
        self._http.stop()
