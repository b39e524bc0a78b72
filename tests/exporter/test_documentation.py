"""The documentation names every setting, variable, metric and reason, and no others."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest

from promethios.exporter import DropReason, Promethios, Settings
from promethios.exporter.settings import ENVIRONMENT
from promethios.exporter.testing import OtlpSink
from promethios.governance import semconv

ROOT = Path(__file__).parents[2]
README = (ROOT / "exporter" / "README.md").read_text()
#: The generated page: that it is as the code is now, is a test of the documentation's own.
SETTINGS = (ROOT / "docs" / "reference" / "agent_settings.md").read_text()
PROSE = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
#: Variables that OpenTelemetry's SDK reads for us, and those that nobody reads for us.
SDKS = {
    *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER"),
    *("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"),
    "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK",
}
NOT_READ = {
    *("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_COMPRESSION"),
    *("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"),
}
NAMED = set(re.findall(r"`([^`\n]+)`", PROSE))


def test_every_setting_is_explained_and_no_other() -> None:
    explained = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| .+ \|$", SETTINGS, re.MULTILINE)
    assert explained == [each.name for each in fields(Settings)]


def test_every_variable_of_a_setting_is_on_its_page_and_no_other() -> None:
    table = SETTINGS[SETTINGS.index("| Setting |") :]
    variables = re.findall(r"^\| `\w+` \| (.+?) \|", table, re.MULTILINE)
    named = {name for cell in variables for name in re.findall(r"`(\w+)`", cell)}
    assert named == {variable for variables in ENVIRONMENT.values() for variable in variables}


def test_the_readme_names_no_variable_that_nothing_reads_and_each_that_is_not_read() -> None:
    known = {variable for variables in ENVIRONMENT.values() for variable in variables}
    named = {name for name in NAMED if name.startswith(("PROMETHIOS_", "OTEL_"))} - {"PROMETHIOS_*", "OTEL_*"}
    assert SDKS | NOT_READ <= named <= known | SDKS | NOT_READ


def test_the_settings_that_matter_first_are_as_written() -> None:
    section = README[README.index("\n## Settings") : README.index("\n### Which one wins")]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `?([^ `]+)`? \|", section, re.MULTILINE)
    settings = Settings.load({}, api_key="k")
    shown = {None: "none", False: "no"}
    assert len(rows) == 5
    for name, variable, default in rows:
        value = None if name == "api_key" else getattr(settings, name)
        assert (ENVIRONMENT[name][0], str(shown.get(value, value))) == (variable, default)
    assert "](../docs/reference/agent_settings.md)" in section


def test_every_metric_is_named_and_no_other() -> None:
    names = {value for name, value in vars(semconv).items() if name.startswith("METRIC_")}
    metrics = {name for name in names if name.startswith("promethios.exporter.")}
    rows = re.findall(r"^\| `(promethios\.[\w.]+)`", README, re.MULTILINE)
    assert set(rows) == metrics | {semconv.METRIC_HEARTBEAT}


@pytest.mark.parametrize("reason", DropReason)
def test_every_reason_of_a_loss_is_named(reason: DropReason) -> None:
    assert f"`{reason.value}`" in README


def test_every_member_of_the_handle_is_named() -> None:
    public = {name for name in vars(Promethios) if not name.startswith("_")} - {"capture_logging"}
    assert all(f"`.{name}" in README for name in public)


def test_the_examples_run_as_written(sink: OtlpSink, tmp_path: Path) -> None:
    bundle = Path(str(files("promethios.receiver.demo") / "policies.yaml")).read_text()
    (tmp_path / "policies.yaml").write_text(bundle)
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL)) + "\nprint(bool(result))\n"
    code = code.replace("http://localhost:4318", sink.url).replace("pmk_…", "pmk_test")
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("True\n", "")
