"""How a webhook shows that it is ours: a time and an HMAC over both, as receivers of webhooks know it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

#: The header's name.
HEADER: Final = "X-Promethios-Signature"


def sign(secret: str, body: bytes, moment: int) -> str:
    """The header's value.

    Args:
        secret: What both sides know.
        body: The body, as it is sent.
        moment: When it is sent, Unix seconds: an old request that is sent again is known by it.
    """
    signed = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"
