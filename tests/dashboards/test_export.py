"""``promethios dashboards export``: the layout, what is replaced and what never is, and clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML
from tests.support.boards import BOARDS

from promethios.dashboards.cli import dashboards
from promethios.dashboards.export import export, planned
from promethios.dashboards.options import DEFAULT_URL, ExportError, Options, validate_url

LAYOUT = {
    "alerting/promethios.yaml",
    "compose.yaml",
    "dashboards/promethios.yaml",
    "datasources/promethios.yaml",
    *(f"dashboards/promethios/{name}" for name in BOARDS),
}
#: A webhook's address is a secret in most services.
WEBHOOK = "https://hooks.example/services/T0/s3cret?a=b"


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(dashboards, ["export", *arguments])


def test_export_has_the_layout_of_grafanas_provisioning_folder(tmp_path: Path) -> None:
    export(tmp_path / "out")
    assert _files(tmp_path / "out") == LAYOUT


def test_exported_dashboards_are_the_committed_ones(tmp_path: Path) -> None:
    export(tmp_path)
    for name, board in BOARDS.items():
        assert json.loads((tmp_path / "dashboards/promethios" / name).read_bytes()) == board


def test_data_source_has_the_uid_the_address_and_the_key_from_the_environment(tmp_path: Path) -> None:
    export(tmp_path, Options("https://promethios.example:4318/"))
    source, _ = _yaml(tmp_path / "datasources/promethios.yaml")["datasources"]
    assert source["uid"] == "promethios"
    assert source["type"] == "yesoreyeram-infinity-datasource"
    assert source["url"] == "https://promethios.example:4318"
    assert source["jsonData"]["auth_method"] == "bearerToken"
    assert source["secureJsonData"] == {"bearerToken": "$PROMETHIOS_READ_KEY"}


@pytest.mark.parametrize("url", ["http://receiver:4318", "http://receiver:4318/"])
def test_key_goes_to_no_address_that_only_begins_like_the_receivers(tmp_path: Path, url: str) -> None:
    """The data source compares by prefix: without the slash http://receiver:43180 has the key too."""
    export(tmp_path, Options(url))
    source, _ = _yaml(tmp_path / "datasources/promethios.yaml")["datasources"]
    (allowed,) = source["jsonData"]["allowedHosts"]
    assert allowed == "http://receiver:4318/"
    assert f"{source['url']}/api/v1/stats".startswith(allowed)


def test_traces_come_from_the_same_receiver_with_the_same_key(tmp_path: Path) -> None:
    export(tmp_path, Options("https://promethios.example/governance"))
    _, jaeger = _yaml(tmp_path / "datasources/promethios.yaml")["datasources"]
    assert (jaeger["uid"], jaeger["type"]) == ("promethios-jaeger", "jaeger")
    assert jaeger["url"] == "https://promethios.example/governance/jaeger"
    assert jaeger["jsonData"]["httpHeaderName1"] == "Authorization"
    assert jaeger["secureJsonData"] == {"httpHeaderValue1": "Bearer $PROMETHIOS_READ_KEY"}


def test_key_can_come_from_a_file(tmp_path: Path) -> None:
    assert _run(str(tmp_path), "--key-file", "/run/secrets/read-key").exit_code == 0
    infinity, jaeger = _yaml(tmp_path / "datasources/promethios.yaml")["datasources"]
    assert infinity["secureJsonData"] == {"bearerToken": "$__file{/run/secrets/read-key}"}
    assert jaeger["secureJsonData"] == {"httpHeaderValue1": "Bearer $__file{/run/secrets/read-key}"}


@pytest.mark.parametrize("path", ["read-key", "/run/}", "/run/$HOME", "/run/a b", "/run/\n", ""])
def test_path_that_grafana_would_read_otherwise_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ExportError) as caught:
        export(tmp_path, Options(key_file=path))
    assert str(caught.value) == (
        f"--key-file {path!r}: give an absolute path of letters, digits and . _ - /, as Grafana sees it, "
        "such as /run/secrets/promethios-read-key"
    )
    assert _files(tmp_path) == set()


def test_nobody_is_told_unless_somebody_is_named(tmp_path: Path) -> None:
    export(tmp_path)
    (group,) = _yaml(tmp_path / "alerting/promethios.yaml")["groups"]
    assert all("notification_settings" not in rule for rule in group["rules"])


