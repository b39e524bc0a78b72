"""What each key may do, and what each part of the server asks for. What is not listed is denied."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What a key may be used for."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


#: What holding a scope allows. An administrator may look; to send telemetry takes a key made for it.
GRANTS: Final = {
    Scope.INGEST: frozenset({Scope.INGEST}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.ADMIN: frozenset({Scope.ADMIN, Scope.READ}),
}

#: The scope that each part of the server asks for, by the name of its Flask blueprint (gRPC: ``otlp``).
#: None is open to everyone.
RULES: Final[dict[str, Scope | None]] = {
    "otlp": Scope.INGEST,
    "plain": Scope.INGEST,
    "api": Scope.READ,
    "jaeger": Scope.READ,
    "openapi": Scope.READ,
    "session": Scope.READ,
    "live": Scope.READ,
    "keys": Scope.ADMIN,
    "tenants": Scope.ADMIN,
    "trust": Scope.ADMIN,
    "alerts": Scope.ADMIN,
    "metrics": Scope.READ,
    "health": None,
    "console": None,
    "signed_in": None,
}


def granted(scopes: frozenset[Scope], wanted: Scope) -> bool:
    """Whether a key with `scopes` may do what asks for `wanted`."""
    return any(wanted in GRANTS[scope] for scope in scopes)


def parse_scopes(text: str) -> frozenset[Scope]:
    """Read scopes joined by commas.

    Raises:
        ValueError: One is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(Scope))
    if unknown or not names:
        wrong = f"unknown scope {unknown[0]!r}" if unknown else "a key needs a scope"
        raise ValueError(f"{wrong}: scopes are {', '.join(Scope)}")
    return frozenset(Scope(name) for name in names)
