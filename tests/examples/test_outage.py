"""The outage that the READMEs show: a receiver is killed under an agent, and everything is there, once."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.examples.conftest import EXAMPLES, clean_environment
from tests.support.ports import free_port

EXAMPLE = EXAMPLES / "outage"
README = (EXAMPLE / "README.md").read_text("utf-8")
(BLOCK,) = re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
(SAID,) = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_readme_of_the_project_shows_the_same() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text("utf-8")
    assert f"```bash\n{BLOCK}```" in readme
    assert SAID.splitlines()[-1] in readme


def test_what_waited_for_the_receiver_is_all_there_once(tmp_path: Path) -> None:
    """The block runs as it stands, but for the ports, which another test may have."""
    for name in ("agent.py", "policies.yaml"):
        shutil.copy(EXAMPLE / name, tmp_path)
    http, grpc = free_port(), free_port()
    where = {"PROMETHIOS_HTTP": f"127.0.0.1:{http}", "PROMETHIOS_GRPC": f"127.0.0.1:{grpc}"}
    ended = subprocess.run(
        ["bash", "-euc", BLOCK.replace("127.0.0.1:4318", f"127.0.0.1:{http}") + "wait\n"],
        cwd=tmp_path,
        env={**clean_environment(), **where, "PROMETHIOS_ENDPOINT": f"http://127.0.0.1:{http}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.stdout == SAID, ended.stderr
    assert list((tmp_path / "spool").iterdir()) == []
