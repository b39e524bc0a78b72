"""The settings, what each of them means, and what they may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from promethios.receiver.settings.address import Address
from promethios.receiver.settings.errors import SettingsError
from promethios.receiver.settings.own import check_own
from promethios.receiver.store.urls import sqlite_path

T = TypeVar("T")

_MIB: Final = 1024 * 1024
#: Evidence is kept so long at least.
LEAST_EVIDENCE_DAYS: Final = 183
_LEAST_DB_BYTES: Final = 16 * _MIB
_MOST_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True)
class Settings:
    """The receiver's settings.

    Args:
        db: The database: a path, or ``sqlite:///path``.
        http: Where OTLP/HTTP, the API and the console listen.
        grpc: Where OTLP/gRPC listens, or ``off``.
        behind_tls_proxy: A proxy in front ends TLS, so an address that others can reach is meant.
        tls_cert: A file with the certificate and its chain (PEM), for HTTP and gRPC; empty for no TLS.
        tls_key: The file with the certificate's private key (PEM).
        tls_client_ca: A file with the authorities (PEM) whose certificates clients must show; empty for none.
        max_body_bytes: The largest request, packed and unpacked.
        max_response_bytes: The largest answer to OTLP; the message in it is cut rather than exceed it.
        max_items: The most spans, points or records in a request.
        memory_bytes: Bytes of request bodies in memory at once, beyond a MiB of each; what comes then
            is told to try again. A decoded request takes some three times its bytes.
        queue_bytes: Bytes that may wait for the writer; what comes then is told to try again.
        commit_ms: How long a commit waits at most for requests that are being decoded, to share it.
        threads: Requests that are worked on at once.
        connections: Connections at once; further ones wait.
        idle_seconds: After how long without a byte a connection is closed.
        retention_days: How long spans, metrics, logs and heartbeats are kept after receipt; 0 for ever.
        evidence_days: How long decisions, violations and trust are kept; at least 183.
        max_db_bytes: Beyond this the oldest spans, metrics and logs are deleted early; 0 for no limit.
        min_free_bytes: When less of the disk is free, nothing is taken, so that deleting goes on; 0 for any.
        quota_bytes_per_minute: Bytes of telemetry, unpacked, that a tenant may send in a minute; 0 for any.
        quota_items_per_minute: Spans, points and records that a tenant may send in a minute; 0 for any.
        self_endpoint: A base address: the receiver's own metrics go there over OTLP/HTTP; empty for none.
        self_key: The API key that they are sent with, as ``Authorization: Bearer``; empty for none.
        self_seconds: How often they are sent.
        alerts: A YAML file of alerts: rules that differ, and to whom alerts are told; empty for none.
        alert_seconds: How often the alert rules are evaluated; 0 for never.

    Raises:
        SettingsError: A value cannot be used.
    """

    db: str = "promethios.db"
    http: str = "127.0.0.1:4318"
    grpc: str = "127.0.0.1:4317"
    behind_tls_proxy: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    max_body_bytes: int = 64 * _MIB
    max_response_bytes: int = 4 * _MIB
    max_items: int = 100_000
    memory_bytes: int = 64 * _MIB
    queue_bytes: int = 128 * _MIB
    commit_ms: int = 5
    threads: int = 16
    connections: int = 512
    idle_seconds: int = 60
    retention_days: int = 30
    evidence_days: int = LEAST_EVIDENCE_DAYS
    max_db_bytes: int = 0
    min_free_bytes: int = 128 * _MIB
    quota_bytes_per_minute: int = 0
    quota_items_per_minute: int = 0
    self_endpoint: str = ""
    self_key: str = field(default="", repr=False)
    self_seconds: int = 60
    alerts: str = ""
    alert_seconds: int = 15

    def __post_init__(self) -> None:
        for name in ("max_body_bytes", "max_items", "memory_bytes", "queue_bytes", "threads"):
            self._at_least(name, 1)
        for name in ("commit_ms", "quota_bytes_per_minute", "quota_items_per_minute", "alert_seconds"):
            self._at_least(name, 0)
        self._at_least("max_response_bytes", 1_024)
        self._at_least("connections", 16)
        self._at_least("idle_seconds", 1)
        self._at_least("self_seconds", 1)
        self._check_retention()
        self._check("db", lambda: self.path)
        self._check_tls()
        self._check_addresses()
        check_own(self.self_endpoint, self.self_key)

    def _check_retention(self) -> None:
        for name in ("retention_days", "min_free_bytes"):
            self._at_least(name, 0)
        if self.evidence_days < LEAST_EVIDENCE_DAYS:
            raise SettingsError(
                f"evidence_days = {self.evidence_days}: it must be at least {LEAST_EVIDENCE_DAYS}: six "
                "months, as Articles 19 and 26(6) of the EU AI Act ask for"
            )
        if self.max_db_bytes and self.max_db_bytes < _LEAST_DB_BYTES:
            raise SettingsError(
                f"max_db_bytes = {self.max_db_bytes}: it must be 0, or at least {_LEAST_DB_BYTES}"
            )
        for name in ("retention_days", "evidence_days"):
            if getattr(self, name) > _MOST_DAYS:
                raise SettingsError(f"{name} = {getattr(self, name)}: it must be at most {_MOST_DAYS}")

    def _check_tls(self) -> None:
        if bool(self.tls_cert) is not bool(self.tls_key):
            given, other = ("tls_cert", "tls_key") if self.tls_cert else ("tls_key", "tls_cert")
            raise SettingsError(f"{given} = {getattr(self, given)}: it needs {other} too")
        if self.tls_client_ca and not self.tls:
            raise SettingsError(
                f"tls_client_ca = {self.tls_client_ca}: clients show certificates over TLS only; "
                "it needs tls_cert and tls_key too"
            )

    def _check_addresses(self) -> None:
        addresses = {
            "http": self._check("http", lambda: self.http_address),
            "grpc": self._check("grpc", lambda: self.grpc_address),
        }
        for name, address in addresses.items():
            if address is not None and not (address.loopback or self.tls or self.behind_tls_proxy):
                raise SettingsError(
                    f"{name} = {address}: others can reach this address, and keys would travel in the clear; "
                    "give --tls-cert and --tls-key, or listen on 127.0.0.1, or put a proxy that ends TLS in "
                    "front and say --behind-tls-proxy"
                )

    def _at_least(self, name: str, least: int) -> None:
        if getattr(self, name) < least:
            raise SettingsError(f"{name} = {getattr(self, name)}: it must be at least {least}")

    def _check(self, name: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except ValueError as error:
            # A database's URL may hold a password: it is not repeated.
            shown = name if name == "db" else f"{name} = {getattr(self, name)}"
            raise SettingsError(f"{shown}: {error}") from error

    @property
    def tls(self) -> bool:
        """Whether clients speak TLS with this process."""
        return bool(self.tls_cert)

    @property
    def path(self) -> Path:
        """The database file."""
        return sqlite_path(self.db)

    @property
    def http_address(self) -> Address:
        """Where HTTP listens."""
        return Address.parse(self.http)

    @property
    def grpc_address(self) -> Address | None:
        """Where gRPC listens; None when it is off."""
        return None if self.grpc == "off" else Address.parse(self.grpc)
