"""A whole bundle: its text, and before that the texts that it extends."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import Final

from promethios.governance.decision import BundleId
from promethios.governance.detectors import known
from promethios.governance.policies.document import Value, read
from promethios.governance.policies.draft import Draft, Entry
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.model import API_VERSION, KIND, Bundle
from promethios.governance.policies.overrides import apply_overrides
from promethios.governance.policies.policy_reader import Scope, read_policy
from promethios.governance.policies.problems import PolicyError, Problem, Problems
from promethios.governance.policies.sources import LIBRARY_PREFIX, Source, SourceError, open_source
from promethios.governance.policies.spec_readers import read_defaults, read_detectors, read_prices

BUNDLE_KEYS: Final = ("apiVersion", "kind", "metadata", "spec")
METADATA_KEYS: Final = ("name", "version", "owner", "description")
SPEC_KEYS: Final = ("extends", "overrides", "defaults", "detectors", "prices", "policies")
#: How many files may extend each other in a row, and how many a bundle may have in all.
MAX_DEPTH: Final = 8
MAX_FILES: Final = 32


class BundleReader:
    """Reads one bundle. After `read`, `notes` says what became of the policies of its bases."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}
        self._chain: list[Source] = []
        self._problems: list[Problem] = []
        self.notes: tuple[str, ...] = ()

    def read(self, source: Source) -> Bundle:
        """The bundle.

        Raises:
            PolicyError: it or what it extends has mistakes; all of them are in the message.
        """
        draft = self._draft(source)
        if self._problems:
            raise PolicyError(source.name, self._problems)
        self.notes = tuple(draft.notes)
        digests = list(draft.digests.values())
        return Bundle(
            id=BundleId(
                draft.name, draft.version, digests[0] if len(digests) == 1 else _digest(" ".join(digests))
            ),
            policies=tuple(entry.policy for entry in draft.entries.values()),
            defaults=draft.defaults,
            owner=draft.owner,
            detectors=tuple(draft.detectors.values()),
            prices=MappingProxyType(draft.prices),
            stable_placeholders=bool(draft.stable),
            sources=tuple(draft.digests),
        )

    def _draft(self, source: Source) -> Draft:
        """The bundle of one text; a text that is reached twice is read once."""
        before = self._drafts.get(source.identity)
        if before is not None:
            return before
        problems = Problems(source.name)
        self._chain.append(source)
        draft = self._drafts[source.identity] = Draft(digests={source.name: _digest(source.text)})
        try:
            root = read(source.text, source.name, problems)
            if root is None:
                hint = f"a bundle begins with 'apiVersion: {API_VERSION}'"
                problems.add(1, 1, "the file is empty", hint)
            else:
                self._read(root, draft, problems)
        except PolicyError as error:
            problems.found += error.problems
        self._chain.pop()
        self._problems += problems.found
        draft.failed = draft.failed or bool(problems.found)
        return draft

    def _read(self, root: Value, draft: Draft, problems: Problems) -> None:
        fields = Fields(root, "the bundle", BUNDLE_KEYS, problems)
        fields.require(*BUNDLE_KEYS)
        fields.choice("apiVersion", (API_VERSION,))
        fields.choice("kind", (KIND,))
        _metadata(fields.get("metadata"), draft, problems)
        spec = fields.get("spec")
        if spec is not None:
            self._spec(Fields(spec, "'spec'", SPEC_KEYS, problems), draft, problems)

    def _spec(self, fields: Fields, draft: Draft, problems: Problems) -> None:
        if fields.get("extends") is None:
            fields.require("policies")
        for item in fields.items("extends", single=True):
            name = fields.as_text(item, "extends")
            if name:
                self._extend(fields, item, name, draft)
        apply_overrides(fields, draft, problems)
        draft.defaults, stable = read_defaults(fields.get("defaults"), problems)
        draft.stable = draft.stable if stable is None else stable
        draft.detectors.update(read_detectors(fields, problems))
        draft.prices.update(read_prices(fields.get("prices"), problems))
        self._policies(fields, draft, problems)

    def _extend(self, fields: Fields, item: Value, name: str, draft: Draft) -> None:
        """Take over what the bundle `name` has, or say why that cannot be."""
        here = self._chain[-1]
        if here.folder is None and not name.startswith(LIBRARY_PREFIX):
            fields.wrong(
                item, f"'{name}' is relative to a file, and this text is in none", "load it from a file"
            )
            return
        try:
            source = open_source(name, here.folder)
        except SourceError as error:
            fields.wrong(item, f"cannot extend '{name}': {error.message}", error.hint)
            return
        if any(source.identity == each.identity for each in self._chain):
            names = " extends ".join([*(each.name for each in self._chain), source.name])
            fields.wrong(item, f"a bundle cannot extend itself: {names}")
        elif len(self._chain) >= MAX_DEPTH:
            fields.wrong(item, f"more than {MAX_DEPTH} bundles extend each other in a row")
        elif len(self._drafts) >= MAX_FILES and source.identity not in self._drafts:
            fields.wrong(item, f"more than {MAX_FILES} files make up this bundle")
        else:
            draft.extend(self._draft(source))

    def _policies(self, fields: Fields, draft: Draft, problems: Problems) -> None:
        scope = Scope(draft.defaults, (*known(), *draft.detectors))
        first: dict[str, int] = {}
        for position, item in enumerate(fields.items("policies"), 1):
            policy = read_policy(item, position, scope, problems)
            if policy.id and policy.id in first:
                fields.wrong(item, f"policy '{policy.id}' is already given in line {first[policy.id]}")
            first.setdefault(policy.id, item.line)
            draft.put(policy.id, Entry(policy, item, scope, self._chain[-1].name))


def _metadata(value: Value | None, draft: Draft, problems: Problems) -> None:
    if value is None:
        return
    fields = Fields(value, "'metadata'", METADATA_KEYS, problems)
    fields.require("name", "version")
    fields.text("description")
    draft.name, draft.version, draft.owner = map(fields.text, ("name", "version", "owner"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
