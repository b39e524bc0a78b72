"""The certificate that clients see, and the authorities that vouch for them; read anew when they change.

One object serves HTTP and gRPC. The files are looked at for every new connection: who renews a certificate
replaces the files, and needs neither a signal nor a restart. What cannot be used (a certificate that is there
before its key) is left alone, with the old one in place, until the files change again.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from promethios.receiver.settings import Settings, SettingsError

_log = logging.getLogger(__name__)

T = TypeVar("T")
_Stamp = tuple[tuple[int, int, int], ...]
#: How often files are read that change while they are read.
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Pem:
    """What the files hold, as gRPC wants it.

    Args:
        chain: The certificate and its chain.
        key: The private key.
        client_ca: The authorities of clients; None where clients need no certificate.
    """

    chain: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    stamp: _Stamp
    context: ssl.SSLContext
    pem: Pem


class Certificates:
    """The files of `tls_cert`, `tls_key` and `tls_client_ca`; thread-safe.

    Args:
        settings: With `tls_cert` and `tls_key`.

    Raises:
        SettingsError: A file cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        names = (settings.tls_cert, settings.tls_key, settings.tls_client_ca)
        self._files = [Path(name) for name in names if name]
        self._lock = threading.Lock()
        self._refused: _Stamp | None = None
        self._told = ""
        self._loaded = self._load()

    @classmethod
    def of(cls, settings: Settings) -> Certificates | None:
        """The certificates that the settings name; None where they name none."""
        return cls(settings) if settings.tls else None

    def context(self) -> ssl.SSLContext:
        """What a new connection of HTTP is to use: TLS 1.2 or newer."""
        return self._current().context

    def pem(self) -> Pem:
        """What a new connection of gRPC is to use."""
        return self._current().pem

    def _current(self) -> _Loaded:
        with self._lock:
            try:
                stamp = self._stamp()
                if stamp not in (self._loaded.stamp, self._refused):
                    self._refused = stamp
                    self._loaded = self._load()
                    _log.warning("TLS: using the new certificate in %s", self._settings.tls_cert)
                self._told = ""
            except (OSError, SettingsError) as error:
                self._tell(f"TLS: keeping the old certificate: {error}")
            return self._loaded

    def _tell(self, message: str) -> None:
        """Once: this is asked for each connection, and a file may be missing for a while."""
        if message != self._told:
            _log.warning("%s", message)
            self._told = message

    def _stamp(self) -> _Stamp:
        """What changes with the files. A link is followed: Kubernetes swaps what it points to."""
        found = (file.stat() for file in self._files)
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)

    def _load(self) -> _Loaded:
        """Read all files as they were at one time."""
        for _ in range(_ATTEMPTS):
            stamp = self._readable(self._stamp)
            pem = self._readable(self._read)
            loaded = _Loaded(stamp, self._make_context(), pem)
            if self._readable(self._stamp) == stamp:
                return loaded
        raise SettingsError(f"tls_cert = {self._settings.tls_cert}: the files change while they are read")

    def _readable(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except OSError as error:
            raise SettingsError(f"cannot read {error.filename}: {error.strerror}") from error

    def _read(self) -> Pem:
        chain, key, *rest = (file.read_bytes() for file in self._files)
        return Pem(chain, key, rest[0] if rest else None)

    def _make_context(self) -> ssl.SSLContext:
        settings = self._settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_alpn_protocols(["http/1.1"])
        try:
            # Without a password of ours OpenSSL would ask for one on the terminal.
            context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
        except (ssl.SSLError, ValueError) as error:
            raise SettingsError(
                f"tls_cert = {settings.tls_cert}, tls_key = {settings.tls_key}: {_why(error)}"
            ) from error
        if settings.tls_client_ca:
            self._ask_clients(context)
        return context

    def _ask_clients(self, context: ssl.SSLContext) -> None:
        file = self._settings.tls_client_ca
        try:
            context.load_verify_locations(file)
        except ssl.SSLError as error:
            raise SettingsError(f"tls_client_ca = {file}: it has no certificates in PEM") from error
        context.verify_mode = ssl.CERT_REQUIRED


def _why(error: Exception) -> str:
    """OpenSSL words all but one of them differently in each version."""
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return "the key is another certificate's"
    return "these must be a certificate and its private key in PEM, without a password"
