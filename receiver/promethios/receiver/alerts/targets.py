"""A webhook that leads elsewhere needs another secret: what the old place knows must not sign for the new.

The file says where a webhook leads, the environment has its secret. The database remembers a hash of both, so
that who can change the file, and cannot see the secret, cannot have messages signed with it sent elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from promethios.receiver.alerts.channels import Channel
from promethios.receiver.store.alert_tables import alert_channels


def remember(connection: Connection, channels: Iterable[Channel]) -> str | None:
    """Remember where webhooks lead, and by which secret; forget those that are not there any more.

    Returns:
        What is wrong, where one leads elsewhere with a secret that was there before; nothing is changed then.
    """
    known = list(connection.execute(select(alert_channels)))
    webhooks = [channel for channel in channels if channel.webhook]
    for channel in webhooks:
        if any(_reused(channel, row) for row in known):
            return (
                f"channel '{channel.name}': its webhook is not the one that its secret was for: "
                "give it a new secret, and tell it to the receiver of the webhook"
            )
    connection.execute(delete(alert_channels))
    rows = [_row(channel) for channel in webhooks]
    if rows:
        connection.execute(insert(alert_channels), rows)
    return None


def _reused(channel: Channel, row: Any) -> bool:
    """Whatever the channel is called now: a new name for it makes no new secret."""
    same = hmac.compare_digest(row.secret, _hash(row.salt, channel.secret))
    return same and row.target != channel.webhook_hash


def _row(channel: Channel) -> dict[str, Any]:
    salt = os.urandom(16)
    return {
        "name": channel.name,
        "target": channel.webhook_hash,
        "salt": salt,
        "secret": _hash(salt, channel.secret),
    }


def _hash(salt: bytes, secret: str) -> bytes:
    """Slow on purpose: a secret may be one that a person made up."""
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
