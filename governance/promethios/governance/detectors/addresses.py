"""Addresses of networks and devices, where they can tell whose they are.

Left alone: addresses that mean nothing outside a network or nobody at all (private, loopback, link-local,
shared, multicast, documentation, reserved: IANA's special-purpose registries, RFC 6890), and what is more
likely a version (``4.11.0.2``).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from promethios.governance.detectors.checksums import luhn
from promethios.governance.detectors.detector import WORD, Detector, previous

_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# Without 0, 10, 127 and what begins at 224: no candidates at all.
_FIRST_OCTET: Final = r"(?:22[0-3]|2[01]\d|1[013-9]\d|12[0-689]|1[1-9]|[2-9]\d|[1-9])"
_JOINTS: Final = (":", "-", ".", "_")
#: Numbers of a version are small; an address nearly always has two of at least this size.
_LARGE: Final = 32


def _is_global(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _ipv4(text: str, start: int, end: int) -> tuple[int, int] | None:
    before, after = previous(text, start), text[end : end + 1]
    if (before and before in ".-_/@=~^<>v") and not text.endswith("://", 0, start):
        return None
    if after in ("_", "-") or (after == "." and text[end + 1 : end + 2].isalnum()):
        return None
    address = text[start:end]
    large = sum(int(octet) >= _LARGE for octet in address.split("."))
    return (start, end) if large >= 2 and _is_global(address) else None


def _ipv6(text: str, start: int, end: int) -> tuple[int, int] | None:
    before, after = previous(text, start), text[end : end + 1]
    if before in _JOINTS or after in (":", "-", "_"):
        return None
    return (start, end) if _is_global(text[start:end]) else None


def _mac(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Refuses parts of longer dumps, groups of devices, and what is all the same or a time."""
    before, after = previous(text, start), text[end : end + 2]
    if before in _JOINTS or (after[:1] in _JOINTS and after[1:].isalnum()):
        return None
    digits = text[start:end].replace(":", "").replace("-", "").replace(".", "").lower()
    separated_by = text[start + 2]
    if int(digits[1], 16) & 1 or len(set(digits)) < 3 or (digits.isdigit() and separated_by != ":"):
        return None
    return start, end


def _imei(text: str, start: int, end: int) -> tuple[int, int] | None:
    digits = "".join(character for character in text[start:end] if character.isdigit())
    return (start, end) if len(set(digits)) > 2 and luhn(digits) else None


ADDRESSES: Final = (
    Detector(
        "pii.imei",
        (),
        _imei,
        bounded=True,
        words="(?i:imei)",
        near=(r"\d{15}|\d{2}[ -]\d{6}[ -]\d{6}[ -]\d",),
    ),
    Detector("pii.ipv4", (WORD + rf"({_FIRST_OCTET}(?:\.{_OCTET}){{3}})\b",), _ipv4, bounded=True),
    Detector("pii.ipv6", (WORD + r"([23][0-9a-fA-F]{3}(?::{1,2}[0-9a-fA-F]{1,4}){2,7}(?:::)?)",), _ipv6),
    Detector(
        "pii.mac",
        (
            # Not within the longer rows of pairs that fingerprints and dumps are.
            r"(?:^|[^0-9A-Za-z:-]|\\[nrt])((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})(?:[^0-9A-Za-z:-]|$)",
            r"(?:^|[^0-9A-Za-z:-]|\\[nrt])((?:[0-9a-fA-F]{2}-){5}[0-9a-fA-F]{2})(?:[^0-9A-Za-z:-]|$)",
            WORD + r"([0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4})\b",
        ),
        _mac,
        bounded=True,
    ),
)
