"""Grafana's HTTP API, as far as a push needs it, and what its refusals mean.

https://grafana.com/docs/grafana/latest/developers/http_api/
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import urllib3

#: The oldest Grafana that the Infinity data source 3.x runs in.
OLDEST: Final = (11, 6)

_TIMEOUT: Final = urllib3.Timeout(connect=10, read=30)
_LONGEST_MESSAGE: Final = 300
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")


class PushError(ValueError):
    """A push that cannot be done; the message says what Grafana answered to what, and what to do."""


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """The header that tells Grafana who asks: a token's, or a user's.

    Args:
        environment: ``GRAFANA_TOKEN``, or ``GRAFANA_USER`` and ``GRAFANA_PASSWORD``.

    Raises:
        PushError: None of them is set, or what is set cannot be in a header.
    """
    token = environment.get("GRAFANA_TOKEN", "")
    user, password = environment.get("GRAFANA_USER", ""), environment.get("GRAFANA_PASSWORD", "")
    if token:
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise PushError("GRAFANA_TOKEN has a character that no token has; set it anew, without blanks")
        return {"Authorization": f"Bearer {token}"}
    if user and password:
        return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
    raise PushError(
        "nobody to push as: set GRAFANA_TOKEN to the token of a service account with the role Admin "
        "(Administration / Users and access / Service accounts), or GRAFANA_USER and GRAFANA_PASSWORD"
    )


class Grafana:
    """A Grafana server.

    Args:
        url: Its address, with its sub-path if it has one, without a slash at the end.
        headers: Who asks, from `credentials`.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = {"Accept": "application/json", **headers}
        # A redirect would carry the token to wherever it leads.
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)

    def __enter__(self) -> Grafana:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def check_version(self) -> None:
        """Raise a `PushError` if there is no Grafana, or one that is too old; one may hide its version."""
        known = self.get("/api/health", "look what is there", signed=False)
        if not isinstance(known, dict) or "database" not in known:
            raise PushError(f"{self._url} is not a Grafana: its /api/health says something else")
        version = str(known.get("version", ""))
        found = _VERSION.match(version)
        if found and (int(found[1]), int(found[2])) < OLDEST:
            raise PushError(
                f"{self._url} is Grafana {version}: too old, the data source needs "
                f"{OLDEST[0]}.{OLDEST[1]} or newer; update Grafana"
            )

    def get(self, path: str, doing: str, *, signed: bool = True) -> Any:
        """The answer to a GET, or None for what is not there.

        Args:
            path: Below the address.
            doing: What is tried, for the error's message.
            signed: Whether Grafana is told who asks.

        Raises:
            PushError: It was refused, or there was no answer.
        """
        return self._ask("GET", path, doing, missing=True, signed=signed)

    def send(self, method: str, path: str, body: Mapping[str, Any], doing: str, **headers: str) -> Any:
        """The answer to a POST or PUT.

        Raises:
            PushError: It was refused, or there was no answer.
        """
        return self._ask(method, path, doing, json.dumps(body).encode(), headers)

    def _ask(
        self,
        method: str,
        path: str,
        doing: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        missing: bool = False,
        signed: bool = True,
    ) -> Any:
        sent = {**(self._headers if signed else {}), **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(method, self._url + path, body=body, headers=sent, redirect=False)
        except urllib3.exceptions.HTTPError as wrong:
            raise PushError(f"cannot {doing}: {self._url} does not answer: {_reason(wrong)}") from wrong
        if answer.status == 404 and missing and path != "/api/health":
            return None
        if answer.status >= 300:
            raise PushError(f"cannot {doing}: {self._refusal(answer.status, answer, path)}")
        try:
            return json.loads(answer.data)
        except ValueError:
            raise PushError(f"cannot {doing}: {self._url} is not a Grafana: {path} is no JSON") from None

    def _refusal(self, status: int, answer: urllib3.BaseHTTPResponse, path: str) -> str:
        if status < 400:
            where = _printable(answer.headers.get("Location", "somewhere else"))
            return f"{self._url} sends on to {where}; give the address that answers itself"
        if status == 401:
            return (
                f"{self._url} does not know these credentials (401); is the token of this Grafana, "
                "and not expired?"
            )
        if status == 403:
            return (
                f"these credentials may not do that (403: {_message(answer.data)}); "
                "give the service account the role Admin"
            )
        if status == 404:
            return f"there is no {path} at {self._url} (404); give Grafana's whole address, with its sub-path"
        return f"{self._url} answered {status}: {_message(answer.data)}"


def _message(body: bytes) -> str:
    """What Grafana says, in one short line."""
    try:
        said = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        said = body.decode("utf-8", "replace")
    return _printable(str(said)) or "nothing more"


def _printable(text: str) -> str:
    line = "".join(char if char.isprintable() else " " for char in text).strip()
    return line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "…"


def _reason(wrong: Exception) -> str:
    """urllib3's own text begins with the address of an object."""
    return str(wrong).rpartition(">: ")[2] or type(wrong).__name__
