"""The README names every setting with its default, every route, every filter and every table."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.receiver import RunningReceiver

from promethios.receiver.api import ROUTES
from promethios.receiver.cli.trust import trust
from promethios.receiver.plain.kinds import KINDS
from promethios.receiver.settings import Settings
from promethios.receiver.store.schema import metadata

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
    section = README.split("## Plain JSON\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    common = set(KINDS["heartbeat"].fields) - {"value"}
    for name, kind in KINDS.items():
        named = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", rows[name]))
        assert set(named) == set(kind.fields) - common, name
        assert set(re.findall(r"\*\*`(\w+)`\*\*", rows[name])) == set(kind.needed), name
    (heading,) = re.findall(r"^\| Route \| Fields, beside (.*) \|$", README, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", heading)) == common


def test_the_examples_of_curl_work(receiver: RunningReceiver) -> None:
    examples = re.findall(r"^    (curl -H .*\n(?:      .*\n)*)", README, re.MULTILINE)
    assert len(examples) == len(KINDS)
    for example in examples:
        words = shlex.split(example.replace("$PROMETHIOS_API_KEY", receiver.ingest_key))
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
        body = words[words.index("-d") + 1]
        answer = receiver.post(urlsplit(words[-1]).path, body.encode(), headers)
        expected = len(json.loads(body)) if body.startswith("[") else 1
        assert (answer.status, answer.json()) == (200, {"accepted": expected}), example


def test_every_command_of_trust_is_documented() -> None:
    assert set(re.findall(r"^    promethios trust (\w+)", README, re.MULTILINE)) == set(trust.commands)
