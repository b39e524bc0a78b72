"""What a receiver can be told: by options of the command line, by `PROMETHIOS_*` variables, by a TOML file.

In this order: what an option says goes before a variable, and a variable before the file. A name that is not
known is an error, so that a misspelt setting is noticed before it matters.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from promethios.receiver.store.urls import sqlite_path

T = TypeVar("T")

_MIB: Final = 1024 * 1024
_PREFIX: Final = "PROMETHIOS_"

#: Variables that begin alike and belong to the agent's side, or to a command other than `serve`.
OTHERS: Final = frozenset(
    {"ADMIN_KEY", "API_KEY", "CONFIG", "ENDPOINT", "POLICIES", "READ_KEY", "SERVICE_NAME", "SPOOL_DIR"}
)


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it, where it was found, and what is possible."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a host and a port; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``host:port`` or ``[v6]:port``.

        Raises:
            ValueError: It reads otherwise, or the port is beyond 65535.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
            raise ValueError(f"{text!r} is not HOST:PORT with a port from 0 to 65535")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The receiver's settings.

    Args:
        db: The database: a path, or ``sqlite:///path``.
        http: Where OTLP/HTTP, the API and the console listen.
        grpc: Where OTLP/gRPC listens, or ``off``.
        behind_tls_proxy: A proxy in front ends TLS, so an address that others can reach is meant.
        max_body_bytes: The largest request, packed and unpacked.
        max_items: The most spans, points or records in a request.
        memory_bytes: Bytes of request bodies in memory at once; what comes then is told to try again.
        queue_bytes: Bytes that may wait for the writer; what comes then is told to try again.
        commit_ms: How long a request waits for others to share its commit.
        threads: Requests that are worked on at once.
        connections: Connections at once; further ones wait.
        idle_seconds: After how long without a byte a connection is closed.

    Raises:
        SettingsError: A value cannot be used.
    """

    db: str = "promethios.db"
    http: str = "127.0.0.1:4318"
    grpc: str = "127.0.0.1:4317"
    behind_tls_proxy: bool = False
    max_body_bytes: int = 64 * _MIB
    max_items: int = 100_000
    memory_bytes: int = 256 * _MIB
    queue_bytes: int = 128 * _MIB
    commit_ms: int = 5
    threads: int = 16
    connections: int = 512
    idle_seconds: int = 60

    def __post_init__(self) -> None:
        for name in ("max_body_bytes", "max_items", "memory_bytes", "queue_bytes", "threads"):
            self._at_least(name, 1)
        self._at_least("commit_ms", 0)
        self._at_least("connections", 16)
        self._at_least("idle_seconds", 1)
        self._check("db", lambda: self.path)
        addresses = {
            "http": self._check("http", lambda: self.http_address),
            "grpc": self._check("grpc", lambda: self.grpc_address),
        }
        for name, address in addresses.items():
            if address is not None and not address.loopback and not self.behind_tls_proxy:
                raise SettingsError(
                    f"{name} = {address}: others can reach this address, and keys would travel in the clear; "
                    "listen on 127.0.0.1, or put a proxy that ends TLS in front and say --behind-tls-proxy"
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


def load_settings(
    options: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Put settings together: options before variables before the file before the defaults.

    Args:
        options: By the name of the setting; None where an option was not given.
        environment: The process's variables; those that begin with ``PROMETHIOS_`` count.
        file: A TOML file whose top-level keys are settings.

    Raises:
        SettingsError: A setting is unknown, or its value cannot be used.
    """
    values: dict[str, Any] = {}
    if file is not None:
        values |= _from_file(file)
    values |= _from_environment(environment)
    values |= {name: value for name, value in options.items() if value is not None}
    return Settings(**values)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error
    kinds = _kinds()
    for name, value in table.items():
        if name not in kinds:
            raise SettingsError(f"{file}: unknown setting {name!r}{_nearest(name, kinds)}")
        if type(value) is not kinds[name]:
            raise SettingsError(f"{file}: {name} must be {_WORDS[kinds[name]]}, not {value!r}")
    return table


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    kinds = _kinds()
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX) or variable.removeprefix(_PREFIX) in OTHERS:
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name not in kinds or not variable.isupper():
            raise SettingsError(f"unknown setting {variable}{_nearest(name, kinds, _variable)}")
        values[name] = _parse(variable, text, kinds[name])
    return values


def _parse(variable: str, text: str, kind: type) -> Any:
    if kind is bool and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if kind is int and text.strip().isascii() and text.strip().isdigit():
        return int(text)
    if kind is str:
        return text
    raise SettingsError(f"{variable} must be {_WORDS[kind]}, not {text!r}")


_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_WORDS: Final = {bool: "true or false", int: "a whole number", str: "text"}


def _kinds() -> dict[str, type]:
    return {field.name: type(field.default) for field in fields(Settings)}


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


def _nearest(name: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """The setting that may have been meant, else all, `written` as where the unknown one was found."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {written(close[0])!r}?"
    return f"; known are {', '.join(map(written, known))}"
