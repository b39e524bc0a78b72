"""Which proxy a request goes through: what the environment says to every program, read as others read it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_of(endpoint: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The proxy for an endpoint, from ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

    Lower-case names win. This machine itself is never asked for through a proxy; ``NO_PROXY`` holds hosts,
    ends of names, and networks (``10.0.0.0/8``).

    Args:
        endpoint: The URL that is to be reached.
        environ: The environment.

    Returns:
        The proxy's URL and the variable that it came from; both are empty for none.
    """
    try:
        url = urlsplit(endpoint)
        host, netloc = url.hostname or "", url.netloc
    except ValueError:
        return "", ""
    if not host or _is_here(host) or _is_excepted(host, netloc, environ):
        return "", ""
    for name in (f"{url.scheme}_proxy", "all_proxy"):
        if found := _lookup(name, environ):
            proxy = environ[found].strip()
            return proxy if "://" in proxy else f"http://{proxy}", found
    return "", ""


def _lookup(name: str, environ: Mapping[str, str]) -> str:
    """The variable that is set: in a CGI script a client can set ``HTTP_PROXY`` by a header, so not that."""
    names = [name] if name == "http_proxy" and "REQUEST_METHOD" in environ else [name, name.upper()]
    return next((each for each in names if environ.get(each, "").strip()), "")


def _is_here(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") or bool(address and address.is_loopback)


def _is_excepted(host: str, netloc: str, environ: Mapping[str, str]) -> bool:
    variable = _lookup("no_proxy", environ)
    names = environ[variable].lower().split(",") if variable else []
    return any(_covers(name.strip(), host, netloc.lower()) for name in names if name.strip())


def _covers(name: str, host: str, netloc: str) -> bool:
    """Whether an entry of ``NO_PROXY`` is a host, or the end of its name, or a network that it is in."""
    if name == "*" or name in (host, netloc) or f".{host}".endswith("." + name.lstrip("*.")):
        return True
    address = _address(host)
    try:
        return address is not None and address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def problem_with(proxy: str) -> str:
    """Why a proxy cannot be used; empty where it can. It is not repeated: it may hold a password."""
    try:
        url = urlsplit(proxy)
        problem = url.scheme not in ("http", "https") or not url.hostname or url.port == 0
    except ValueError:
        problem = True
    return "is not the address of an HTTP proxy" if problem else ""
