"""Which addresses a webhook may lead to: public ones, and those of networks that the configuration allows."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Prefixes whose last 32 bits are an IPv4 address that a translator sends to (RFC 6052, RFC 8215).
_TRANSLATED: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
#: IPv4-compatible addresses (RFC 4291, 2.5.5.1): deprecated, and still an IPv4 address.
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


def refusal(text: str, allowed: Sequence[Network]) -> str | None:
    """Why nothing is sent to an address; None where it may be.

    Args:
        text: The address, as a resolver gives it.
        allowed: Networks that are allowed whatever they are.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "it is no address"
    for each in _meant(address):
        if is_allowed(each, allowed):
            continue
        if kind := _kind(each):
            return f"it is {kind}"
    return None


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the configuration names a network that an address is in."""
    return any(address.version == network.version and address in network for network in allowed)


def within(text: str, allowed: Sequence[Network]) -> bool:
    """Whether whatever an address means is in networks that the configuration names."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return all(is_allowed(each, allowed) for each in _meant(address))


def _meant(address: Address) -> Iterator[Address]:
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif any(address in network for network in (*_TRANSLATED, _COMPATIBLE)) and int(address) > 1:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address


def _kind(address: Address) -> str:
    """What keeps an address from being a public one; empty for a public one."""
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address.is_unspecified or address.is_reserved:
        return "reserved"
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return "private"
    # What is neither public nor private is shared by a provider's customers (RFC 6598).
    return "" if address.is_global else "private"
