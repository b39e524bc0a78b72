"""Every block of the documentation's pages that claims to run, runs, and prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.conftest import clean_environment
from tests.support.pages import SHOWN, Typed, blocks, pattern, save, typed
from tests.support.ports import free_port

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    str(path.relative_to(DOCS)): path.read_text("utf-8")
    for path in sorted(DOCS.rglob("*.md"))
    if "reference" not in path.parts
}
RUN = [name for name, page in PAGES.items() if any(block.language == "console" for block in blocks(page))]
_END = "kill $(jobs -p) 2>/dev/null || true; wait || true"
_MARK = "=== what was typed next ==="


@pytest.mark.parametrize("name", RUN)
def test_what_a_page_says_to_type_prints_what_it_says(name: str, tmp_path: Path) -> None:
    """In one shell, as a reader would; only the ports are others, which another test may not have."""
    http, grpc = free_port(), free_port()
    page = PAGES[name].replace("127.0.0.1:4318", f"127.0.0.1:{http}")
    save(page, tmp_path)
    commands = [each for block in blocks(page) if block.language == "console" for each in typed(block.text)]
    printed = _run(commands, tmp_path, f"127.0.0.1:{http}", f"127.0.0.1:{grpc}")
    for each, said in zip(commands, printed, strict=True):
        if each.printed:
            assert re.fullmatch(pattern(each.printed), said), f"{each.command}\nprinted\n{said}"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_has_no_program_that_is_only_shown(name: str) -> None:
    shown = [block for block in blocks(PAGES[name]) if block.title is None and block.language != "console"]
    assert {block.language for block in shown} <= SHOWN


def _run(commands: list[Typed], folder: Path, http: str, grpc: str) -> list[str]:
    """What each command prints, on both outputs, in one shell that ends with all that it started."""
    lines = [f"{each.command}\nprintf '\\n%s\\n' '{_MARK}'" for each in commands]
    script = f"set -eu -o pipefail\ntrap '{_END}' EXIT\n" + "\n".join(lines) + "\n"
    environment = {
        **clean_environment(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PROMETHIOS_HTTP": http,
        "PROMETHIOS_GRPC": grpc,
        "PROMETHIOS_ENDPOINT": f"http://{http}",
        "COLUMNS": "120",
    }
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stdout
    parts = ended.stdout.split(f"\n{_MARK}\n")[:-1]
    return [part if part.endswith("\n") or not part else part + "\n" for part in parts]
