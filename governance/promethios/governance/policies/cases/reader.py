"""Case files: YAML in, cases or every mistake out, as strict as policy files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from promethios.governance.policies.cases.model import KIND, Case, Step
from promethios.governance.policies.cases.step_reader import STEP_KEYS, read_step
from promethios.governance.policies.document import Map, Value, read
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.loader import load_bundle
from promethios.governance.policies.model import API_VERSION, Bundle
from promethios.governance.policies.problems import PolicyError, Problem, Problems
from promethios.governance.policies.sources import LIBRARY_PREFIX, Source, SourceError, open_source

FILE_KEYS: Final = ("apiVersion", "kind", "policies", "cases")
CASE_KEYS: Final = ("name", "policies", "trust", "operation", "expect", "steps")
MAX_TRUST: Final = 1000


def load_cases(path: str | Path) -> tuple[Case, ...]:
    """Read a file of cases, and the policies that they are about.

    Raises:
        PolicyError: the file or the policies have mistakes; all of them are in the message.
    """
    try:
        source = open_source(str(path))
    except SourceError as error:
        raise PolicyError(str(path), [Problem(1, 1, error.message, error.hint)]) from None
    return _Reader(source).read()


def parse_cases(text: str, source: str = "<string>", *, folder: Path | None = None) -> tuple[Case, ...]:
    """Read cases from YAML text; the paths of policies begin in `folder`, without it in the working folder.

    Raises:
        PolicyError: the text or the policies have mistakes; all of them are in the message.
    """
    return _Reader(Source(source, text, source, folder)).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._problems = Problems(source.name)
        self._bundles: dict[str, Bundle | None] = {}

    def read(self) -> tuple[Case, ...]:
        root = read(self._source.text, self._source.name, self._problems)
        if root is None:
            hint = f"cases begin with 'apiVersion: {API_VERSION}'"
            raise PolicyError(self._source.name, [Problem(1, 1, "the file is empty", hint)])
        fields = Fields(root, "the file", FILE_KEYS, self._problems)
        fields.require("apiVersion", "kind", "cases")
        fields.choice("apiVersion", (API_VERSION,))
        fields.choice("kind", (KIND,))
        shared = self._bundle(fields)
        cases = [self._case(item, number, shared) for number, item in enumerate(fields.items("cases"), 1)]
        if self._problems.found:
            raise PolicyError(self._source.name, self._problems.found)
        return tuple(case for case in cases if case is not None)

    def _bundle(self, fields: Fields) -> Bundle | None:
        """The policies that ``policies`` names; mistakes in them are mistakes here."""
        value, name = fields.get("policies"), fields.text("policies")
        if value is None or not name:
            return None
        folder = self._source.folder
        path = name if name.startswith(LIBRARY_PREFIX) or folder is None else str(folder / name)
        if path not in self._bundles:
            self._bundles[path] = None
            try:
                self._bundles[path] = load_bundle(path)
            except PolicyError as error:
                fields.wrong(value, f"the policies of '{name}' cannot be used", "see below")
                self._problems.found += [
                    Problem(each.line, each.column, each.message, each.hint, each.source or error.source)
                    for each in error.problems
                ]
        return self._bundles[path]

    def _case(self, item: Value, number: int, shared: Bundle | None) -> Case | None:
        fields = Fields(item, f"case {number}", CASE_KEYS, self._problems)
        fields.require("name")
        if fields.get("policies") is None and shared is None and not self._bundles:
            fields.wrong(item, f"{fields.where} has no 'policies'", "name a file here or above 'cases'")
        bundle = self._bundle(fields) or shared
        trust = fields.number("trust", MAX_TRUST)
        steps = self._steps(fields, item)
        if bundle is None:
            return None
        name = fields.text("name")
        return Case(self._source.name, name, bundle, steps, None if trust is None else int(trust))

    def _steps(self, fields: Fields, item: Value) -> tuple[Step, ...]:
        """The steps; a case with one operation may say it without ``steps``."""
        if fields.get("steps") is None:
            fields.require("operation", "expect")
            alone = {
                key: entry for key, entry in fields.map.entries.items() if key in ("operation", "expect")
            }
            return (read_step(Map(item.line, item.column, alone), 1, self._problems),)
        for key in ("operation", "expect"):
            if fields.get(key) is not None:
                fields.wrong(fields.get(key) or item, f"'{key}' stands in the steps where there are 'steps'")
        steps = [
            read_step(step, number, self._problems) for number, step in enumerate(fields.items("steps"), 1)
        ]
        if steps and not any(step.operation for step in steps):
            fields.wrong(
                fields.get("steps") or item, "no step has an operation", f"there is {', '.join(STEP_KEYS)}"
            )
        return tuple(steps)
