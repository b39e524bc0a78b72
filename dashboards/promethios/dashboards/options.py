"""What an export and a push are made for: addresses, the key's place, the rules, who is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from promethios.governance.alerting import RULES, AlertRule

#: Where a receiver listens unless told otherwise; the packaged data source names it.
DEFAULT_URL: Final = "http://127.0.0.1:4318"

#: How the packaged data source names the key.
READ_KEY: Final = "$PROMETHIOS_READ_KEY"

#: Where the key belongs instead of an address.
READ_KEY_HINT: Final = "Grafana takes the key from the environment variable PROMETHIOS_READ_KEY"

#: A path of Grafana's own machine, which need not be there where the export is made.
_KEY_FILE: Final = re.compile(r"/[\w./-]+", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s;$\"'\\@]+@[^\s;$\"'\\@]+(;[^\s;$\"'\\@]+@[^\s;$\"'\\@]+)*")


class ExportError(ValueError):
    """An export that cannot be done; the message says what was attempted, on what, and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an export is made for.

    Args:
        url: The receiver's address as Grafana reaches it.
        key_file: Where Grafana finds the read key; None for its environment variable PROMETHIOS_READ_KEY.
        rules: The alert rules, with what a file changed in them.
        webhook: An address that alerts are posted to.
        email: Who gets alerts by mail, separated by semicolons.
    """

    url: str = DEFAULT_URL
    key_file: str | None = None
    rules: Sequence[AlertRule] = RULES
    webhook: str | None = None
    email: str | None = None

    def validate(self) -> Options:
        """Return the same with the address as the files have it.

        Raises:
            ExportError: Something in it cannot be in a file that Grafana reads; webhooks are not repeated.
        """
        if self.key_file is not None and not _KEY_FILE.fullmatch(self.key_file):
            raise ExportError(
                f"--key-file {self.key_file!r}: give an absolute path of letters, digits and . _ - /, as "
                "Grafana sees it, such as /run/secrets/promethios-read-key"
            )
        if self.webhook is not None:
            _validate_webhook(self.webhook)
        if self.email is not None and not _EMAIL.fullmatch(self.email):
            raise ExportError(f"--alert-email {self.email!r}: not an address, or several with ; between")
        return replace(self, url=validate_url(self.url))


def validate_url(url: str, option: str = "--url", hint: str = READ_KEY_HINT) -> str:
    """Return an address without a trailing slash.

    Args:
        url: A receiver's, or Grafana's.
        option: What it was given as.
        hint: Where credentials belong instead.

    Raises:
        ExportError: it is not an http(s) address of a host, it carries a key or a query, or it has a
            character that Grafana's provisioning or YAML would read as something else.
    """
    example = DEFAULT_URL if option == "--url" else "http://127.0.0.1:3000"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError as wrong:
        raise ExportError(f"{option} {url!r}: {wrong}; give one such as {example}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ExportError(f"{option} {url!r}: not an http or https address; give one such as {example}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ExportError(f"{option} for {parts.hostname}: leave out credentials, query and fragment; {hint}")
    if any(char in "$\"'\\" or not char.isprintable() or char.isspace() for char in url):
        raise ExportError(f"{option} {url!r}: quotes, $, backslashes and blanks cannot be in it")
    return url.rstrip("/")


def _validate_webhook(webhook: str) -> None:
    """Its path or query is often a secret: no message shows more than the host."""
    try:
        host = urlsplit(webhook).hostname
    except ValueError:
        host = None
    if not host or not webhook.startswith(("http://", "https://")):
        raise ExportError("--alert-webhook: not an http or https address")
    if any(char in "$\"'\\" or not char.isprintable() or char.isspace() for char in webhook):
        raise ExportError(f"--alert-webhook for {host}: quotes, $, backslashes and blanks cannot be in it")
