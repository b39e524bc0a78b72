"""What goes wrong with a database that a person has to look at."""

from __future__ import annotations


class StoreError(RuntimeError):
    """The database cannot be used; the message says which, why, and what to do."""


class DatabaseInUse(RuntimeError):
    """Another process holds the database."""
