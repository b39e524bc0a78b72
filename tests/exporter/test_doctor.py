"""``promethios doctor``: what is in force for an agent, with its sources, and whether it works."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.receiver import RunningReceiver

from promethios.exporter.batch import Batch, Lane
from promethios.exporter.examination import installed
from promethios.exporter.examination.command import doctor
from promethios.exporter.examination.report import examine
from promethios.exporter.examination.settings import masked
from promethios.exporter.settings import ENVIRONMENT, Settings
from promethios.exporter.spool import Segment
from promethios.exporter.testing import Answer, OtlpSink
from promethios.governance.adapters import _ADAPTERS
from promethios.governance.findings import Finding, Level

KEY = "pmk_live_abcDEF123456_0123456789abcdefghij_Zz9"
POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: doctor, version: "7"}
spec:
  policies:
    - {id: one, severity: low, on: [tool.before], match: {tool: ["x"]}, action: flag}
    - {id: two, severity: low, on: [tool.before], match: {tool: ["y"]}, action: flag, mode: shadow}
"""


def found(check: str, offline: bool = True, **environ: str) -> list[Finding]:
    """What is found of one check in an environment of these variables alone, with a key."""
    report = examine({"PROMETHIOS_API_KEY": KEY, **environ}, offline=offline)
    return [each for each in report.findings if each.check == check]


def only(check: str, offline: bool = True, **environ: str) -> Finding:
    (finding,) = found(check, offline, **environ)
    return finding


def run(*arguments: str, **environ: str) -> Result:
    """The command, in an environment without any variable that could steer it."""
    steering = {name: None for name in os.environ if name.startswith(("OTEL_", "PROMETHIOS_"))}
    environment: Mapping[str, str | None] = {**steering, "PROMETHIOS_API_KEY": KEY, **environ}
    return CliRunner(env=environment).invoke(doctor, arguments)


# Settings and where they come from


def test_each_setting_has_its_value_and_where_it_came_from() -> None:
    environ = {
        "PROMETHIOS_API_KEY": KEY,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    }
    rows = {row.name: (row.value, row.source) for row in examine(environ, offline=True).settings}
    assert rows["endpoint"] == ("http://collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT")
    assert rows["timeout"] == ("3", "OTEL_EXPORTER_OTLP_TIMEOUT")
    assert rows["max_memory_bytes"] == (str(16 * 1024 * 1024), "default")
    assert set(ENVIRONMENT) <= set(rows)


@pytest.mark.parametrize(
    ("key", "shown"),
    [(KEY, "pmk_live_abcDEF123456_…"), ("a-secret-of-others", "…"), ("pmk_short", "…"), ("", "…")],
)
def test_a_key_is_shown_as_far_as_it_is_no_secret(key: str, shown: str) -> None:
    assert masked(key) == shown


def test_nothing_secret_is_printed() -> None:
    secrets = {
        "PROMETHIOS_ENDPOINT": "https://collector:4318",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=swordfish,x-more=swordfish",
        "HTTPS_PROXY": "http://user:swordfish@proxy:3128",
    }
    for arguments in (("--offline",), ("--offline", "--json")):
        said = run(*arguments, **secrets).output
        assert "swordfish" not in said
        assert KEY not in said
        assert "x-tenant=" in said
        assert "HTTPS_PROXY" in said


def test_a_password_in_an_endpoint_that_cannot_work_is_not_printed() -> None:
    ended = run("--offline", PROMETHIOS_ENDPOINT="http://user:sword@fish@host:4318")
    assert ended.exit_code == 4
    assert "sword" not in ended.output
    assert "//…@host:4318" in ended.output


def test_a_setting_that_cannot_work_is_an_error_with_what_to_do() -> None:
    finding = only("settings", PROMETHIOS_API_KEY="")
    assert finding.level is Level.ERROR
    assert finding.message == "`api_key` is missing"
    assert finding.advice.endswith("until then nothing is delivered")