def test_contact_point_is_made_of_the_environment_and_every_rule_goes_to_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        dashboards,
        ["export", str(tmp_path)],
        env={"PROMETHIOS_ALERT_WEBHOOK": WEBHOOK, "PROMETHIOS_ALERT_EMAIL": "a@example.com;b@example.com"},
    )
    assert done.exit_code == 0
    assert "s3cret" not in done.output
    assert _files(tmp_path) == {*LAYOUT, "alerting/promethios-contact.yaml"}
    (point,) = _yaml(tmp_path / "alerting/promethios-contact.yaml")["contactPoints"]
    assert [(each["type"], each["settings"]) for each in point["receivers"]] == [
        ("webhook", {"url": WEBHOOK}),
        ("email", {"addresses": "a@example.com;b@example.com"}),
    ]
    (group,) = _yaml(tmp_path / "alerting/promethios.yaml")["groups"]
    routed = [rule["notification_settings"] for rule in group["rules"]]
    assert {each["receiver"] for each in routed} == {point["name"]}
    assert all(each["group_by"][:2] == ["alertname", "grafana_folder"] for each in routed)


def test_empty_variable_names_nobody(tmp_path: Path) -> None:
    environment = {"PROMETHIOS_ALERT_WEBHOOK": "", "PROMETHIOS_ALERT_EMAIL": ""}
    assert CliRunner().invoke(dashboards, ["export", str(tmp_path)], env=environment).exit_code == 0
    assert _files(tmp_path) == LAYOUT


def test_policies_of_everybody_else_are_never_provisioned(tmp_path: Path) -> None:
    """An organisation has one tree of notification policies: a file with one replaces it."""
    export(tmp_path, Options(webhook=WEBHOOK))
    found = {path.name: set(_yaml(path)) for path in (tmp_path / "alerting").iterdir()}
    assert found == {
        "promethios.yaml": {"apiVersion", "groups"},
        "promethios-contact.yaml": {"apiVersion", "contactPoints"},
    }


@pytest.mark.parametrize(
    ("webhook", "message"),
    [
        ("hooks.example/s3cret", "--alert-webhook: not an http or https address"),
        ("https://[s3cret", "--alert-webhook: not an http or https address"),
        (
            "https://hooks.example/$s3cret",
            "--alert-webhook for hooks.example: quotes, $, backslashes and blanks cannot be in it",
        ),
    ],
)
def test_bad_webhook_is_refused_without_repeating_it(tmp_path: Path, webhook: str, message: str) -> None:
    with pytest.raises(ExportError) as caught:
        export(tmp_path, Options(webhook=webhook))
    assert str(caught.value) == message
    assert _files(tmp_path) == set()


@pytest.mark.parametrize("email", ["nobody", "a@b;", "a@$HOME", "a b@c"])
def test_bad_mail_address_is_refused(tmp_path: Path, email: str) -> None:
    with pytest.raises(ExportError) as caught:
        export(tmp_path, Options(email=email))
    assert str(caught.value) == f"--alert-email {email!r}: not an address, or several with ; between"


