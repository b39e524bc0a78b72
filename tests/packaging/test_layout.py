"""The layout's own rules. See the comment above [tool.hatch] in pyproject.toml."""

import os
import subprocess
import sys
import tomllib
import venv
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
COMPONENTS = ["dashboards", "exporter", "governance", "receiver"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HATCH = PROJECT["tool"]["hatch"]["build"]


def test_wheel_and_editable_install_name_the_same_folders() -> None:
    assert HATCH["dev-mode-dirs"] == COMPONENTS
    assert HATCH["targets"]["wheel"]["packages"] == [f"{c}/promethios" for c in COMPONENTS]


@pytest.mark.parametrize("component", COMPONENTS)
def test_portion_has_no_package_that_hides_the_others(component: str) -> None:
    portion = ROOT / component / "promethios"
    assert [p.name for p in portion.iterdir() if p.name != "__pycache__"] == [component]
    assert (portion / component / "py.typed").is_file()
    assert import_module(f"promethios.{component}").__file__


def test_tests_run_against_the_installed_wheel_in_ci() -> None:
    installed = Path(str(import_module("promethios.governance").__file__))
    if os.environ.get("CI") != "true" and installed.is_relative_to(ROOT / "governance"):
        pytest.skip("an editable install is under test; `make test` installs the wheel")
    assert "site-packages" in installed.parts


@pytest.mark.parametrize("group", ["promethios.commands", *(g for g in PROJECT["project"]["entry-points"])])
def test_every_entry_point_loads(group: str) -> None:
    found = [e for e in entry_points(group=group) if e.value.startswith("promethios.")]
    assert {e.name for e in found} == set(PROJECT["project"]["entry-points"][group])
    assert all(e.load() for e in found)


def test_importing_the_agents_side_loads_nothing_of_the_server() -> None:
    code = "import sys, promethios.governance, promethios.exporter; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"alembic", "flask", "grpc", "openai", "orjson", "rich", "sqlalchemy"}
    assert heavy & set(run.stdout.split()) == set()


@pytest.mark.parametrize("command", ["backup", "keys", "serve", "tenants"])
def test_a_command_of_the_server_names_its_extra_where_only_the_agents_side_is(command: str) -> None:
    server = ["alembic", "flask", "grpc", "orjson", "rich", "sqlalchemy", "waitress"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({server}))\n"
        f"from promethios.governance.cli import main; main([{command!r}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith(f"Error: cannot run `promethios {command}`: the module ")
    assert run.stderr.endswith("install it with: pip install 'promethios[receiver]'\n")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_wheel_holds_every_file_of_every_portion(wheel: Path) -> None:
    wanted = {
        path.relative_to(ROOT / component).as_posix()
        for component in COMPONENTS
        for path in (ROOT / component / "promethios").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= set(ZipFile(wheel).namelist())


def test_wheel_has_no_package_at_the_namespace_root(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    assert "promethios/__init__.py" not in names
    assert not {name for name in names if name.split("/")[0] in COMPONENTS}


def test_editable_install_finds_all_four_portions(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-e", str(ROOT)], check=True, capture_output=True, timeout=110)
    code = "import sys; from importlib.util import find_spec; print(*map(find_spec, sys.argv[1:]), sep='\\n')"
    names = [f"promethios.{component}" for component in COMPONENTS]
    run = subprocess.run(
        [python, "-c", code, *names], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert run.stdout.count("ModuleSpec") == len(COMPONENTS)