def test_where_settings_cannot_work_the_rest_is_looked_at_all_the_same() -> None:
    report = examine({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon", "PROMETHIOS_API_KEY": KEY})
    assert {"settings", "policies", "libraries", "hooks"} <= {each.check for each in report.findings}
    assert ("timeout", "soon") in [(row.name, row.value) for row in report.settings]


# Policies


def test_policies_are_told_by_name_version_number_and_hash(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICIES)
    finding = only("policies", PROMETHIOS_POLICIES=str(tmp_path / "p.yaml"))
    assert finding.level is Level.OK
    assert finding.message.startswith("doctor 7, 2 policies (1 in shadow), sha256 ")


def test_policies_with_a_mistake_are_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICIES.replace("action: flag}", "acton: flag}", 1))
    finding = only("policies", PROMETHIOS_POLICIES=str(tmp_path / "p.yaml"))
    assert finding.level is Level.ERROR
    assert f"{tmp_path}/p.yaml:7:" in finding.message


def test_policies_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    finding = only("policies", PROMETHIOS_POLICIES=str(tmp_path / "none.yaml"))
    said = f"{tmp_path}/none.yaml:1:1: the file cannot be read: No such file or directory"
    assert (finding.level, finding.message) == (Level.ERROR, said)


def test_without_policies_it_is_noted_that_nothing_is_governed() -> None:
    assert only("policies").level is Level.NOTE
    assert only("policies").message == "none: nothing is governed"


def test_policies_that_are_all_in_shadow_are_noted(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICIES.replace("action: flag}", "action: flag, mode: shadow}", 1))
    said = [each.message for each in found("policies", PROMETHIOS_POLICIES=str(tmp_path / "p.yaml"))]
    assert said[1] == "all are in shadow: decided, and nothing enforced"


# What is installed


def test_every_library_that_has_an_adapter_is_looked_for() -> None:
    assert set(installed.LIBRARIES) == set(_ADAPTERS)


def test_installed_libraries_are_told_with_their_versions() -> None:
    said = [each.message for each in found("libraries")]
    assert f"openai {installed.version_of('openai')}, guarded" in said
    assert all(" , guarded" not in each for each in said)  # each distribution has its right name


def test_the_hooks_that_opentelemetry_looks_for_are_there_and_load() -> None:
    assert only("hooks").message == "6 found by OpenTelemetry under the name promethios"


# Variables that interfere


@pytest.mark.parametrize(
    ("variables", "level", "said"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, Level.WARNING, "OTEL_SDK_DISABLED: no span"),
        (
            {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis, promethios"},
            Level.WARNING,
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS leaves promethios out",
        ),
        (
            {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
            Level.WARNING,
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS leaves promethios out",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318"},
            Level.WARNING,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not read",
        ),
        (
            {"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=b"},
            Level.WARNING,
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS is not read",
        ),
        ({"OTEL_METRICS_EXPORTER": "none"}, Level.NOTE, "OTEL_METRICS_EXPORTER is none: no metrics are sent"),
        ({"OTEL_LOGS_EXPORTER": "no-such"}, Level.ERROR, "OTEL_LOGS_EXPORTER names no-such, which is not"),
        (
            {"OTEL_EXPERIMENTAL_CONFIG_FILE": "x"},
            Level.WARNING,
            "OTEL_EXPERIMENTAL_CONFIG_FILE is not read by this SDK",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, Level.NOTE, "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"),
        (
            {"OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK": "upload"},
            Level.NOTE,
            "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK is upload",
        ),
        (
            {"PROMETHIOS_ENDPOINT": "http://far:4318", "HTTP_PROXY": "http://proxy:3128"},
            Level.NOTE,
            "requests go through the proxy that HTTP_PROXY names",
        ),
        (
            {"PROMETHIOS_API_KEY": "", "PROMETHIOS_POLICIES": "promethios:baseline"},
            Level.WARNING,
            "PROMETHIOS_POLICIES is set, and neither PROMETHIOS_ENDPOINT nor PROMETHIOS_API_KEY",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_variable_that_interferes_is_named(variables: dict[str, str], level: Level, said: str) -> None:
    finding = only("variables", **variables)
    assert finding.level is level
    assert finding.message.startswith(said)


def test_ordinary_variables_do_not_interfere() -> None:
    ordinary = {"OTEL_TRACES_EXPORTER": "promethios", "OTEL_SERVICE_NAME": "x", "OTEL_LOGS_EXPORTER": "otlp"}
    assert only("variables", **ordinary).message == "none that interferes"


# The configuration file


def config(folder: Path, text: str) -> Path:
    path = folder / "otel.yaml"
    path.write_text(f'file_format: "1.0"\n{text}')
    return path


def test_a_configuration_file_is_told_with_what_it_sends_through_us(tmp_path: Path) -> None:
    text = "tracer_provider: {processors: [{batch: {exporter: {promethios: {}}}}]}\n"
    path = config(tmp_path, text + "meter_provider: {readers: [{periodic: {exporter: {console: {}}}}]}\n")
    finding = only("file", OTEL_CONFIG_FILE=str(path))
    assert (finding.level, finding.message) == (
        Level.OK,
        f"{path} sends traces through the exporter promethios",
    )


def test_what_a_configuration_file_gives_stands_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICIES)
    exporter = f"{{promethios: {{endpoint: 'http://file:4318', spool_dir: {tmp_path}/spool}}}}"
    text = f"tracer_provider: {{processors: [{{batch: {{exporter: {exporter}}}}}]}}\n"
    governing = f"instrumentation/development: {{python: {{promethios: {{policies: {tmp_path}/p.yaml}}}}}}\n"
    environ = {
        "PROMETHIOS_API_KEY": KEY,
        "PROMETHIOS_ENDPOINT": "http://environment:4318",
        "PROMETHIOS_POLICIES": "none.yaml",
        "OTEL_CONFIG_FILE": str(config(tmp_path, text + governing)),
    }
    report = examine(environ, offline=True)
    rows = {row.name: (row.value, row.source) for row in report.settings}
    assert rows["endpoint"] == ("http://file:4318", "configuration file")
    assert rows["policies"] == (f"{tmp_path}/p.yaml", "configuration file")
    assert rows["api_key"][1] == "PROMETHIOS_API_KEY"
    said = {each.check: each.message for each in report.findings}
    assert said["policies"].startswith("doctor 7, 2 policies")
    assert said["spool"] == f"{tmp_path}/spool is made when it is needed"


@pytest.mark.parametrize(
    ("ours", "source"),
    [
        ("{endpoint: 'http://own:4318'}", "configuration file"),
        ("{enabled: false, endpoint: 'http://own:4318'}", "default"),
    ],
)
def test_settings_of_the_instrumentation_count_while_it_is_enabled(
    tmp_path: Path, ours: str, source: str
) -> None:
    path = config(tmp_path, f"instrumentation/development: {{python: {{promethios: {ours}}}}}\n")
    rows = examine({"OTEL_CONFIG_FILE": str(path)}, offline=True).settings
    assert {row.name: row.source for row in rows}["endpoint"] == source


def test_a_setting_in_a_configuration_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    text = "tracer_provider: {processors: [{batch: {exporter: {promethios: {endpont: x}}}}]}\n"
    finding = only("settings", OTEL_CONFIG_FILE=str(config(tmp_path, text)))
    assert finding.level is Level.ERROR
    assert finding.message.startswith(
        "in the configuration file: unknown setting `endpont`: the settings are"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PROMETHIOS_POLICY", "PROMETHIOS_POLICIES"),
        ("PROMETHIOS_SPOOLDIR", "PROMETHIOS_SPOOL_DIR"),
        ("PROMETHIOS_APIKEY", "PROMETHIOS_API_KEY"),
        ("PROMETHIOS_ENDPIONT", "PROMETHIOS_ENDPOINT"),
    ],
)
def test_a_variable_that_is_nearly_one_of_ours_is_named_with_what_was_meant(name: str, meant: str) -> None:
    finding = only("variables", **{name: "x"})
    assert finding.level is Level.WARNING
    assert finding.message == f"{name} is no setting of an agent's, and is not read"
    assert finding.advice == f"did you mean {meant}?"


def test_variables_of_other_commands_are_not_taken_for_misspelt_ones() -> None:
    others = ("ADMIN_KEY", "READ_KEY", "MAX_BODY_BYTES", "MAX_DB_BYTES", "RUN", "CONFIG", "DB")
    assert only("variables", **{f"PROMETHIOS_{name}": "x" for name in others}).level is Level.OK


def test_a_configuration_file_without_us_is_noted(tmp_path: Path) -> None:
    path = config(tmp_path, "tracer_provider: {processors: [{batch: {exporter: {console: {}}}}]}\n")
    assert only("file", OTEL_CONFIG_FILE=str(path)).level is Level.NOTE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tracer_provider: {processor: []}", "Configuration does not match schema: "),
        ("tracer_provider: [", "Failed to parse YAML: "),
    ],
)
def test_a_configuration_file_with_a_mistake_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    finding = only("file", OTEL_CONFIG_FILE=str(config(tmp_path, text)))
    assert finding.level is Level.ERROR
    assert said in finding.message


