"""Credentials that say what they are: tokens, private keys, connection strings, keys of infrastructure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

from promethios.governance.detectors.credentials import named, no_example, prefixed, random_enough
from promethios.governance.detectors.detector import WORD, Detector
from promethios.governance.detectors.providers import PROVIDERS

_TEMPLATE: Final = re.compile(r"\$|[{<\[]|%[({]|\*+$|x+$|\.+$", re.IGNORECASE)
# The password in scheme://user:password@host, and in Server=...;Password=...
_URL: Final = WORD + r"""[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:@/"'<>\\]{0,64}:([^\s@/"'<>\\]{1,256})@"""
_ADO: Final = (
    WORD + r"(?i:(?:server|data source|host)=[^;\s]{1,99};[^\n]{0,99}?\b(?:password|pwd)=)"
    r"""([^;\s"'\\]{1,99})"""
)
_PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
# In an .npmrc the registry stands before the name: //registry.npmjs.org/:_authToken=...
_NPMRC: Final = r"(?::|^|\s|\\n)_(?:authToken|auth|password) ?= ?\\?[\"']?([A-Za-z0-9+/=_-]{16,512})"
_HEADER: Final = (
    WORD + r"""(?i:authorization[\\"']{0,2} ?[:=,] ?[\\"']{0,2}(?:bearer|basic|token) )"""
    r"([A-Za-z0-9._~+/=-]{15,}[A-Za-z0-9_~+/=-])"
)


def _jwt(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A JSON Web Token's first part says how it is signed (RFC 7515) or encrypted (RFC 7516)."""
    header = text[start:end].split(".", 1)[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return (start, end) if isinstance(decoded, dict) and "alg" in decoded else None


def _pem(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A private key reaches to its end marker, or to the text's end where that was cut off."""
    closing = _PEM_END.search(text, end)
    return start, closing.end() if closing else len(text)


def _password(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Refuses what stands for a password: a variable, a template, asterisks, an earlier redaction."""
    return None if _TEMPLATE.match(text[start:end]) else (start, end)


SECRETS: Final = (
    *PROVIDERS,
    Detector("secret.authorization", (_HEADER,), no_example),
    prefixed("aws", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    Detector(
        "secret.aws_secret_key",
        (named("aws_?secret_?(?:access_?)?key", "[A-Za-z0-9/+]{40}"),),
        random_enough,
    ),
    Detector("secret.connection_string", (_URL, _ADO), _password),
    # The second part may be cut off: a token is known by its first.
    Detector(
        "secret.jwt",
        (WORD + r"(eyJ[A-Za-z0-9_-]{8,}\.{1,2}[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,3})",),
        _jwt,
    ),
    Detector("secret.npm", (WORD + r"(npm_[A-Za-z0-9]{36})\b", _NPMRC), no_example),
    Detector("secret.pem", (r"(-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----)",), _pem),
    prefixed("promethios", r"pmk_[A-Za-z0-9_-]{16,}"),
)
