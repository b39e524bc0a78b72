"""The parts of ``promethios run``: what it knows of a command before, and what it hears of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promethios.exporter.running.channel import Channel, tell
from promethios.exporter.running.interpreter import deafness

NO_SITE = "`-S` does not import `site`: leave it out"
ENVIRONMENT = "`-E` ignores PYTHONPATH: leave it out"
ISOLATED = "`-I` ignores PYTHONPATH: leave it out"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("python agent.py", None),
        ("python", None),
        ("python3.13t -S agent.py", NO_SITE),
        ("/usr/bin/python3 -E agent.py", ENVIRONMENT),
        ("pypy3 -I agent.py", ISOLATED),
        ("python -bBuI agent.py", ISOLATED),
        ("python -u -s -P agent.py", None),
        ("python -W error -S agent.py", NO_SITE),
        ("python -Werror -S agent.py", NO_SITE),
        ("python -WIgnore agent.py", None),
        ("python -X importtime -I", ISOLATED),
        ("python --check-hash-based-pycs always -I agent.py", ISOLATED),
        ("python -c print('-I') -I", None),
        ("python -Ic 1", ISOLATED),
        ("python -uc 1 -I", None),
        ("python -mS -I", None),
        ("python agent.py -I -S", None),
        ("python - -I", None),
        ("python -- agent.py -I", None),
        ("pythonic -I", None),
        ("grep -I word", None),
    ],
)
def test_what_a_python_was_told_is_read_as_python_reads_it(command: str, reason: str | None) -> None:
    assert deafness(command.split(), "/bin/sh") == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("#!/usr/bin/python3", None),
        ("#!/usr/bin/python3 -I", ISOLATED),
        ("#! /usr/bin/env -S python3 -uS", NO_SITE),
        ("#!/usr/bin/env python3", None),
        ("#!/bin/sh -e", None),
        ("#!", None),
        ("#!/usr/bin/env", None),
        ("#!/usr/bin/python3 'unclosed -I", None),
        ("\x7fELF", None),
        ("", None),
    ],
)
def test_a_scripts_first_line_is_read_too(tmp_path: Path, line: str, reason: str | None) -> None:
    script = tmp_path / "agent"
    script.write_text(f"{line}\nprint()\n")
    assert deafness(["agent"], str(script)) == reason


def test_a_program_that_may_be_executed_and_not_read_is_left_to_tell(tmp_path: Path) -> None:
    assert deafness(["agent"], str(tmp_path)) is None


def test_the_channel_gives_what_was_told_and_is_gone_then() -> None:
    with Channel() as channel:
        assert channel.listen(0) is None
        assert tell(channel.name, ["no key", 'no "policies"\n'])
        assert channel.listen(5) == ["no key", 'no "policies"\n']
    assert not Path(channel.name).parent.exists()
    assert not tell(channel.name, [])
    channel.close()


def test_nothing_missing_is_told_too() -> None:
    with Channel() as channel:
        assert tell(channel.name, [])
        assert channel.listen(5) == []


def test_a_long_story_is_cut_and_told() -> None:
    with Channel() as channel:
        assert tell(channel.name, ["x" * 100_000])
        (told,) = channel.listen(5) or []
        assert told.startswith('["xxx')


def test_half_a_word_is_no_word() -> None:
    with Channel() as channel:
        pipe = os.open(channel.name, os.O_WRONLY)
        os.write(pipe, b"[]")
        assert channel.listen(1) is None
        os.write(pipe, b"\n")
        assert channel.listen(1) == []
        os.close(pipe)


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"3\n", b'{"a": 1}\n', b"null\n"])
def test_what_nobody_of_ours_says_is_no_confirmation(line: bytes) -> None:
    with Channel() as channel:
        pipe = os.open(channel.name, os.O_WRONLY)
        os.write(pipe, line)
        os.close(pipe)
        assert channel.listen(5)


def test_a_file_that_is_no_channel_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    assert not tell(str(tmp_path / "precious"), ["problem"])
    assert not tell("", [])
    assert (tmp_path / "precious").read_text() == "kept"
