"""``spec.overrides``: what a bundle changes in the policies of those that it extends."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.policies.document import Map, Value
from promethios.governance.policies.draft import Draft, Entry
from promethios.governance.policies.fields import Fields, kind_of
from promethios.governance.policies.model import MODES, SEVERITIES
from promethios.governance.policies.policy_reader import ACTIONS, MAX_WEIGHT, ON_ERROR, read_policy
from promethios.governance.policies.problems import Problems

#: What may be changed, and so what is taken from the override where it says it.
CHANGES: Final = ("mode", "action", "onError", "severity", "weight", "match", "message", "params", "limit")
#: Of these, what is written is put over what the policy has, key by key.
MERGED: Final = ("params", "limit")
KEYS: Final = ("id", "disabled", *CHANGES)


def apply_overrides(fields: Fields, draft: Draft, problems: Problems) -> None:
    """Change the policies that `draft` took over from its bases, in the order of ``overrides``."""
    for position, item in enumerate(fields.items("overrides"), 1):
        _apply(Fields(item, f"override {position}", KEYS, problems), item, draft, problems)


def _apply(fields: Fields, item: Value, draft: Draft, problems: Problems) -> None:
    before = len(problems.found)
    fields.require("id")
    pattern, disabled = fields.text("id"), fields.flag("disabled")
    changes = {key: entry for key, entry in fields.map.entries.items() if key in CHANGES}
    _check(fields)
    if disabled and changes:
        fields.wrong(item, f"what is disabled has no {', '.join(changes)}")
    elif not disabled and not changes and fields.get("disabled") is None:
        fields.wrong(item, f"{fields.where} changes nothing", f"there is {', '.join(KEYS[1:])}")
    names = [name for name in draft.entries if fnmatchcase(name, pattern)] if pattern else []
    if pattern and not names and not draft.failed:
        hint = did_you_mean(pattern, draft.entries) or "only policies of 'extends' can be changed here"
        fields.wrong(fields.get("id") or item, f"there is no policy '{pattern}' to change", hint)
    if len(problems.found) > before:
        return
    for name in names:
        if disabled:
            draft.notes.append(f"policy '{name}' of {draft.entries.pop(name).origin} is off")
        elif changes:
            _change(fields, item, draft, name, Map(item.line, item.column, changes), problems)


def _check(fields: Fields) -> None:
    """Look at each value where it stands, whatever policy it is for."""
    fields.choice("mode", MODES)
    fields.choice("action", ACTIONS)
    fields.choice("onError", ON_ERROR)
    fields.choice("severity", SEVERITIES)
    fields.number("weight", MAX_WEIGHT)
    for key in (*MERGED, "match"):
        value = fields.get(key)
        if value is not None and not isinstance(value, Map):
            fields.wrong(value, f"'{key}' must be a map, not {kind_of(value)}")


def _change(fields: Fields, item: Value, draft: Draft, name: str, changes: Map, problems: Problems) -> None:
    """Read the policy again as it would have been written with the changes."""
    entry = draft.entries[name]
    written = entry.value if isinstance(entry.value, Map) else Map(1, 1, {})
    entries = {**written.entries, **changes.entries}
    for part in MERGED:
        if part in changes.entries:
            entries[part] = (changes.entries[part][0], _merged(part, fields, entry, written))
    value, found = Map(written.line, written.column, entries), Problems()
    policy = read_policy(value, 1, entry.scope, found)
    for problem in found.found:
        where = f"policy '{name}' of {entry.origin} cannot be changed so"
        fields.wrong(item, f"{where}: {problem.message}", problem.hint)
    draft.changed(name, policy, value)
    draft.notes.append(f"policy '{name}' of {entry.origin} is changed: {', '.join(changes.entries)}")


def _merged(part: str, fields: Fields, entry: Entry, written: Map) -> Map:
    """The policy's parameters or limit with those of the override; it can give none that are not there."""
    old, new = written.get(part), fields.get(part)
    known = old.entries if isinstance(old, Map) else {}
    given = new.entries if isinstance(new, Map) else {}
    for name, (key, _) in given.items():
        if name not in known and (part == "params" or not known):
            hint = did_you_mean(name, known) or (f"there is {', '.join(known)}" if known else "it has none")
            fields.wrong(key, f"policy '{entry.policy.id}' has no '{name}' in '{part}'", hint)
    place = new or fields.map
    return Map(place.line, place.column, {**known, **given})
