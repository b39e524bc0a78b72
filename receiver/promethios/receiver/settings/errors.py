"""What is wrong with a setting."""

from __future__ import annotations


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it, where it was found, and what is possible."""
