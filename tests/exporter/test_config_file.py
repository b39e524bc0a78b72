"""OpenTelemetry's configuration file makes our exporters and our instrumentation by name.

The SDK sets its global providers once for a process, so each case runs in one of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.configuration import configure_sdk, load_config_file

from promethios.exporter.settings import Settings
from promethios.exporter.testing import OtlpSink
from promethios.exporter.values import SettingsError

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: from-a-file, version: "1"}
spec:
  policies:
    - id: no-delete
      severity: high
      on: [tool.before]
      match: {tool: ["delete_*"]}
      action: block
      onError: block
"""

#: What an application does that OpenTelemetry's own code sets up, without `opentelemetry-instrument`.
AGENT = """
import logging, sys
from opentelemetry import _logs, metrics, trace
from opentelemetry.configuration import configure_sdk, load_config_file
logging.basicConfig(format="%(message)s")
configure_sdk(load_config_file(sys.argv[1]))
from promethios.exporter import in_force
from promethios.governance import is_violation
tracer = trace.get_tracer("agent")
with tracer.start_as_current_span("work"):
    metrics.get_meter("agent").create_counter("orders").add(1)
    _logs.get_logger("agent").emit(body="done")
try:
    known = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "delete_all"}
    with tracer.start_as_current_span("execute_tool delete_all", attributes=known):
        print("ran")
except Exception as error:
    print("blocked" if is_violation(error) else repr(error))
for provider in (trace.get_tracer_provider(), _logs.get_logger_provider()):
    if hasattr(provider, "resource"):
        print(provider.resource.attributes.get("service.name"), end=" ")
print()
print(in_force.problems())
"""
EXPORTER = "{batch: {exporter: {promethios: {%s}}}}"


