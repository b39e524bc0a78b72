"""What the receiver depends on is newer than every advisory that we have read.

This is the part of an audit that needs no network. The whole one asks a service for what is new:
``make audit`` does, where https://pypi.org can be reached.
"""

from __future__ import annotations

from importlib.metadata import distribution, requires, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

#: The package, the first version without the fault, and the advisory.
ADVISORIES = [
    ("cryptography", "44.0.1", "CVE-2024-12797"),
    ("flask", "3.1.1", "CVE-2025-47278"),
    ("grpcio", "1.65.4", "CVE-2024-7246"),
    ("jinja2", "3.1.6", "CVE-2025-27516"),
    ("mako", "1.2.2", "CVE-2022-40023"),
    ("orjson", "3.9.15", "CVE-2024-27454"),
    ("orjson", "3.11.6", "CVE-2025-67221"),
    ("protobuf", "6.31.1", "CVE-2025-4565"),
    ("requests", "2.32.4", "CVE-2024-47081"),
    ("urllib3", "2.6.3", "CVE-2026-21441"),
    ("urllib3", "2.7.0", "CVE-2026-44432"),
    ("waitress", "3.0.1", "CVE-2024-49768"),
    ("waitress", "3.0.1", "CVE-2024-49769"),
    ("werkzeug", "3.0.6", "CVE-2024-49767"),
    ("werkzeug", "3.1.6", "GHSA-29vq-49wr-vm6x"),
]


@pytest.mark.parametrize(("name", "fixed", "advisory"), ADVISORIES, ids=[row[2] for row in ADVISORIES])
def test_k22_what_is_installed_is_newer_than_the_advisory(name: str, fixed: str, advisory: str) -> None:
    assert Version(version(name)) >= Version(fixed), f"{name} {version(name)} has {advisory}"


def test_k22_every_package_that_the_receiver_needs_is_known_and_installed() -> None:
    """The list of what to audit is made from the metadata, not by hand."""
    found = needed("promethios", {"receiver"})
    assert {"flask", "waitress", "grpcio", "orjson", "sqlalchemy", "werkzeug", "protobuf"} <= found
    assert {name for name, _, _ in ADVISORIES} - found <= {"cryptography", "requests"}


def needed(name: str, extras: set[str], found: set[str] | None = None) -> set[str]:
    """What a package needs, and what that needs, of what is installed here."""
    found = set() if found is None else found
    for text in requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}
        ):
            continue
        other = canonicalize_name(requirement.name)
        if other not in found and other != "promethios":
            distribution(other)
            found.add(other)
            needed(other, requirement.extras, found)
    return found


def test_k22_what_reads_hostile_bytes_cannot_be_installed_older_than_its_advisory() -> None:
    """Of the direct dependencies that parse what strangers send, the lower bound itself is safe."""
    bounds = {
        canonicalize_name(requirement.name): requirement.specifier
        for requirement in map(Requirement, requires("promethios") or ())
    }
    for name, fixed, advisory in ADVISORIES:
        if name in ("orjson", "waitress"):
            older = [each for each in ("0.1", f"{fixed}rc1") if bounds[name].contains(each, prereleases=True)]
            assert older == [], f"{name} may be installed with {advisory}"
