"""The receiver's parts in this process, as in the receiver's own tests."""

from tests.receiver.conftest import client, make_key, receiver, services

__all__ = ["client", "make_key", "receiver", "services"]
