"""The JSON Schema (2020-12) of policy files, made of the tables that the reader itself uses.

Editors complete and check files with it while they are written. It says what can be said about the shape of
a file; whether a condition compiles or a detector exists, only the reader knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from promethios.governance.detectors import DETECTORS
from promethios.governance.operation import POINTS
from promethios.governance.policies import bundle_reader, overrides, spec_readers, state_readers
from promethios.governance.policies.detect_reader import FIELDS
from promethios.governance.policies.matching import MATCHABLE
from promethios.governance.policies.model import API_VERSION, KIND, MODES, SEVERITIES
from promethios.governance.policies.policy_reader import ACTIONS, ID, MAX_WEIGHT, ON_ERROR, PARTS, REQUIRED

_Schema = dict[str, Any]

ID_OF_SCHEMA: Final = f"https://{API_VERSION}/policyset.schema.json"

_TEXT: Final[_Schema] = {"type": "string", "pattern": r"\S"}
_DURATION: Final[_Schema] = {"type": "string", "pattern": f"^{state_readers.DURATION}$"}

#: What each key is, for those who hover over it.
_SAID: Final = {
    "apiVersion": "The version of the language.",
    "kind": "What the file holds.",
    "metadata": "Which bundle this is.",
    "spec": "What the bundle says.",
    "name": "The bundle's name.",
    "version": "The bundle's version, in quotes.",
    "owner": "Who answers for the bundle.",
    "description": "For readers of the file.",
    "extends": "Bundles whose policies come first: promethios:... or files, relative to this one.",
    "overrides": "Changes of policies that 'extends' brings.",
    "defaults": "What this file's policies take where they say nothing.",
    "detectors": "Detectors of the bundle's own.",
    "prices": "What models cost in US dollars for a million tokens, over the built-in table.",
    "policies": "The policies.",
    "id": "A name, unique in the bundle.",
    "severity": "How bad it is where the policy matches.",
    "controls": "Controls of frameworks that the policy serves, such as EU-AI-Act/Art.15.",
    "on": "The points at which it is evaluated.",
    "match": "Which operations it is about, by their names and attributes.",
    "attributes": "Attributes by their own names, and the values that they may have.",
    "params": "Constants of the condition: params.x.",
    "detect": "Holds where a detector hits.",
    "in": "Fields of the payload; without it all that the points have.",
    "any": "Detectors, such as pii.card or secret.*.",
    "when": "A condition, in a profile of CEL.",
    "limit": "Holds where so much has been used already.",
    "of": "What is counted.",
    "max": "How much may be used; cost is in US dollars.",
    "per": "Who shares the count.",
    "window": "The time that counts, such as 10m; without it, since the process started.",
    "after": "Holds where another operation has passed before.",
    "within": "How long ago at most, such as 10m; without it, since the process started.",
    "action": "What is done where the policy matches.",
    "mode": "shadow decides and does nothing.",
    "onError": "What is done where the policy cannot be evaluated.",
    "message": "The reason, for people: ${tool.name} and the like, never content.",
    "weight": "What a match weighs in the agent's trust; without it, by severity.",
    "placeholders": "stable tells equal values of one conversation from others.",
    "pattern": "A regular expression of RE2; its one group, or all of it, is what is found.",
    "disabled": "Leaves the policy out.",
    "input": "US dollars for a million tokens of the request.",
    "output": "US dollars for a million tokens of the answer.",
    **{key: f"Names of {alias}, with * and ?." for key, alias in MATCHABLE.items()},
}


def schema() -> _Schema:
    """The schema of a policy file."""
    properties = {
        "apiVersion": {"const": API_VERSION},
        "kind": {"const": KIND},
        "metadata": _map(dict.fromkeys(bundle_reader.METADATA_KEYS, _TEXT), ("name", "version")),
        "spec": _spec(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID_OF_SCHEMA,
        "title": "A bundle of policies",
        **_map({key: properties[key] for key in bundle_reader.BUNDLE_KEYS}, bundle_reader.BUNDLE_KEYS),
        "$defs": {"policy": _policy(), "override": _override(), "match": _match()},
    }


def _map(properties: dict[str, _Schema], required: Iterable[str] = (), **more: Any) -> _Schema:
    said = {key: {"description": _SAID[key], **value} for key, value in properties.items()}
    return {
        "type": "object",
        "properties": said,
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def _list(items: _Schema, **more: Any) -> _Schema:
    return {"type": "array", "items": items, "minItems": 1, **more}


def _one_or_list(item: _Schema) -> _Schema:
    return {"anyOf": [item, _list(item)]}


def _among(words: Iterable[str]) -> _Schema:
    return {"type": "string", "enum": list(words)}


def _number(most: float) -> _Schema:
    return {"type": "number", "minimum": 0, "maximum": most}


def _spec() -> _Schema:
    properties = {
        "extends": _one_or_list(_TEXT),
        "overrides": _list({"$ref": "#/$defs/override"}),
        "defaults": _map(
            {
                "mode": _among(MODES),
                "onError": _among(ON_ERROR),
                "placeholders": _among(spec_readers.PLACEHOLDERS),
            }
        ),
        "detectors": _list(_detector(), maxItems=spec_readers.MAX_DETECTORS),
        "prices": {"type": "object", "additionalProperties": _price()},
        "policies": _list({"$ref": "#/$defs/policy"}),
    }
    blocks = {"properties": {"action": {"const": "block"}}, "required": ["action"]}
    says = {"properties": {"defaults": {"required": ["onError"]}}, "required": ["defaults"]}
    each = {"items": {"if": blocks, "then": {"required": ["onError"]}}}
    return {
        **_map({key: properties[key] for key in bundle_reader.SPEC_KEYS}),
        "anyOf": [{"required": ["policies"]}, {"required": ["extends"]}],
        "if": {"not": says},
        "then": {"properties": {"policies": each}},
    }


def _detector() -> _Schema:
    properties = {
        "id": {"type": "string", "pattern": f"^{spec_readers.DETECTOR_ID}$"},
        "pattern": {**_TEXT, "maxLength": spec_readers.MAX_PATTERN},
        "description": _TEXT,
    }
    return _map({key: properties[key] for key in spec_readers.DETECTOR_KEYS}, ("id", "pattern"))


def _price() -> _Schema:
    keys = spec_readers.PRICE_KEYS
    return _map({key: _number(spec_readers.MAX_PRICE) for key in keys}, keys)


def _policy_properties() -> dict[str, _Schema]:
    return {
        "id": {"type": "string", "pattern": f"^{ID}$"},
        "description": _TEXT,
        "severity": _among(SEVERITIES),
        "controls": _list(_TEXT),
        "on": _list(_among(POINTS)),
        "match": {"$ref": "#/$defs/match"},
        "params": {"type": "object"},
        "detect": _detect(),
        "when": _TEXT,
        "limit": _limit(),
        "after": _after(),
        "action": _among(ACTIONS),
        "mode": _among(MODES),
        "onError": _among(ON_ERROR),
        "message": _TEXT,
        "weight": _number(MAX_WEIGHT),
    }


def _policy() -> _Schema:
    redacts = {"properties": {"action": {"const": "redact"}}, "required": ["action"]}
    return {
        **_map(_policy_properties(), REQUIRED),
        "anyOf": [{"required": [part]} for part in PARTS],
        "if": redacts,
        "then": {"required": ["detect"]},
    }


def _override() -> _Schema:
    limit = _map({**_limit()["properties"], "max": _number(state_readers.MAX_COST)})
    policy = {**_policy_properties(), "limit": limit}
    changes = {key: policy[key] for key in overrides.CHANGES}
    return _map({"id": _TEXT, "disabled": {"type": "boolean"}, **changes}, ("id",), minProperties=2)


def _match() -> _Schema:
    value = {"type": ["string", "number", "boolean"]}
    attributes = {"type": "object", "additionalProperties": _one_or_list(value)}
    names = dict.fromkeys(MATCHABLE, _one_or_list(_TEXT))
    return _map({**names, "attributes": attributes}, minProperties=1)


def _detect() -> _Schema:
    groups = sorted({f"{name.split('.')[0]}.*" for name in DETECTORS})
    known = _among((*groups, *DETECTORS))
    return _map({"in": _list(_among(FIELDS)), "any": _list({"anyOf": [known, _TEXT]})}, ("any",))


def _limit() -> _Schema:
    of, per = state_readers.LIMIT_OF, state_readers.LIMIT_PER
    money = {"properties": {"of": {"const": "cost"}}, "required": ["of"]}
    calls = {"properties": {"of": {"const": "calls"}}, "required": ["of"]}
    shared = {"properties": {"per": {"enum": [each for each in per if each != "tool"]}}}
    return _map(
        {"of": _among(of), "max": {"type": "number", "minimum": 0}, "per": _among(per), "window": _DURATION},
        ("of", "max", "per"),
        allOf=[
            {"if": calls, "else": shared},
            {
                "if": money,
                "then": {"properties": {"max": {"maximum": state_readers.MAX_COST}}},
                "else": {"properties": {"max": {"type": "integer"}}},
            },
        ],
    )


def _after() -> _Schema:
    properties = {
        "match": {"$ref": "#/$defs/match"},
        "on": _list(_among(POINTS)),
        "within": _DURATION,
        "per": _among(state_readers.AFTER_PER),
    }
    return _map(
        {key: properties[key] for key in state_readers.AFTER_KEYS},
        ("per",),
        anyOf=[{"required": ["match"]}, {"required": ["on"]}],
    )
