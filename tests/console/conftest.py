"""Node, which runs the console's modules as a browser would."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from promethios.receiver.console.assets import load_assets

NODE = shutil.which("node")

#: Runs an expression over the modules that it names, `m.fields` for "fields.js", and gives its value.
Run = Callable[[str], Any]


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console's scripts in a folder that Node takes for ES modules."""
    folder = tmp_path_factory.mktemp("console")
    (folder / "package.json").write_text('{"type": "module"}')
    for name, asset in load_assets().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(asset.body)
    return folder


class Node:
    """One Node process for all tests: starting one for each would take longer than all that they do."""

    def __init__(self, folder: Path) -> None:
        assert NODE is not None
        (folder / "evaluate.js").write_text(_EVALUATE)
        self._process = subprocess.Popen(
            [NODE, str(folder / "evaluate.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        )

    def evaluate(self, names: tuple[str, ...], expression: str) -> Any:
        """The value of an expression over `m`, which has the modules of these names."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([names, expression]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)


@pytest.fixture(scope="session")
def node(modules: Path) -> Iterator[Node]:
    """The process that evaluates, in UTC."""
    if NODE is None:
        pytest.skip("node is not installed")
    running = Node(modules)
    yield running
    running.stop()


@pytest.fixture
def run(node: Node, request: pytest.FixtureRequest) -> Run:
    """Run an expression over the modules that the test's module lists in ``MODULES``."""
    return partial(node.evaluate, request.module.MODULES)


# Maps are told as lists of pairs, what is thrown as its message.
_EVALUATE = """
import { createInterface } from "node:readline";
const plain = (key, value) => (value instanceof Map ? [...value] : value);
for await (const line of createInterface({ input: process.stdin })) {
  const [names, expression] = JSON.parse(line);
  const m = {};
  for (const name of names) m[name] = await import(`./${name}.js`);
  let told;
  try {
    told = await new Function("m", `return (${expression});`)(m);
  } catch (error) {
    told = { thrown: error.message };
  }
  console.log(JSON.stringify(told ?? null, plain));
}
"""
