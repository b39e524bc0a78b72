"""The file of alerts: which rules, who is told, and how often."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from promethios.governance.alerting import (
    RULES,
    AlertingError,
    AlertRule,
    read_alerting,
    read_rules,
    read_seconds,
    refuse,
)
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.problems import PolicyError, Problems
from promethios.receiver.alerts.channels import Channel, read_channels
from promethios.receiver.alerts.networks import Network

_DAY: Final = 86_400
_REPEAT: Final = 4 * 3_600
_NO_APPRISE: Final = "'url' needs Apprise: pip install 'promethios[alerts]'; a 'webhook' needs nothing"


@dataclass(frozen=True, slots=True)
class Alerting:
    """What is evaluated, and who is told.

    Args:
        rules: Every rule, also those that are off.
        channels: Who is told.
        repeat_seconds: After how long an alert that still fires is told again.
        link: The console's address, for links in messages; empty for none.
        allow_networks: Networks that webhooks may lead into although they are not public.
    """

    rules: tuple[AlertRule, ...] = RULES
    channels: tuple[Channel, ...] = ()
    repeat_seconds: int = _REPEAT
    link: str = ""
    allow_networks: tuple[Network, ...] = ()

    def rule(self, rule_id: str) -> AlertRule | None:
        """The rule with an id; None where there is none."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def channel(self, name: str) -> Channel | None:
        """The channel with a name; None where there is none."""
        return next((channel for channel in self.channels if channel.name == name), None)


def load_alerting(path: str, environment: Mapping[str, str]) -> Alerting:
    """Read a file of alerts; the defaults, without channels, where there is none.

    Args:
        path: The file, empty for none.
        environment: Holds the secrets that it names.

    Raises:
        AlertingError: It cannot be read or has mistakes; all of them are in the message, none of its secrets.
    """
    if not path:
        return Alerting()
    problems = Problems()
    try:
        fields = read_alerting(path, problems)
    except PolicyError as error:
        raise AlertingError(str(error)) from None
    alerting = Alerting(
        read_rules(fields.get("rules"), problems),
        read_channels(fields, environment, problems),
        read_seconds(fields, "repeat", 7 * _DAY) or _REPEAT,
        _link(fields),
        _networks(fields),
    )
    _need_apprise(fields, alerting)
    refuse(path, problems)
    return alerting


def _link(fields: Fields) -> str:
    value, link = fields.get("link"), fields.text("link")
    if value is not None and link and not link.startswith(("http://", "https://")):
        fields.wrong(value, "'link' must be the console's address, such as https://promethios.example.com")
    return link.rstrip("/")


def _networks(fields: Fields) -> tuple[Network, ...]:
    found = []
    for item in fields.items("allow_networks"):
        text = fields.as_text(item, "allow_networks")
        try:
            found += [ipaddress.ip_network(text)] if text else []
        except ValueError as error:
            fields.wrong(item, f"'allow_networks' must be networks such as 10.1.0.0/16: {error}")
    return tuple(found)


def _need_apprise(fields: Fields, alerting: Alerting) -> None:
    if any(channel.url for channel in alerting.channels) and find_spec("apprise") is None:
        fields.wrong(fields.get("channels") or fields.map, _NO_APPRISE)
