"""What a call carries, three times: the framework's objects, plain values, and what policies see of them."""

from __future__ import annotations

import logging
from typing import Any

from promethios.governance.adapters.media import put_back, shown
from promethios.governance.enforcement.plain import plain, restored

_log = logging.getLogger(__name__)


class Content:
    """Arguments, a result, an input or an output.

    Args:
        value: As the framework has it.
    """

    def __init__(self, value: Any) -> None:
        self._value = value
        self._plain = plain(value)
        #: What policies see: plain values, and of images and other media their kind and size.
        self.seen = _shown(self._plain)

    def redacted(self, redacted: Any) -> Any:
        """The value after what policies saw of it was made `redacted`; objects keep their identity."""
        if redacted is self.seen:
            return self._value
        return restored(self._value, self._plain, put_back(self._plain, self.seen, redacted))


def _shown(value: Any) -> Any:
    try:
        return shown(value)
    except Exception:
        _log.exception("cannot tell media from text; policies see all of it")
        return value
