"""The pages name every setting with its default, every route, every filter, table, own metric and option."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import click
import pytest
from tests.support.receiver import RunningReceiver

from promethios.governance.cli import main as root
from promethios.receiver.api import ROUTES
from promethios.receiver.cli.trust import trust
from promethios.receiver.plain.kinds import KINDS
from promethios.receiver.settings import Settings
from promethios.receiver.store.schema import metadata

FOLDER = Path(__file__).parents[2] / "receiver"
PLAIN_JSON, README, ASKING = (
    (FOLDER / name).read_text(encoding="utf-8") for name in ("PLAIN_JSON.md", "README.md", "ASKING.md")
)


def test_every_setting_is_documented_with_its_default() -> None:
    found = dict(re.findall(r"^- `(\w+)` \(default = `?([^`)]+)`?\):", README, re.MULTILINE))
    words = {"False": "false", "": "none"}
    defaults = {field.name: str(field.default) for field in fields(Settings)}
    assert found == {name: words.get(default, default) for name, default in defaults.items()}


def test_every_route_is_documented() -> None:
    for route in ROUTES:
        path = route.path
        name = (
            path.partition("/")[0]
            if path.startswith(("series/", "signals/"))
            else re.sub(r"<[^>]+>", "{id}", path)
        )
        assert f"`{name}" in ASKING, path
        assert re.sub(r"<[^>]+>", "", path).rpartition("/")[2] in ASKING
        for each in route.filters:
            assert f"`{each}`" in ASKING


def test_every_table_is_documented() -> None:
    assert {name for name in metadata.tables if f"`{name}`" not in ASKING} == set()


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
    found = re.findall(example, README + ASKING + PLAIN_JSON, re.MULTILINE)
    told = {urlsplit(shlex.split(command)[-1]).path.rpartition("/")[2] for command, _ in found}
    assert told == {*KINDS, "health", "status", "traces"}
    for command, answered in found:
        keys = {"PROMETHIOS_API_KEY": receiver.ingest_key, "PROMETHIOS_READ_KEY": receiver.admin_key}
        words = shlex.split(Template(command).substitute(keys))
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
        body = words[words.index("-d") + 1].encode() if "-d" in words else None
        url = urlsplit(words[-1])
        path = url.path + (f"?{url.query}" if url.query else "")
        answer = receiver.request("GET" if body is None else "POST", path, body, headers)
        if answered:
            assert answer.json() == json.loads(answered), command
        else:
            assert answer.status == 200, command


def test_every_command_of_trust_is_documented() -> None:
    assert set(re.findall(r"^    promethios trust (\w+)", ASKING, re.MULTILINE)) == set(trust.commands)


def test_every_command_can_be_typed_as_it_stands() -> None:
    """Each line of a block that begins with our command is parsed, and not run."""
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted(FOLDER.glob("*.md")))
    lines = re.findall(r"^    (?:PROMETHIOS_\w+=\S+ )*promethios (.*)$", pages, re.MULTILINE)
    assert len(lines) > 15
    for line in lines:
        command: click.Command = root
        words = shlex.split(line, comments=True)
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        command.make_context("promethios", words)


def test_every_metric_that_an_alarm_names_exists() -> None:
    page = FOLDER.parent / "docs" / "reference" / "receiver_metrics.md"
    known = set(re.findall(r"^\| `(\w+)`", page.read_text(encoding="utf-8"), re.MULTILINE))
    made = {f"{name}{end}" for name in known for end in ("", "_sum", "_count", "_bucket")}
    named = set(re.findall(r"promethios_receiver_\w+", README))
    assert named
    assert named - made == set()


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_links_to_headings_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for file, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text):
        there = (page.parent / file).read_text(encoding="utf-8") if file else text
        titles = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
        assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
