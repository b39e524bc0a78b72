"""What is wrong with the files that TLS needs, told before a connection needs them."""

from __future__ import annotations

import ssl
from pathlib import Path

#: A setting, what is wrong with it, and what to do.
Problem = tuple[str, str, str]


def problem_with(authorities: Path | None, certificate: Path | None, key: Path | None) -> Problem | None:
    """Find what would make every handshake fail.

    Args:
        authorities: The authorities that vouch for receivers: `certificate` of the settings.
        certificate: What the agent shows of itself: `client_certificate`.
        key: The private key to it, `client_key`; None where it is in the same file.
    """
    if key and not certificate:
        return "client_key", f"is {str(key)!r}", "give its certificate too, as `client_certificate`"
    for name, file in (("certificate", authorities), ("client_certificate", certificate)):
        if file and (problem := _problem_of_certificates(file)):
            return name, f"is {str(file)!r}", problem
    if certificate and (problem := _problem_of_key(certificate, key)):
        name, file = ("client_key", key) if key else ("client_certificate", certificate)
        return name, f"is {str(file)!r}", problem
    return None


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _problem_of_certificates(file: Path) -> str:
    if not file.is_file():
        return "there is no such file"
    try:
        _context().load_verify_locations(file)
    except OSError:
        return "it cannot be read as certificates in PEM"
    return ""


def _problem_of_key(certificate: Path, key: Path | None) -> str:
    if key and not key.is_file():
        return "there is no such file"
    try:
        # The password keeps OpenSSL from asking for one at the terminal.
        _context().load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "it is not the private key of `client_certificate`"
        return "it holds no private key in PEM that needs no password"
    except OSError:
        return "it cannot be read"
    return ""
