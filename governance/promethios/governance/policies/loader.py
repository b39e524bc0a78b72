"""Reading a bundle of policies: from a file, from text, or from the library that comes with the package."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final

from promethios.governance.decision import BundleId, Verdict
from promethios.governance.policies.document import Value, read
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.model import API_VERSION, KIND, MODES, Bundle, Defaults, Policy
from promethios.governance.policies.policy_reader import ON_ERROR, read_policy
from promethios.governance.policies.problems import PolicyError, Problem, Problems

#: A path that begins so means a bundle of the library, such as ``promethios:baseline``.
LIBRARY_PREFIX: Final = "promethios:"


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle from a YAML file, or from the library (``promethios:baseline``).

    Raises:
        PolicyError: the file cannot be read or has mistakes; all of them are in the message.
    """
    name = str(path)
    if name.startswith(LIBRARY_PREFIX):
        return parse_bundle(_library(name), name)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PolicyError(name, [Problem(1, 1, f"the file cannot be read: {reason}")]) from None
    except UnicodeDecodeError as error:
        raise PolicyError(
            name, [Problem(1, 1, f"the file is not UTF-8: byte {error.start} is wrong")]
        ) from None
    return parse_bundle(text, name)


def _library(name: str) -> str:
    folder = files("promethios.governance.policies") / "library"
    wanted = name.removeprefix(LIBRARY_PREFIX)
    known = sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )
    if wanted not in known:
        hint = f"there is {', '.join(LIBRARY_PREFIX + each for each in known)}"
        raise PolicyError(name, [Problem(1, 1, "the library has no such bundle", hint)])
    return (folder / f"{wanted}.yaml").read_text(encoding="utf-8")


def parse_bundle(text: str, source: str = "<string>") -> Bundle:
    """Read a bundle from YAML text; `source` names it in errors.

    Raises:
        PolicyError: it has mistakes; all of them are in the message, each with line and column.
    """
    problems = Problems()
    root = read(text, source, problems)
    if root is None:
        raise PolicyError(
            source, [Problem(1, 1, "the file is empty", f"a bundle begins with 'apiVersion: {API_VERSION}'")]
        )
    bundle = _read_bundle(root, text, problems)
    if problems.found:
        raise PolicyError(source, problems.found)
    return bundle


def _read_bundle(root: Value, text: str, problems: Problems) -> Bundle:
    fields = Fields(root, "the bundle", ("apiVersion", "kind", "metadata", "spec"), problems)
    fields.require("apiVersion", "kind", "metadata", "spec")
    fields.choice("apiVersion", (API_VERSION,))
    fields.choice("kind", (KIND,))
    name, version, owner = _metadata(fields.get("metadata"), problems)
    defaults, policies = _spec(fields.get("spec"), problems)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return Bundle(BundleId(name, version, digest), policies, defaults, owner)


def _metadata(value: Value | None, problems: Problems) -> tuple[str, str, str]:
    if value is None:
        return "", "", ""
    fields = Fields(value, "'metadata'", ("name", "version", "owner", "description"), problems)
    fields.require("name", "version")
    fields.text("description")
    return fields.text("name"), fields.text("version"), fields.text("owner")


def _spec(value: Value | None, problems: Problems) -> tuple[Defaults, tuple[Policy, ...]]:
    if value is None:
        return Defaults(), ()
    fields = Fields(value, "'spec'", ("defaults", "policies"), problems, ("extends", "include", "tests"))
    fields.require("policies")
    defaults = _defaults(fields.get("defaults"), problems)
    policies = []
    first: dict[str, int] = {}
    for position, item in enumerate(fields.items("policies"), 1):
        policy = read_policy(item, position, defaults, problems)
        if policy.id and policy.id in first:
            fields.wrong(item, f"policy '{policy.id}' is already given in line {first[policy.id]}")
        first.setdefault(policy.id, item.line)
        policies.append(policy)
    return defaults, tuple(policies)


def _defaults(value: Value | None, problems: Problems) -> Defaults:
    if value is None:
        return Defaults()
    fields = Fields(value, "'defaults'", ("mode", "onError"), problems)
    on_error = fields.choice("onError", ON_ERROR)
    return Defaults(fields.choice("mode", MODES, "enforce"), Verdict(on_error) if on_error else None)
