"""How an API key reads: ``pmk_<environment>_<key id>_<secret>_<checksum>``.

The prefix lets secret scanners recognise a key, the checksum lets anyone reject a mistyped one without
asking the server. The secret has 190 random bits, so a plain SHA-256 of it is stored: there is nothing to
guess, and a slow hash would only slow every request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Final

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY_ID_LENGTH: Final = 12
_SECRET_LENGTH: Final = 32
_CHECKSUM_LENGTH: Final = 6
_ENVIRONMENT: Final = re.compile(r"[a-z0-9]{1,16}")
_KEY: Final = re.compile(
    rf"(?P<head>pmk_(?P<environment>[a-z0-9]{{1,16}})_(?P<key_id>[0-9A-Za-z]{{{_KEY_ID_LENGTH}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{_SECRET_LENGTH}}}))_(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in the clear. It exists when it is made and while a request is checked, and is never stored."""

    environment: str
    key_id: str
    secret: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the secret: what is stored, 32 bytes."""
        return hashlib.sha256(self.secret.encode("ascii")).digest()

    def reveal(self) -> str:
        """The whole key as text, to be shown once."""
        head = f"pmk_{self.environment}_{self.key_id}_{self.secret}"
        return f"{head}_{_checksum(head)}"


def new_key(environment: str = "live") -> ApiKey:
    """Make a key for `environment`, up to 16 lower-case letters and digits.

    Raises:
        ValueError: `environment` reads otherwise.
    """
    check_environment(environment)
    return ApiKey(environment, _random(_KEY_ID_LENGTH), _random(_SECRET_LENGTH))


def check_environment(environment: str) -> None:
    """Refuse what a key cannot name as its environment.

    Raises:
        ValueError: It is not 1 to 16 lower-case letters and digits.
    """
    if not isinstance(environment, str) or not _ENVIRONMENT.fullmatch(environment):
        raise ValueError(f"a key's environment is 1 to 16 of a-z and 0-9, not {str(environment)[:60]!r}")


def parse_key(text: str) -> ApiKey | None:
    """Read a key; None when `text` is not one, or its checksum says that it was mistyped."""
    found = _KEY.fullmatch(text)
    if found is None or found["checksum"] != _checksum(found["head"]):
        return None
    return ApiKey(found["environment"], found["key_id"], found["secret"])


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(head: str) -> str:
    number, digits = zlib.crc32(head.encode("ascii")), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
