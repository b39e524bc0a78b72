"""Messages for people, through Apprise: mail, chats, pagers, whatever it knows.

What Apprise sends it sends by itself: it resolves names, follows what its services answer, and its addresses
cannot be pinned. So only who writes the receiver's configuration says where.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any, Final

from promethios.receiver.alerts.channels import Channel
from promethios.receiver.alerts.outcome import NotSent
from promethios.receiver.cli.printable import printable

_TYPES: Final = {"critical": "failure", "warning": "warning", "info": "info"}
#: So many alerts are told one by one.
_LINES: Final = 20


def send_letter(channel: Channel, message: dict[str, Any]) -> None:
    """Send a message.

    Args:
        channel: One with an address of Apprise.
        message: As `messages` makes it.

    Raises:
        NotSent: Apprise did not send it.
    """
    sender = _sender(channel.url)
    firing = message["status"] == "firing"
    kind = _TYPES.get(message["severity"], "info") if firing else "success"
    try:
        sent = sender.notify(title=title(message), body=text(message), notify_type=kind, body_format="text")
    except Exception as error:
        # Plug-ins of many hands: what they raise may hold their address.
        raise NotSent(f"Apprise failed: {type(error).__name__}") from None
    if not sent:
        raise NotSent("Apprise could not send it")


def check_letters(channel: Channel) -> str | None:
    """Why Apprise cannot use a channel's address; None where it can."""
    try:
        _sender(channel.url)
    except NotSent as error:
        return str(error)
    return None


def title(message: dict[str, Any]) -> str:
    """One line: what, how many, and whose."""
    state = message["status"].upper()
    many = f" ({message['count']})" if message["count"] > 1 else ""
    return f"[{state}] {message['title']}{many}"


def text(message: dict[str, Any]) -> str:
    """What people read."""
    lines = [f"{each['state']}: {printable(each['summary'])}" for each in message["alerts"][:_LINES]]
    further = message["count"] - len(lines)
    lines += [f"and {further} more"] if further > 0 else []
    lines += ["", message["description"], f"Tenant {message['tenant']}, severity {message['severity']}"]
    return "\n".join([*lines, message["link"]] if message["link"] else lines)


def _sender(url: str) -> Any:
    apprise = importlib.import_module("apprise")
    # Its log may hold addresses, and with them tokens.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(app_id="Promethios", app_desc="Promethios", async_mode=False)
    if hasattr(asset, "http_redirects"):
        asset.http_redirects = False
    sender = apprise.Apprise(asset=asset)
    if not sender.add(url):
        raise NotSent("Apprise does not know this address")
    return sender
