"""`compose.yaml`: its commands run here as processes, in its order, and what it promises about itself.

There is no Docker engine where tests run. What an engine does (volumes, networks, images) is not tested.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
COMPOSE = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: The Grafana that an export brings along.
EXPORTED = YAML(typ="safe").load(
    (resources.files("promethios.dashboards") / "provisioning/compose.yaml").read_bytes()
)
DOCKERFILE = (ROOT / "receiver" / "Dockerfile").read_text()

#: Where a volume is in the image, and here.
_FOLDERS = {"/provisioning": "provisioning", "/var/lib/promethios": "data", "/run/promethios": "run"}
_MAIN = "from promethios.governance.cli import main; main(prog_name='promethios')"


@dataclass(frozen=True)
class Machine:
    """Where the volumes are, and a `promethios` on the path, as in the image."""

    folder: Path

    def here(self, text: str) -> str:
        """A command of the file with its volumes here; Compose writes $$ for $."""
        # What Grafana is told stays as it is: there it is mounted in that place.
        option = "--key-file /run/promethios/read-key"
        text = text.replace("$$", "$").replace(option, "@key-file@")
        for volume, name in _FOLDERS.items():
            text = text.replace(volume, str(self.folder / name))
        return text.replace("@key-file@", option)

    def environment(self, **variables: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHIOS_")}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        db = re.search(r"PROMETHIOS_DB=(\S+)", DOCKERFILE)
        assert db
        return {**clean, "PATH": path, "PROMETHIOS_DB": self.here(db[1]), **variables}

    def prepare(self, **variables: str) -> subprocess.CompletedProcess[str]:
        shell, options, script = SERVICES["prepare"]["command"]
        return subprocess.run(
            [shell, options, self.here(script)],
            env=self.environment(**variables), capture_output=True, text=True, timeout=100,
        )  # fmt: skip

    def key(self, scope: str) -> str:
        return (self.folder / "data" / "keys" / scope).read_text().rstrip("\n")


def _new(folder: Path) -> Machine:
    for name in ("data", "run", "provisioning", "bin"):
        (folder / name).mkdir()
    command = folder / "bin" / "promethios"
    command.write_text(f"#!{sys.executable}\n{_MAIN}\n")
    command.chmod(0o755)
    return Machine(folder)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """After `prepare`, which told nobody any key."""
    machine = _new(tmp_path_factory.mktemp("machine"))
    done = machine.prepare()
    assert done.returncode == 0, done.stderr
    assert "pmk_" not in done.stdout + done.stderr
    return machine


@pytest.fixture(scope="module")
def receiver(machine: Machine) -> Iterator[str]:
    """The receiver of the file, on a free port; its address."""
    _, *arguments = SERVICES["receiver"]["command"]
    ported = [re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", argument) for argument in arguments]
    with subprocess.Popen(
        [machine.folder / "bin" / "promethios", *ported, "--json"],
        env=machine.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["http"]
        process.terminate()


def _status(url: str, key: str, body: bytes | None = None) -> int:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with urlopen(Request(url, body, headers), timeout=30) as answer:
            status: int = answer.status
            return status
    except HTTPError as refused:
        with refused:
            return refused.code


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_first_start_makes_three_keys_and_what_grafana_provisions(machine: Machine) -> None:
    assert len({machine.key(scope) for scope in ("admin", "ingest", "read")}) == 3
    assert (machine.folder / "run" / "read-key").read_text().rstrip("\n") == machine.key("read")
    assert {"alerting/promethios.yaml", "dashboards/promethios.yaml", "datasources/promethios.yaml"} < _files(
        machine.folder / "provisioning"
    )


def test_nobody_else_reads_the_keys_and_grafana_reads_its_own(machine: Machine) -> None:
    keys = machine.folder / "data" / "keys"
    assert keys.stat().st_mode & 0o077 == 0
    assert {path.name for path in keys.iterdir()} == {"admin", "ingest", "read"}
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    assert (machine.folder / "run" / "read-key").stat().st_mode & 0o777 == 0o644
    assert _files(machine.folder / "run") == {"read-key"}


def test_receiver_becomes_healthy_and_takes_each_key_for_what_it_is_for(
    machine: Machine, receiver: str
) -> None:
    assert _status(f"{receiver}/api/v1/stats", machine.key("read")) == 200
    assert _status(f"{receiver}/jaeger/api/services", machine.key("read")) == 200
    assert _status(f"{receiver}/v1/traces", machine.key("ingest"), b"{}") == 200
    assert _status(f"{receiver}/v1/traces", machine.key("read"), b"{}") == 403
    assert _status(f"{receiver}/api/v1/keys", machine.key("admin")) == 200


def test_health_check_is_right_about_the_receiver(receiver: str) -> None:
    _, python, option, code = SERVICES["receiver"]["healthcheck"]["test"]
    assert (python, option) == ("python", "-c")
    well = code.replace("http://127.0.0.1:4318", receiver)
    ill = code.replace("http://127.0.0.1:4318/health/ready", f"{receiver}/health/unheard-of")
    assert subprocess.run([sys.executable, "-c", well], timeout=60, check=False).returncode == 0
    assert (
        subprocess.run(
            [sys.executable, "-c", ill], timeout=60, check=False, stderr=subprocess.DEVNULL
        ).returncode
        == 1
    )


def test_later_start_keeps_the_keys_while_the_receiver_holds_its_database(
    machine: Machine, receiver: str
) -> None:
    before = [machine.key(scope) for scope in ("admin", "ingest", "read")]
    done = machine.prepare()
    assert done.returncode == 0, done.stderr
    assert [machine.key(scope) for scope in ("admin", "ingest", "read")] == before
    assert _status(f"{receiver}/api/v1/stats", machine.key("read")) == 200


def test_data_sources_read_the_key_where_it_is_mounted_in_grafana(machine: Machine) -> None:
    written = (machine.folder / "provisioning/datasources/promethios.yaml").read_text()
    infinity, jaeger = YAML(typ="safe").load(written)["datasources"]
    assert infinity["secureJsonData"] == {"bearerToken": "$__file{/run/promethios/read-key}"}
    assert "read-key:/run/promethios:ro" in SERVICES["grafana"]["volumes"]
    assert (infinity["url"], jaeger["url"]) == ("http://receiver:4318", "http://receiver:4318/jaeger")
    assert "provisioning:/etc/grafana/provisioning:ro" in SERVICES["grafana"]["volumes"]


def test_nobody_is_told_of_alerts_until_a_variable_names_somebody(machine: Machine) -> None:
    contact = machine.folder / "provisioning/alerting/promethios-contact.yaml"
    assert not contact.exists()
    assert machine.prepare(PROMETHIOS_ALERT_WEBHOOK="https://hooks.example/x").returncode == 0
    assert "https://hooks.example/x" in contact.read_text()
    assert machine.prepare(PROMETHIOS_ALERT_WEBHOOK="", PROMETHIOS_ALERT_EMAIL="").returncode == 0
    assert not contact.exists()


def test_broken_database_stops_the_start(tmp_path: Path) -> None:
    machine = _new(tmp_path)
    (machine.folder / "data" / "promethios.db").write_bytes(b"no database" * 1_000)
    done = machine.prepare()
    assert done.returncode != 0
    assert done.stderr.startswith("Error: ")
    assert not (machine.folder / "run" / "read-key").exists()


def test_each_waits_until_the_one_before_is_ready() -> None:
    assert SERVICES["receiver"]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
    assert SERVICES["grafana"]["depends_on"] == {"receiver": {"condition": "service_healthy"}}
    assert all("healthcheck" in SERVICES[name] for name in ("receiver", "grafana"))


def test_nothing_is_reached_from_other_machines() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_grafana_is_pinned_and_gets_the_plugin_before_it_provisions() -> None:
    assert re.fullmatch(r"grafana/grafana:12\.3\.\d+", SERVICES["grafana"]["image"])
    plugin = SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    assert plugin == "yesoreyeram-infinity-datasource"


def test_exported_grafana_is_the_same_one_with_the_folder_and_the_key() -> None:
    ours, exported = SERVICES["grafana"], EXPORTED["services"]["grafana"]
    for key in ("image", "healthcheck", "cap_drop", "security_opt"):
        assert exported[key] == ours[key]
    assert exported["volumes"][0] == ".:/etc/grafana/provisioning:ro"
    assert exported["environment"]["PROMETHIOS_READ_KEY"] == "${PROMETHIOS_READ_KEY:-}"
    # It is on the machine's own network, so the address is what keeps others away.
    assert exported["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_nobody_has_more_rights_than_needed() -> None:
    assert re.search(r"^USER (?!0|root)\w+$", DOCKERFILE, re.MULTILINE)
    for service in SERVICES.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")


def test_each_volume_is_declared_and_those_of_the_image_belong_to_its_user() -> None:
    mounts = {name: _mounts(service) for name, service in SERVICES.items()}
    assert {volume for each in mounts.values() for volume in each} == set(COMPOSE["volumes"])
    owned = re.findall(r"--owner=10001 --mode=\d+ (.+?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
    folders = {folder for line in owned for folder in line.split()}
    assert set(mounts["prepare"].values()) | set(mounts["receiver"].values()) <= folders


def _mounts(service: Mapping[str, Any]) -> dict[str, str]:
    return {mount.split(":")[0]: mount.split(":")[1] for mount in service["volumes"]}


def test_image_is_built_of_everything_that_the_wheel_holds() -> None:
    """The build's context is what is let through: without a part the wheel would lack it without a word."""
    shown = {
        line.removeprefix("!")
        for line in (ROOT / "receiver" / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    wheel = re.search(r"targets\.wheel\]\npackages = (\[.*\])", (ROOT / "pyproject.toml").read_text())
    assert wheel
    assert {part.split("/")[0] for part in json.loads(wheel[1])} <= shown
    assert {"pyproject.toml", "README.md", "LICENSE"} <= shown


def test_shell_of_the_file_is_one_that_every_image_has(machine: Machine) -> None:
    shell, options, script = SERVICES["prepare"]["command"]
    assert (shell, options) == ("sh", "-euc")
    assert shutil.which(shell)
    checked = subprocess.run([shell, "-n", "-c", machine.here(script)], check=False, timeout=30)
    assert checked.returncode == 0