def test_rules_are_those_of_the_file_that_the_receiver_is_given(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("rules: {trust-low: {threshold: 500, for: 5m}, token-budget: {enabled: false}}")
    assert _run(str(tmp_path / "out"), "--rules", str(file)).exit_code == 0
    (group,) = _yaml(tmp_path / "out/alerting/promethios.yaml")["groups"]
    rules = {rule["uid"]: rule for rule in group["rules"]}
    trust = rules["promethios-trust-low"]
    assert trust["for"] == "300s"
    assert trust["data"][1]["model"]["conditions"][0]["evaluator"] == {"type": "lt", "params": [500]}
    assert [uid for uid, rule in rules.items() if rule["isPaused"]] == ["promethios-token-budget"]


def test_mistake_in_the_rules_is_shown_and_nothing_written(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("rules: {trust-lo: {threshold: 500}}")
    done = _run(str(tmp_path / "out"), "--rules", str(file))
    assert done.exit_code == 1
    assert f"{file}:1:" in done.output
    assert "trust-lo" in done.output
    assert not (tmp_path / "out").exists()


def test_provider_looks_where_the_dashboards_are_once_copied(tmp_path: Path) -> None:
    export(tmp_path)
    (provider,) = _yaml(tmp_path / "dashboards/promethios.yaml")["providers"]
    folder = Path(provider["options"]["path"]).relative_to("/etc/grafana/provisioning")
    assert {path.name for path in (tmp_path / folder).glob("*.json")} == set(BOARDS)


def test_files_can_be_read_by_grafanas_user(tmp_path: Path) -> None:
    export(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o644}


def test_second_export_changes_nothing(tmp_path: Path) -> None:
    assert all(file.changed for file in export(tmp_path))
    assert not any(file.changed for file in export(tmp_path))


def test_export_replaces_an_older_export(tmp_path: Path) -> None:
    export(tmp_path, Options("http://old.example:1"))
    board = tmp_path / "dashboards/promethios/promethios-overview.json"
    board.write_text('{"uid": "promethios-overview", "title": "of an older version"}')
    changed = {file.path.name for file in export(tmp_path, Options("http://new.example:2")) if file.changed}
    assert changed == {"promethios-overview.json", "promethios.yaml"}
    assert json.loads(board.read_bytes()) == BOARDS["promethios-overview.json"]


def test_export_leaves_no_scratch_files(tmp_path: Path) -> None:
    export(tmp_path)
    export(tmp_path, Options("http://other.example"))
    assert _files(tmp_path) == LAYOUT


@pytest.mark.parametrize("name", sorted(LAYOUT))
def test_other_peoples_file_is_not_replaced_and_nothing_else_written(tmp_path: Path, name: str) -> None:
    foreign = tmp_path / name
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("precious: true\n")
    with pytest.raises(ExportError) as caught:
        export(tmp_path)
    assert str(caught.value) == (
        f"cannot export to {tmp_path}: not written by an export: {foreign}; "
        "move it away, choose another folder, or give --force to replace it"
    )
    assert _files(tmp_path) == {name}
    assert foreign.read_text() == "precious: true\n"


def test_dashboard_of_another_uid_is_other_peoples(tmp_path: Path) -> None:
    path = tmp_path / "dashboards/promethios/promethios-trace.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"uid": "mine"}')
    with pytest.raises(ExportError, match=r"not written by an export"):
        export(tmp_path)


def test_force_replaces_it(tmp_path: Path) -> None:
    foreign = tmp_path / "datasources/promethios.yaml"
    foreign.parent.mkdir()
    foreign.write_text("precious: true\n")
    assert _run(str(tmp_path), "--force").exit_code == 0
    assert _files(tmp_path) == LAYOUT
    assert "precious" not in foreign.read_text()


def test_files_beside_the_export_stay(tmp_path: Path) -> None:
    (tmp_path / "datasources").mkdir()
    (tmp_path / "datasources/prometheus.yaml").write_text("mine")
    export(tmp_path)
    assert (tmp_path / "datasources/prometheus.yaml").read_text() == "mine"


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    done = _run(str(tmp_path / "out"))
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: cannot export to {tmp_path / 'out'}: ")
    assert done.output.endswith("choose another folder\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc, where nobody can make a folder")
def test_folder_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ExportError) as caught:
        export(Path("/proc/promethios"))
    assert str(caught.value).startswith("cannot export to /proc/promethios: ")
    assert str(caught.value).endswith("choose another folder")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("promethios.example:4318", "not an http or https address; give one such as http://127.0.0.1:4318"),
        ("ftp://promethios.example", "not an http or https address; give one such as http://127.0.0.1:4318"),
        ("http://", "not an http or https address; give one such as http://127.0.0.1:4318"),
        ("", "not an http or https address; give one such as http://127.0.0.1:4318"),
        ("http://host:port", "Port could not be cast to integer value as 'port'"),
        ("http://host:99999", "Port out of range 0-65535"),
        ("http://host/$HOME", "quotes, $, backslashes and blanks cannot be in it"),
        ('http://host/"\nurl: x', "quotes, $, backslashes and blanks cannot be in it"),
    ],
)
def test_bad_address_is_refused_with_its_reason(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(ExportError) as caught:
        export(tmp_path, Options(url))
    assert str(caught.value).startswith(f"--url {url!r}: ")
    assert message in str(caught.value)
    assert _files(tmp_path) == set()


@pytest.mark.parametrize(
    "secret", ["http://user:s3cret@host", "http://host/?key=s3cret", "http://host/#s3cret"]
)
def test_address_with_a_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ExportError) as caught:
        validate_url(secret)
    assert "leave out credentials, query and fragment" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_default_address_is_the_one_in_the_packaged_file() -> None:
    assert DEFAULT_URL.encode() in planned()[Path("datasources/promethios.yaml")]


def test_command_says_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    done = _run(str(tmp_path / "out"))
    assert done.exit_code == 0
    assert f"wrote {tmp_path / 'out' / 'datasources/promethios.yaml'}" in done.output
    assert "PROMETHIOS_READ_KEY" in done.output
    assert "same " in _run(str(tmp_path / "out")).output


def test_command_prints_one_object_for_programs(tmp_path: Path) -> None:
    done = _run(str(tmp_path), "--json")
    files = json.loads(done.output)["files"]
    assert {str(Path(file["path"]).relative_to(tmp_path)) for file in files} == LAYOUT
    assert all(file["changed"] for file in files)


def test_command_without_a_folder_is_a_usage_error() -> None:
    done = _run()
    assert done.exit_code == 2
    assert "Missing argument 'DIR'" in done.output
