"""The README names every setting with its default, every route, every filter and every table."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from tests.support.receiver import RunningReceiver

from promethios.receiver.api import ROUTES
from promethios.receiver.cli.trust import trust
from promethios.receiver.plain.kinds import KINDS
from promethios.receiver.settings import Settings
from promethios.receiver.store.schema import metadata

PLAIN_JSON = (Path(__file__).parents[2] / "receiver" / "PLAIN_JSON.md").read_text(encoding="utf-8")
README = (Path(__file__).parents[2] / "receiver" / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_with_its_default() -> None:
    found = dict(re.findall(r"^- `(\w+)` \(default = `?([^`)]+)`?\):", README, re.MULTILINE))
    words = {"False": "false", "": "none"}
    defaults = {field.name: str(field.default) for field in fields(Settings)}
    assert found == {name: words.get(default, default) for name, default in defaults.items()}


def test_every_route_is_documented() -> None:
    for path, _, filters in ROUTES:
        name = path.partition("/")[0] if path.startswith("series") else re.sub(r"<[^>]+>", "{id}", path)
        assert f"`{name}" in README, path
        assert re.sub(r"<[^>]+>", "", path).rpartition("/")[2] in README
        for each in filters:
            assert f"`{each}`" in README


def test_every_table_is_documented() -> None:
    assert {name for name in metadata.tables if f"`{name}`" not in README} == set()


def test_every_field_of_plain_json_is_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PLAIN_JSON, re.MULTILINE))
    common = set(KINDS["heartbeat"].fields) - {"value"}
    for name, kind in KINDS.items():
        named = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", rows[name]))
        assert set(named) == set(kind.fields) - common, name
        assert set(re.findall(r"\*\*`(\w+)`\*\*", rows[name])) == set(kind.needed), name
    (heading,) = re.findall(r"^\| Route \| Fields, beside (.*) \|$", PLAIN_JSON, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", heading)) == common


def test_the_examples_of_curl_work(receiver: RunningReceiver) -> None:
    """Every call of curl, and the answer that stands below it."""
    example = r"^    (curl -H .*\n(?:      .*\n)*)(?:\n    (\{.*\})\n)?"
    found = re.findall(example, README + PLAIN_JSON, re.MULTILINE)
    told = {urlsplit(shlex.split(command)[-1]).path.rpartition("/")[2] for command, _ in found}
    assert told == {*KINDS, "health", "status"}
    for command, answered in found:
        keys = {"PROMETHIOS_API_KEY": receiver.ingest_key, "PROMETHIOS_READ_KEY": receiver.admin_key}
        words = shlex.split(Template(command).substitute(keys))
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
        body = words[words.index("-d") + 1].encode() if "-d" in words else None
        path = urlsplit(words[-1]).path
        answer = receiver.request("GET" if body is None else "POST", path, body, headers)
        if answered:
            assert answer.json() == json.loads(answered), command
        else:
            assert answer.status == 200, command


def test_every_command_of_trust_is_documented() -> None:
    assert set(re.findall(r"^    promethios trust (\w+)", README, re.MULTILINE)) == set(trust.commands)
