"""How a command asks a running receiver."""

from __future__ import annotations

import json
import os
import ssl
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

_TIMEOUT: Final = 10.0
#: Authorities, certificate and key.
_VARIABLES: Final = (
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
)


class _Straight(HTTPRedirectHandler):
    """Follows no redirect: it would carry the key to wherever it leads."""

    def redirect_request(self, *_: Any) -> None:
        """Leave the answer as it is."""


class AskError(RuntimeError):
    """The receiver gave no answer that can be used; the message says why and what to do.

    Args:
        message: The reason.
        status: The status of an answer that refuses; None where there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def api_of(url: str) -> str:
    """The address of the API of a receiver at `url`.

    Raises:
        AskError: It is not an address of HTTP.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise AskError(f"{url!r} is not an address like http://127.0.0.1:4318")
    return f"{url.rstrip('/')}/api/v1"


def ask(method: str, url: str, api_key: str, body: bytes | None = None) -> Any:
    """Send a request and read its answer as JSON; None where it is empty.

    Raises:
        AskError: There was no answer, or not one of a receiver, or one that refuses.
    """
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    request = Request(url, body, headers, method=method)
    try:
        opener = build_opener(_Straight, HTTPSHandler(context=_tls(url)))
        with opener.open(request, timeout=_TIMEOUT) as answer:
            text = answer.read()
    except HTTPError as error:
        with error:
            redirects = 300 <= error.code < 400
            why = "which redirects: give the address that it leads to" if redirects else _detail(error.read())
            raise AskError(f"{method} {url}: {error.code}, {why}", error.code) from error
    except URLError as error:
        hint = _tls_hint(url, error.reason) or "is the receiver running?"
        raise AskError(f"cannot reach {url}: {error.reason}; {hint}") from error
    except (OSError, HTTPException) as error:
        # Such as from the port of gRPC, whose words are not for reading.
        why = str(error) if isinstance(error, OSError) else "the answer is not HTTP"
        hint = _tls_hint(url, error) or "is the receiver's HTTP address meant?"
        raise AskError(f"{method} {url}: {why}; {hint}") from error
    return _document(f"{method} {url}", text)


def _tls(url: str) -> ssl.SSLContext | None:
    """How TLS is spoken, by the variables that OpenTelemetry's exporters read."""
    if urlsplit(url).scheme != "https":
        return None
    authorities, certificate, key = (os.environ.get(name) or None for name in _VARIABLES)
    try:
        context = ssl.create_default_context(cafile=authorities)
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise AskError(f"cannot use the files that {', '.join(_VARIABLES)} name: {error}") from error
    return context


def _tls_hint(url: str, reason: object) -> str:
    """What may be wrong with TLS; empty where it is not spoken, or nobody listens."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"{_VARIABLES[0]} names the authorities to trust"
    if urlsplit(url).scheme != "https" or isinstance(reason, ConnectionRefusedError):
        return ""
    # Who misses a certificate closes the connection; whether the reason is heard is a matter of luck.
    return f"does it speak TLS, and want a client's certificate? {_VARIABLES[1]} and {_VARIABLES[2]} name one"


def _document(what: str, text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise AskError(
            f"{what}: the answer is not a receiver's; is another program at this address?"
        ) from error


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return "without a reason"