def test_a_configuration_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    finding = only("file", OTEL_CONFIG_FILE=str(tmp_path / "none.yaml"))
    assert finding.level is Level.ERROR
    assert "Configuration file not found" in finding.message


def test_a_configuration_file_that_disables_the_sdk_is_a_warning(tmp_path: Path) -> None:
    assert only("file", OTEL_CONFIG_FILE=str(config(tmp_path, "disabled: true"))).level is Level.WARNING


# The spool


def test_without_a_spool_it_is_noted_that_what_waits_is_lost_with_the_process() -> None:
    assert only("spool").level is Level.NOTE


def test_a_spool_that_is_made_later_is_well(tmp_path: Path) -> None:
    finding = only("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path / "a" / "b"))
    assert (finding.level, finding.message) == (Level.OK, f"{tmp_path / 'a' / 'b'} is made when it is needed")
    assert not (tmp_path / "a").exists()


def test_a_spool_in_the_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    said = found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path / "spool"))
    assert said[0].message == f"{tmp_path / 'spool'} is not a folder"
    assert said[0].level is Level.ERROR


def test_a_spool_that_others_may_open_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    finding = found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path))[0]
    assert (finding.level, finding.advice) == (Level.WARNING, f"chmod 700 {tmp_path}")


def test_a_spool_that_cannot_grow_to_its_limit_is_a_warning(tmp_path: Path) -> None:
    said = found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path), PROMETHIOS_MAX_SPOOL_BYTES=str(1 << 60))
    assert any("less than `max_spool_bytes`" in each.message for each in said)