def run(folder: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "otel.yaml").write_text(f'file_format: "1.0"\n{text}')
    (folder / "policies.yaml").write_text(POLICIES)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PROMETHIOS_"))}
    return subprocess.run(
        [sys.executable, "-c", AGENT, "otel.yaml"],
        cwd=folder,
        env={**clean, "OTEL_CONFIG_FILE": "otel.yaml", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def governed(instrumentation: str, exporter: str = "endpoint: '${WHERE}', api_key: '${KEY}'") -> str:
    """A file whose traces go through our exporter, with these properties, and that names us."""
    return (
        "resource: {attributes: [{name: service.name, value: filed}]}\n"
        f"tracer_provider: {{processors: [{EXPORTER % exporter}]}}\n"
        f"instrumentation/development: {{python: {{promethios: {{{instrumentation}}}}}}}\n"
    )


def test_a_file_governs_and_delivers_without_any_command_around_it(tmp_path: Path, sink: OtlpSink) -> None:
    ended = run(tmp_path, governed("policies: policies.yaml"), WHERE=sink.url, KEY="k")
    assert ended.stdout.splitlines() == ["blocked", "filed filed ", "[]"], ended.stderr
    assert {request.headers["authorization"] for request in sink.requests} == {"Bearer k"}
    names = [span.name for span in sink.spans()]
    assert sorted(names) == ["execute_tool delete_all", "promethios.decide", "work"]


def test_all_three_signals_go_through_the_exporters_that_it_names(tmp_path: Path, sink: OtlpSink) -> None:
    given = "endpoint: '${WHERE}', api_key: '${KEY}'"
    text = (
        f"tracer_provider: {{processors: [{EXPORTER % given}]}}\n"
        f"logger_provider: {{processors: [{EXPORTER % given}]}}\n"
        f"meter_provider: {{readers: [{{periodic: {{exporter: {{promethios: {{{given}}}}}}}}}]}}\n"
    )
    run(tmp_path, text, WHERE=sink.url, KEY="k")
    assert {request.path for request in sink.requests} == {"/v1/traces", "/v1/logs", "/v1/metrics"}
    assert "orders" in [metric.name for metric in sink.metrics()]


def test_decisions_do_not_depend_on_the_files_sampler(tmp_path: Path, sink: OtlpSink) -> None:
    text = governed("policies: policies.yaml").replace(
        "tracer_provider: {", "tracer_provider: {sampler: {always_off: }, "
    )
    assert run(tmp_path, text, WHERE=sink.url, KEY="k").stdout.startswith("blocked\n")
    assert [span.name for span in sink.spans()] == ["promethios.decide"]


def test_what_the_file_leaves_out_comes_from_the_environment(tmp_path: Path, sink: OtlpSink) -> None:
    variables = {
        "PROMETHIOS_ENDPOINT": sink.url,
        "PROMETHIOS_API_KEY": "from-outside",
        "PROMETHIOS_POLICIES": "policies.yaml",
    }
    ended = run(tmp_path, governed("", exporter="api_key: ~"), **variables)
    assert ended.stdout.splitlines() == ["blocked", "filed filed ", "[]"], ended.stderr
    assert {request.headers["authorization"] for request in sink.requests} == {"Bearer from-outside"}


def test_the_file_stands_over_the_environment(tmp_path: Path, sink: OtlpSink) -> None:
    ended = run(
        tmp_path,
        governed("policies: policies.yaml"),
        WHERE=sink.url,
        KEY="k",
        PROMETHIOS_ENDPOINT="http://127.0.0.1:9",
        PROMETHIOS_POLICIES="missing.yaml",
    )
    assert ended.stdout.splitlines() == ["blocked", "filed filed ", "[]"], ended.stderr
    assert sorted(span.name for span in sink.spans()) == [
        "execute_tool delete_all",
        "promethios.decide",
        "work",
    ]


@pytest.mark.parametrize(
    ("exporter", "said"),
    [
        ("endpont: x", "unknown setting `endpont`: the settings are endpoint, api_key, policies"),
        (
            "endpoint: 4318, api_key: k",
            "`endpoint` is not a text but of type int: give a text; in YAML,",
        ),
        (
            "endpoint: 'http://x:4318', api_key: k, timeout: soon",
            "`timeout` is 'soon': give seconds, such as 10",
        ),
        (
            "endpoint: 'http://x:4318'",
            "`api_key` is missing: pass it or set PROMETHIOS_API_KEY",
        ),
    ],
    ids=["unknown", "no text", "no number", "no key"],
)
def test_a_property_that_cannot_work_is_named(tmp_path: Path, exporter: str, said: str) -> None:
    """In this process: nothing of OpenTelemetry's is set before the first exporter is made."""
    path = tmp_path / "otel.yaml"
    path.write_text(f'file_format: "1.0"\n{governed("policies: policies.yaml", exporter)}')
    with pytest.raises((SettingsError, TypeError), match=f"^{re.escape(said)}"):
        configure_sdk(load_config_file(path))


@pytest.mark.parametrize(
    ("instrumentation", "said"),
    [
        (
            "polices: policies.yaml",
            "this process runs UNGOVERNED: cannot set this process up: unknown setting `polices`: ",
        ),
        (
            "policies: missing.yaml",
            "by the configuration file's policies=missing.yaml, it runs UNGOVERNED: missing.yaml",
        ),
        ("policies: 5", "runs UNGOVERNED"),
        ("policies: policies.yaml, endpont: x", "this process runs UNGOVERNED: cannot set this process up: "),
    ],
    ids=["unknown", "missing", "a number", "unknown beside"],
)
def test_what_keeps_it_from_governing_is_said(
    tmp_path: Path, sink: OtlpSink, instrumentation: str, said: str
) -> None:
    ended = run(tmp_path, governed(instrumentation), WHERE=sink.url, KEY="k")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout.startswith("ran\nfiled ")


@pytest.mark.parametrize(
    "name", ["endpoint", "api_key", "policies", "spool_dir", "certificate", "client_key", "proxy"]
)
@pytest.mark.parametrize("value", [5, 1.5, True, ["a"], {"a": "b"}], ids=repr)
def test_a_setting_that_is_no_text_is_refused_without_showing_it(name: str, value: object) -> None:
    given = {"api_key": "k", name: value}
    with pytest.raises(
        SettingsError, match=f"`{name}` is not a text but of type {type(value).__name__}: give a text"
    ):
        Settings.load({}, **given)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "1", "x-b": "2"},
        [("x-a", "1"), ("x-b", "2")],
        [{"name": "x-a", "value": "1"}, {"name": "x-b", "value": "2"}],
        "x-a=1,x-b=2",
    ],
    ids=["a map", "pairs", "as in files", "as in variables"],
)
def test_headers_may_have_every_form_that_a_file_has(headers: object) -> None:
    assert Settings.load({}, api_key="k", headers=headers).headers == (("x-a", "1"), ("x-b", "2"))


@pytest.mark.parametrize(
    "headers", [5, {"x-a": 5}, ["x-a"], [{"name": "x-a"}], [{"name": "x-a", "value": None}]], ids=repr
)
def test_headers_that_are_no_texts_are_refused(headers: object) -> None:
    with pytest.raises(
        SettingsError, match="`headers` are not names with texts: give a map; put its values in"
    ):
        Settings.load({}, api_key="k", headers=headers)
