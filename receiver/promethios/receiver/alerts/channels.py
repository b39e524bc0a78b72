"""Channels: to whom alerts are told, as a file says it, with secrets from the environment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from promethios.governance.alerting import RULES, SEVERITIES
from promethios.governance.policies.document import Value
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.problems import Problems

#: The most channels: each has a thread.
MOST_CHANNELS: Final = 20
#: The shortest secret that signs, characters.
LEAST_SECRET: Final = 32

_KEYS: Final = ("name", "url", "webhook", "secret_env", "severities", "rules", "tenants")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts are told.

    Args:
        name: What it is called, in the log and in messages about it.
        url: Where Apprise sends, with its secrets; empty for a webhook.
        webhook: Where our own webhook is sent; empty for Apprise.
        secret: What signs it; empty for Apprise.
        severities: Which alerts are told there.
        rules: The same; empty for all.
        tenants: Whose; empty for everybody's.
    """

    name: str
    url: str = field(default="", repr=False)
    webhook: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    severities: tuple[str, ...] = SEVERITIES
    rules: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()

    def wants(self, tenant: str, rule: str, severity: str) -> bool:
        """Whether an alert is told there."""
        return (
            severity in self.severities
            and (not self.rules or rule in self.rules)
            and (not self.tenants or tenant in self.tenants)
        )

    @property
    def webhook_hash(self) -> str:
        """What tells where the webhook leads, and does not say it: an address may hold a token."""
        return hashlib.sha256(self.webhook.encode()).hexdigest()

    @property
    def target(self) -> str:
        """Where it leads, without what may be secret of it: scheme and host."""
        try:
            parts = urlsplit(self.webhook or self.url)
            host = parts.hostname or ""
        except ValueError:
            return "apprise"
        return f"{parts.scheme}://{host}" if self.webhook else f"{parts.scheme}:"


def read_channels(fields: Fields, environment: Mapping[str, str], problems: Problems) -> tuple[Channel, ...]:
    """The channels of a file; mistakes are noted, and their channels left out."""
    items = fields.items("channels")
    if len(items) > MOST_CHANNELS:
        fields.wrong(items[MOST_CHANNELS], f"there are more than {MOST_CHANNELS} channels")
    found: dict[str, Channel] = {}
    for number, item in enumerate(items, 1):
        reader = _Reader(Fields(item, f"channel {number}", _KEYS, problems), environment)
        channel = reader.channel()
        if channel.name in found:
            reader.fields.wrong(item, f"there are two channels named '{channel.name}'")
        found[channel.name] = channel
    return tuple(found.values())


class _Reader:
    def __init__(self, fields: Fields, environment: Mapping[str, str]) -> None:
        self.fields = fields
        self._environment = environment

    def channel(self) -> Channel:
        self.fields.require("name")
        url, webhook = self.fields.get("url"), self.fields.get("webhook")
        if (url is None) is (webhook is None):
            self.fields.wrong(self.fields.map, f"{self.fields.where} needs either 'url' or 'webhook'")
        return Channel(
            self._name(),
            self._url() if url is not None else "",
            self._webhook(webhook) if webhook is not None else "",
            self._secret(webhook is not None),
            self.fields.choices("severities", SEVERITIES) or SEVERITIES,
            self.fields.choices("rules", tuple(rule.id for rule in RULES)),
            self.fields.texts("tenants"),
        )

    def _name(self) -> str:
        name, value = self.fields.text("name"), self.fields.get("name")
        if name and value is not None and not _NAME.fullmatch(name):
            self.fields.wrong(value, "'name' must be letters, digits, '.', '_' and '-', 64 at most")
        return name

    def _url(self) -> str:
        """Where Apprise sends, with ``${NAME}`` filled in from the environment."""
        value = self.fields.get("url")
        url = self.fields.text("url")
        if not url or value is None:
            return ""
        if "://" not in url:
            self.fields.wrong(value, "'url' must be an address of Apprise, such as slack://${SLACK_TOKENS}")
        for name in _VARIABLE.findall(url):
            if not self._environment.get(name):
                self.fields.wrong(value, f"'url' names ${{{name}}}, which is not set")
        # A path of several tokens is one secret: its slashes stay.
        return _VARIABLE.sub(lambda found: quote(self._environment.get(found[1], ""), safe="/"), url)

    def _webhook(self, value: Value) -> str:
        webhook = self.fields.text("webhook")
        try:
            parts = urlsplit(webhook)
            fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            fine = False
        if webhook and (not fine or parts.fragment or re.search(r"[\x00-\x20\x7f]|[^\x00-\x7f]", webhook)):
            self.fields.wrong(value, "'webhook' must be an address such as https://hooks.example.com/alerts")
        elif webhook and parts.username is not None:
            self.fields.wrong(value, "'webhook' must have no user and no password", "the signature is enough")
        return webhook

    def _secret(self, wanted: bool) -> str:
        value = self.fields.get("secret_env")
        name = self.fields.text("secret_env")
        if value is None:
            if wanted:
                self.fields.wrong(
                    self.fields.map,
                    f"{self.fields.where} has no 'secret_env'",
                    f"name a variable that holds {LEAST_SECRET} random characters or more",
                )
            return ""
        if not wanted:
            self.fields.wrong(value, "'secret_env' is for a webhook", "write ${NAME} into 'url'")
            return ""
        secret = self._environment.get(name, "")
        if name and len(secret) < LEAST_SECRET:
            found = f"has fewer than {LEAST_SECRET} characters" if secret else "is not set"
            self.fields.wrong(value, f"'secret_env' names {name}, which {found}")
        return secret