def test_what_waits_is_told_by_lane_and_left_as_it_is(tmp_path: Path, batch: Callable[..., Batch]) -> None:
    tmp_path.chmod(0o700)
    for lane, items in ((Lane.DECISIONS, 2), (Lane.BULK, 5)):
        segment = Segment(tmp_path / f"{time.time_ns():020}-1-x.{lane.value}.spool", lane, lambda _: None)
        segment.append(batch(items=items), time.time_ns())
        segment.close()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    said = [each.message for each in found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path))]
    assert said[1].startswith("items that wait: 5 of bulk, 2 of decisions, ")
    assert said[2] == "2 of 2 files are of processes that are gone"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_waits_behind_damage_is_counted_as_it_will_be_sent(
    tmp_path: Path, batch: Callable[..., Batch]
) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "1-1-x.bulk.spool"
    segment = Segment(path, Lane.BULK, lambda _: None)
    ends = []
    for items in (2, 3, 5):
        segment.append(batch(items=items), time.time_ns())
        ends.append(segment.size)
    segment.close()
    content = bytearray(path.read_bytes())
    content[ends[0]] ^= 0xFF  # the length of the second record
    path.write_bytes(content)
    said = [each.message for each in found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path))]
    assert said[1].startswith("items that wait: 7 of bulk, ")


def test_a_file_that_a_process_holds_is_no_orphan(tmp_path: Path, batch: Callable[..., Batch]) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "1-1-x.bulk.spool"
    segment = Segment(path, Lane.BULK, lambda _: None)
    segment.append(batch(), time.time_ns())
    said = [each.message for each in found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path))]
    assert not any("processes that are gone" in each for each in said)
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # which it still holds
    segment.close()


@pytest.mark.parametrize(
    "content", [b"", b"PM", b"no spool at all, but long enough", b"PMSPOOL2" + bytes(64)]
)
def test_a_file_that_is_none_of_ours_is_no_obstacle(tmp_path: Path, content: bytes) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "1-1-x.bulk.spool").write_bytes(content)
    assert [each.level for each in found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path))] == [Level.OK, Level.OK]


def test_damaged_parts_that_were_set_aside_are_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "1-1-x.bulk.corrupt").write_bytes(bytes(100))
    finding = found("spool", PROMETHIOS_SPOOL_DIR=str(tmp_path))[-1]
    assert finding.level is Level.WARNING
    assert finding.message == "1 damaged parts were set aside, 100 bytes"


# The round trip


def test_a_round_trip_is_one_empty_request_with_the_key(sink: OtlpSink) -> None:
    finding = only("endpoint", offline=False, PROMETHIOS_ENDPOINT=sink.url)
    (request,) = sink.requests
    assert finding.level is Level.OK
    assert finding.message.startswith(f"{sink.url} took a request in ")
    assert (request.path, request.headers["authorization"]) == ("/v1/logs", f"Bearer {KEY}")
    assert sink.logs() == []


