"""Where the receiver's own metrics may be sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from promethios.receiver.settings.address import Address
from promethios.receiver.settings.errors import SettingsError


def check_own(endpoint: str, key: str) -> None:
    """Check `self_endpoint` and `self_key`; neither is set where it is off.

    Raises:
        SettingsError: The endpoint is not the base address of HTTP, or the key would travel in the clear.
    """
    if not endpoint:
        if key:
            raise SettingsError("self_key: it needs self_endpoint too")
        return
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or parts.username is not None or parts.query:
        # It may hold a password: it is not repeated.
        raise SettingsError(
            "self_endpoint: it must be the base address of OTLP/HTTP, such as http://127.0.0.1:4318, "
            "without user, password and query; a key goes into self_key"
        )
    if key and parts.scheme == "http" and not Address(host, 0).loopback:
        raise SettingsError(
            f"self_endpoint = {endpoint}: self_key would travel in the clear; use https, or send to 127.0.0.1"
        )
