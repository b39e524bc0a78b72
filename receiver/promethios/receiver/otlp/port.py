"""Where gRPC listens: in the clear, or with TLS and the newest certificate for each connection."""

from __future__ import annotations

from typing import Any

import grpc  # type: ignore[import-untyped]

from promethios.receiver.settings import Address, SettingsError
from promethios.receiver.tls import Certificates, Pem


def listen(server: Any, address: Address, certificates: Certificates | None) -> Address:
    """Let `server` listen; returns where, with the port that was found for 0.

    Args:
        server: A `grpc.Server` that is not started.
        address: Where to listen.
        certificates: What clients are shown and asked for; None for no TLS.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    try:
        if certificates is None:
            port = server.add_insecure_port(str(address))
        else:
            port = server.add_secure_port(str(address), _credentials(certificates))
    except RuntimeError as error:
        raise SettingsError(
            f"grpc = {address}: cannot listen there: it is in use, or not this machine's; "
            "choose another with --grpc, or off"
        ) from error
    return Address(address.host, port)


def _credentials(certificates: Certificates) -> Any:
    """gRPC asks at each handshake for what has changed since it asked last."""
    known = certificates.pem()

    def changed() -> Any:
        nonlocal known
        newest = certificates.pem()
        if newest is known:
            return None
        known = newest
        return _configuration(newest)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(known), changed, require_client_authentication=known.client_ca is not None
    )


def _configuration(pem: Pem) -> Any:
    return grpc.ssl_server_certificate_configuration([(pem.key, pem.chain)], pem.client_ca)