def test_a_receiver_takes_the_round_trip_and_stores_nothing(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        key = receiver.ingest_key
        finding = only("endpoint", offline=False, PROMETHIOS_ENDPOINT=receiver.http, PROMETHIOS_API_KEY=key)
        assert finding.level is Level.OK
        assert receiver.data("logs") == []
        wrong = only(
            "endpoint", offline=False, PROMETHIOS_ENDPOINT=receiver.http, PROMETHIOS_API_KEY=key[:-1] + "!"
        )
    assert "the key is missing, wrong or expired: check `api_key`" in wrong.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer.failing(401), "everything would be parked: HTTP 401: the key is missing, wrong or expired"),
        (Answer.failing(403), "everything would be parked: HTTP 403: the key may not ingest"),
        (Answer.page(), "everything would be parked: HTTP 200 with text/html"),
        (Answer.failing(400, "no"), "everything would be lost: HTTP 400 (no)"),
        (Answer.busy(), "HTTP 503"),
    ],
    ids=["401", "403", "a page", "400", "503"],
)
def test_an_answer_that_is_no_success_is_an_error(sink: OtlpSink, answer: Answer, said: str) -> None:
    sink.script(answer)
    finding = only("endpoint", offline=False, PROMETHIOS_ENDPOINT=sink.url)
    assert finding.level is Level.ERROR
    assert said in finding.message


def test_no_answer_is_an_error_that_says_where_telemetry_waits(tmp_path: Path, deaf_port: int) -> None:
    there = f"http://127.0.0.1:{deaf_port}"
    finding = only(
        "endpoint", offline=False, PROMETHIOS_ENDPOINT=there, PROMETHIOS_SPOOL_DIR=str(tmp_path / "s")
    )
    assert finding.level is Level.ERROR
    assert finding.message.startswith(f"{there}: no answer: ")
    assert finding.advice == f"until it answers, telemetry waits in {tmp_path / 's'}"


def test_a_tls_problem_is_named(sink: OtlpSink) -> None:
    there = sink.url.replace("http://", "https://")
    assert "SSLError" in only("endpoint", offline=False, PROMETHIOS_ENDPOINT=there).message


def test_offline_sends_nothing(sink: OtlpSink) -> None:
    assert run("--offline", PROMETHIOS_ENDPOINT=sink.url).exit_code == 0
    assert sink.requests == []


# The command


@pytest.mark.parametrize(
    ("environ", "status", "level"),
    [
        ({}, 0, "note"),
        ({"OTEL_SDK_DISABLED": "true"}, 3, "warning"),
        ({"PROMETHIOS_API_KEY": ""}, 4, "error"),
    ],
    ids=["well", "worth doing", "wrong"],
)
def test_the_status_and_the_document_tell_how_bad_it_is(
    environ: dict[str, str], status: int, level: str
) -> None:
    ended = run("--offline", "--json", **environ)
    document: dict[str, Any] = json.loads(ended.output)
    assert (ended.exit_code, document["level"]) == (status, level)
    assert set(document["findings"][0]) == {"check", "level", "message", "advice"}
    assert set(document["settings"][0]) == {"name", "value", "source"}


def test_people_read_a_line_for_each_thing() -> None:
    said = run("--offline").output.splitlines()
    assert said[0] == "settings"
    assert [line.split() for line in said if " endpoint " in line] == [
        ["endpoint", "http://localhost:4318", "default"]
    ]
    assert any(line.startswith("  ok      hooks") for line in said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--full",), "--full and --min-free-bytes are of a database: give DB"),
        (("--min-free-bytes", "1"), "--full and --min-free-bytes are of a database: give DB"),
        (("some.db", "--offline"), "--offline is of an agent, and DB is a receiver's: leave one out"),
        (("a.db", "--db", "b.db"), "DB and --db name the same: give one of them"),
        (("a.db", "--min-free-bytes", "few"), "'few' is not a valid integer"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...], said: str) -> None:
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in ended.output


def test_a_database_is_examined_by_the_receivers_doctor(tmp_path: Path) -> None:
    ended = run(str(tmp_path / "none.db"))
    assert (ended.exit_code, ended.output) == (1, f"Error: there is no database {tmp_path / 'none.db'}\n")


def test_a_variable_that_names_a_database_does_not_take_the_agents_place(tmp_path: Path) -> None:
    assert run("--offline", PROMETHIOS_DB=str(tmp_path / "x.db")).output.startswith("settings\n")


def test_the_examination_changes_no_setting_and_opens_nothing(tmp_path: Path) -> None:
    environ = {"PROMETHIOS_API_KEY": KEY, "PROMETHIOS_SPOOL_DIR": str(tmp_path / "s")}
    before = dict(environ)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        examine({**environ, "PROMETHIOS_ENDPOINT": f"http://127.0.0.1:{taken.getsockname()[1]}"})
    assert environ == before
    assert list(tmp_path.iterdir()) == []
    assert Settings.load(environ).spool_dir == tmp_path / "s"
