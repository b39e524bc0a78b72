"""Which of several sources of a setting wins, as the README's table has it; which exporter is left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from promethios.exporter import Settings
from promethios.exporter.configuration import agent_resource
from promethios.exporter.environment import complete
from promethios.exporter.settings import ENVIRONMENT

README = (Path(__file__).parents[2] / "exporter" / "README.md").read_text()
(SECTION,) = re.findall(r"^### Which one wins\n(.*?)^#", README, re.MULTILINE | re.DOTALL)
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in re.findall(r"^\| `.*$", SECTION, re.MULTILINE)
]
NAMES = {row[0].strip("`"): row for row in ROWS}

KEY = {"api_key": "k"}


def _named(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(\w+)`", cell))


@pytest.mark.parametrize("setting", sorted(set(NAMES) & set(ENVIRONMENT)))
def test_the_table_names_the_variables_that_are_read_in_their_order(setting: str) -> None:
    _, given, ours, opentelemetrys, _ = NAMES[setting]
    assert ENVIRONMENT[setting] == (*_named(ours), *_named(opentelemetrys))
    assert f"`{setting}`" in given


def test_the_table_leaves_out_what_has_a_variable_of_ours_alone() -> None:
    left_out = set(ENVIRONMENT) - set(NAMES)
    assert all(
        len(ENVIRONMENT[name]) == 1 and ENVIRONMENT[name][0].startswith("PROMETHIOS_") for name in left_out
    )


@pytest.mark.parametrize(
    ("given", "environ", "endpoint"),
    [
        (
            {"endpoint": "http://a:1"},
            {"PROMETHIOS_ENDPOINT": "http://b:1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"},
            "http://a:1",
        ),
        (
            {"endpoint": None},
            {"PROMETHIOS_ENDPOINT": " http://b:1 ", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"},
            "http://b:1",
        ),
        ({}, {"PROMETHIOS_ENDPOINT": " ", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"}, "http://c:1"),
        ({}, {"PROMETHIOS_ENDPOINT": "", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "http://localhost:4318"),
    ],
)
def test_the_first_that_is_given_wins(given: dict[str, Any], environ: dict[str, str], endpoint: str) -> None:
    assert Settings.load(environ, **KEY, **given).endpoint == endpoint


def test_variables_of_one_signal_and_of_the_sdks_batches_are_not_read() -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a:1/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x=y",
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "nonsense",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "nonsense",
    }
    assert Settings.load(environ, **KEY) == Settings.load({}, **KEY)


@pytest.mark.parametrize(
    ("given", "environ", "name"),
    [
        ("a", {"OTEL_SERVICE_NAME": "b", "OTEL_RESOURCE_ATTRIBUTES": "service.name=c"}, "a"),
        (None, {"OTEL_SERVICE_NAME": "b", "OTEL_RESOURCE_ATTRIBUTES": "service.name=c"}, "b"),
        (None, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=c"}, "c"),
        ("", {"OTEL_SERVICE_NAME": "b"}, "b"),
        (None, {}, "unknown_service"),
    ],
)
def test_the_services_name_has_the_same_order(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environ: dict[str, str], name: str
) -> None:
    for variable in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    assert str(agent_resource(given, None).attributes["service.name"]).startswith(name)


OURS = {"PROMETHIOS_ENDPOINT": "http://a:1", "PROMETHIOS_API_KEY": "k", "PROMETHIOS_POLICIES": "p.yaml"}
GRPC, HTTP = "otlp_proto_grpc", "otlp_proto_http"


@pytest.mark.parametrize(
    ("environ", "installed", "left_out"),
    [
        pytest.param({}, (), "", id="who asks for nothing of ours"),
        pytest.param(OURS, (), "TRACES METRICS LOGS", id="only ours, and otlp is not installed"),
        pytest.param(OURS, (GRPC, HTTP), "TRACES METRICS LOGS", id="only ours, and otlp is installed"),
        pytest.param({"PROMETHIOS_POLICIES": "p.yaml"}, (GRPC,), "", id="policies alone"),
        pytest.param({"PROMETHIOS_POLICIES": "p.yaml"}, (), "TRACES METRICS LOGS", id="policies, no otlp"),
        pytest.param(
            {"PROMETHIOS_API_KEY": "k", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"},
            (GRPC,),
            "TRACES METRICS LOGS",
            id="the general endpoint is ours",
        ),
        pytest.param(
            {**OURS, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:1"}, (GRPC,), "", id="another place for all"
        ),
        pytest.param(
            {
                **OURS,
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:1",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
            (GRPC,),
            "TRACES METRICS LOGS",
            id="another place, by what is not installed",
        ),
        pytest.param(
            {**OURS, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://b:1"},
            (GRPC,),
            "TRACES METRICS",
            id="another place for one signal",
        ),
        pytest.param(
            {**OURS, "OTEL_TRACES_EXPORTER": "console", "OTEL_LOGS_EXPORTER": ""},
            (),
            "METRICS",
            id="what is said is left",
        ),
    ],
)
def test_the_default_exporter_is_left_out_where_it_has_no_use(
    environ: dict[str, str], installed: tuple[str, ...], left_out: str
) -> None:
    completed = dict(environ)
    complete(completed, lambda group, name: name in installed)
    assert completed == {**environ, **{f"OTEL_{signal}_EXPORTER": "" for signal in left_out.split()}}
