"""Small distributions with plug-ins, laid out as an installer leaves them: a module and its dist-info."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promethios.governance.detectors import plugins

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a module's source with an entry point: ``install(source, id, object)``; gone afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def put(source: str, name: str, object_name: str) -> None:
        module = f"plugin_{len(made)}_{tmp_path.name.replace('-', '_')}"
        made.append(module)
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{name} = {module}:{object_name}\n")
        _forget()

    yield put
    for module in made:
        sys.modules.pop(module, None)
    _forget()


def _forget() -> None:
    plugins.installed.cache_clear()
    plugins.load.cache_clear()
