"""Certificates for tests: an authority, a server of this machine, and a client, as files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Files in a folder.

    Args:
        ca: The authority that vouches for the server and for the client.
        cert, key: The server's, for ``localhost`` and the loopback addresses.
        client_cert, client_key: The client's.
    """

    ca: Path
    cert: Path
    key: Path
    client_cert: Path
    client_key: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """Make an authority and what it vouches for, in a new folder."""
        folder.mkdir()
        made = cls(
            *(folder / name for name in ("ca.pem", "cert.pem", "key.pem", "client.pem", "client-key.pem"))
        )
        authority = trustme.CA()
        authority.cert_pem.write_to_path(made.ca)
        server = authority.issue_cert("localhost", "127.0.0.1", "::1")
        client = authority.issue_cert("agent@example.com")
        for issued, cert, key in ((server, made.cert, made.key), (client, made.client_cert, made.client_key)):
            cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
            issued.private_key_pem.write_to_path(key)
        return made

    @property
    def options(self) -> tuple[str, ...]:
        """Options of ``promethios serve``."""
        return ("--tls-cert", str(self.cert), "--tls-key", str(self.key))

    def client(self, *, certified: bool = False) -> ssl.SSLContext:
        """What a client needs; `certified` for one that shows its own certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        if certified:
            context.load_cert_chain(self.client_cert, self.client_key)
        return context
