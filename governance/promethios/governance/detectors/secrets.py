"""Credentials that say what they are: keys with a prefix, tokens, private keys, connection strings."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

from promethios.governance.detectors.detector import WORD, Detector

#: How many different characters the random part of a credential has at least; a placeholder has fewer.
_MIN_DISTINCT: Final = 8
_PREFIX: Final = re.compile(r"[A-Za-z_]{2,8}[-_.](?:[a-z]{2,8}\d{0,2}[-_])?")
_TEMPLATE: Final = re.compile(r"\$|[{<\[]|%|\*+$|x+$|\.+$", re.IGNORECASE)
# A key behind its name, in an environment or a configuration file; by itself it looks like any base64.
_AWS_SECRET: Final = (
    r"""(?i:aws_?secret_?(?:access_?)?key)[\\"' ]{0,4}[=:][\\"' ]{0,4}"""
    r"([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+]|$)"
)
# The password in scheme://user:password@host, and in Server=...;Password=...
_URL: Final = WORD + r"""[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:@/"'<>\\]{0,64}:([^\s@/"'<>\\]{1,256})@"""
_ADO: Final = (
    r"(?i:\b(?:server|data source|host)=[^;\s]{1,99};[^\n]{0,99}?\b(?:password|pwd)=)"
    r"""([^;\s"']{1,99})"""
)
_PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")


def _random(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Refuses placeholders such as ``sk-proj-xxxxxxxx``."""
    body = _PREFIX.sub("", text[start:end], count=1)
    return (start, end) if len(set(body)) >= _MIN_DISTINCT else None


def _jwt(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A JSON Web Token's first part says how it is signed (RFC 7515)."""
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


def _prefixed(name: str, *patterns: str) -> Detector:
    return Detector(f"secret.{name}", tuple(f"{WORD}({pattern})" for pattern in patterns), _random)


SECRETS: Final = (
    _prefixed("anthropic", r"sk-ant-[a-z]{2,8}\d{2}-[A-Za-z0-9_-]{32,}"),
    _prefixed(
        "aws",
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    ),
    Detector(
        "secret.aws_secret_key",
        (_AWS_SECRET,),
        _random,
    ),
    _prefixed("azure", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    Detector(
        "secret.connection_string",
        (
            _URL,
            _ADO,
        ),
        _password,
    ),
    _prefixed("github", r"gh[pousr]_[A-Za-z0-9]{36,}", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _prefixed("gitlab", r"glpat-[A-Za-z0-9_-]{20,}"),
    _prefixed("google", r"AIza[A-Za-z0-9_-]{35}", r"ya29\.[A-Za-z0-9_-]{20,}", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _prefixed("huggingface", r"hf_[A-Za-z0-9]{34,}"),
    Detector("secret.jwt", (WORD + r"(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",), _jwt),
    _prefixed("npm", r"npm_[A-Za-z0-9]{36}\b"),
    # The older form has no prefix but "sk-"; it is told by its length, or by the "OpenAI" in base64 in its
    # middle.
    _prefixed(
        "openai",
        r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{32,}",
        r"sk-[A-Za-z0-9]{48}\b",
        r"sk-[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}",
    ),
    Detector("secret.pem", (r"(-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----)",), _pem),
    _prefixed("promethios", r"pmk_[A-Za-z0-9_-]{16,}"),
    _prefixed("pypi", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    _prefixed("sendgrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _prefixed(
        "slack",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}",
        r"https://hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}",
    ),
    _prefixed("stripe", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}", r"whsec_[A-Za-z0-9+/]{32,}"),
)
