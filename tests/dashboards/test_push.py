"""``promethios dashboards push``: what it installs, what it leaves alone, and what its errors say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.boards import BOARDS
from tests.support.grafana_api import PASSWORD, TOKEN, USER, GrafanaApi
from tests.support.ports import free_port

from promethios.dashboards.alerts import posted
from promethios.dashboards.cli import dashboards
from promethios.dashboards.matching import covers
from promethios.governance.alerting import RULES

KEY = "pmk_read_s3cret"
AS_ADMIN = {"GRAFANA_TOKEN": TOKEN, "PROMETHIOS_READ_KEY": KEY}
NOBODY = {"GRAFANA_TOKEN": None, "GRAFANA_USER": None, "GRAFANA_PASSWORD": None, "PROMETHIOS_READ_KEY": None}
THINGS = 2 + 1 + len(BOARDS) + len(RULES)


@pytest.fixture
def grafana() -> Iterator[GrafanaApi]:
    with GrafanaApi() as server:
        yield server


def _push(url: str, *arguments: str, environment: dict[str, str] | None = None) -> Result:
    as_whom: dict[str, str | None] = {**NOBODY, **(AS_ADMIN if environment is None else environment)}
    return CliRunner().invoke(dashboards, ["push", "--grafana", url, *arguments], env=as_whom)


def _did(done: Result) -> dict[str, str]:
    assert done.exit_code == 0, done.output
    return {f"{each['kind']} {each['uid']}": each["did"] for each in json.loads(done.output)["pushed"]}


def _refused(done: Result) -> str:
    assert done.exit_code == 1, done.output
    assert KEY not in done.output
    assert TOKEN not in done.output
    return done.output.removeprefix("Error: ").rstrip("\n")


def test_everything_is_installed(grafana: GrafanaApi) -> None:
    did = _did(_push(grafana.url, "--json"))
    assert len(did) == THINGS
    assert set(did.values()) == {"created"}
    state = grafana.state
    assert {uid: each["dashboard"]["title"] for uid, each in state.dashboards.items()} == {
        board["uid"]: board["title"] for board in BOARDS.values()
    }
    assert {each["meta"]["folderUid"] for each in state.dashboards.values()} == {"promethios"}
    assert all(covers(state.rules[f"promethios-{rule.id}"], posted(rule)) for rule in RULES)


def test_data_sources_have_the_receivers_address_and_the_key(grafana: GrafanaApi) -> None:
    assert _push(grafana.url, "--url", "https://promethios.example").exit_code == 0
    sources, secrets = grafana.state.datasources, grafana.state.secrets
    assert sources["promethios"]["url"] == "https://promethios.example"
    assert sources["promethios"]["jsonData"]["allowedHosts"] == ["https://promethios.example/"]
    assert sources["promethios-jaeger"]["url"] == "https://promethios.example/jaeger"
    assert secrets["promethios"] == {"bearerToken": KEY}
    assert secrets["promethios-jaeger"] == {"httpHeaderValue1": f"Bearer {KEY}"}


def test_rules_stay_editable_in_grafana(grafana: GrafanaApi) -> None:
    assert _push(grafana.url).exit_code == 0
    assert all("provenance" not in rule for rule in grafana.state.rules.values())


def test_second_push_changes_nothing(grafana: GrafanaApi) -> None:
    assert _push(grafana.url).exit_code == 0
    before = list(grafana.state.written)
    did = _did(_push(grafana.url, "--json", environment={"GRAFANA_TOKEN": TOKEN}))
    assert set(did.values()) == {"same"}
    assert grafana.state.written == before


def test_key_that_is_given_again_is_set_again(grafana: GrafanaApi) -> None:
    """Grafana tells nobody a secret: whether it is the same cannot be seen."""
    assert _push(grafana.url).exit_code == 0
    assert _push(grafana.url, environment={**AS_ADMIN, "PROMETHIOS_READ_KEY": "pmk_new"}).exit_code == 0
    assert grafana.state.secrets["promethios"] == {"bearerToken": "pmk_new"}


def test_what_was_changed_in_grafana_is_set_right(grafana: GrafanaApi) -> None:
    assert _push(grafana.url).exit_code == 0
    state = grafana.state
    state.dashboards["promethios-trace"]["dashboard"]["title"] = "Mine"
    state.rules["promethios-trust-low"]["for"] = "11m"
    state.rules["promethios-token-budget"]["data"][1]["model"]["conditions"][0]["evaluator"]["params"] = [7]
    did = _did(_push(grafana.url, "--json", environment={"GRAFANA_TOKEN": TOKEN}))
    assert {name for name, did in did.items() if did == "updated"} == {
        "dashboard promethios-trace",
        "alert rule promethios-trust-low",
        "alert rule promethios-token-budget",
    }
    assert (
        state.dashboards["promethios-trace"]["dashboard"]["title"] == BOARDS["promethios-trace.json"]["title"]
    )
    assert state.rules["promethios-trust-low"]["for"] == "10m"


def test_changed_rules_are_pushed(grafana: GrafanaApi, tmp_path: Path) -> None:
    assert _push(grafana.url).exit_code == 0
    (tmp_path / "alerts.yaml").write_text("rules: {trust-low: {threshold: 500}}")
    did = _did(_push(grafana.url, "--json", "--rules", str(tmp_path / "alerts.yaml")))
    assert [name for name, did in did.items() if did == "updated" and "rule" in name] == [
        "alert rule promethios-trust-low"
    ]


def test_dashboards_and_rules_stay_where_people_moved_them(grafana: GrafanaApi) -> None:
    assert _push(grafana.url).exit_code == 0
    state = grafana.state
    state.folders["security"] = {"uid": "security", "title": "Security"}
    board, rule = state.dashboards["promethios-trace"], state.rules["promethios-trust-low"]
    board["meta"]["folderUid"], board["dashboard"]["title"] = "security", "Mine"
    rule["folderUID"], rule["ruleGroup"], rule["title"] = "security", "ours", "Mine"
    assert _push(grafana.url).exit_code == 0
    assert state.dashboards["promethios-trace"]["meta"]["folderUid"] == "security"
    moved = state.rules["promethios-trust-low"]
    assert (moved["folderUID"], moved["ruleGroup"], moved["title"]) == ("security", "ours", "Trust low")


def test_dry_run_says_what_it_would_do_and_writes_nothing(grafana: GrafanaApi) -> None:
    done = _push(grafana.url, "--dry-run")
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == "would create data source promethios"
    assert len(done.output.splitlines()) == THINGS
    assert grafana.state.written == []


def test_what_came_from_files_is_left_to_them(grafana: GrafanaApi) -> None:
    assert _push(grafana.url).exit_code == 0
    state = grafana.state
    state.datasources["promethios"]["readOnly"] = True
    state.dashboards["promethios-trace"]["meta"]["provisioned"] = True
    state.rules["promethios-trust-low"]["provenance"] = "file"
    state.rules["promethios-token-budget"]["provenance"] = "api"
    before = list(state.written)
    done = _push(grafana.url)
    assert done.exit_code == 0
    left = [line for line in done.output.splitlines() if line.startswith("left")]
    assert left == [
        "left         data source promethios (Grafana has it from its provisioning files)",
        "left         dashboard promethios-trace (Grafana has it from its provisioning files)",
        "left         alert rule promethios-trust-low (Grafana has it from its provisioning files)",
        "left         alert rule promethios-token-budget (it belongs to api)",
    ]
    assert state.written[len(before) :] == [("PUT", "/api/datasources/uid/promethios-jaeger")]


def test_user_and_password_do_as_well(grafana: GrafanaApi) -> None:
    environment = {"GRAFANA_USER": USER, "GRAFANA_PASSWORD": PASSWORD, "PROMETHIOS_READ_KEY": KEY}
    assert _push(grafana.url, environment=environment).exit_code == 0


def test_grafana_below_a_path_is_found() -> None:
    with GrafanaApi("/grafana") as server:
        assert _push(server.url + "/").exit_code == 0
        assert len(server.state.rules) == len(RULES)


def test_grafana_that_hides_its_version_is_trusted(grafana: GrafanaApi) -> None:
    grafana.state.version = None
    assert _push(grafana.url).exit_code == 0


@pytest.mark.parametrize("version", ["11.6.0", "12.3.0-25.pre", "13.0.1+security-01"])
def test_new_enough_grafana_is_taken(grafana: GrafanaApi, version: str) -> None:
    grafana.state.version = version
    assert _push(grafana.url, "--dry-run").exit_code == 0


def test_too_old_grafana_is_named(grafana: GrafanaApi) -> None:
    grafana.state.version = "11.5.9"
    assert _refused(_push(grafana.url)) == (
        f"{grafana.url} is Grafana 11.5.9: too old, the data source needs 11.6 or newer; update Grafana"
    )
    assert grafana.state.written == []


def test_missing_plugin_is_named_with_how_to_get_it(grafana: GrafanaApi) -> None:
    grafana.state.plugins.clear()
    assert _refused(_push(grafana.url)) == (
        "Grafana has no data source yesoreyeram-infinity-datasource: install it (grafana cli plugins install "
        "yesoreyeram-infinity-datasource, or GF_PLUGINS_PREINSTALL_SYNC=yesoreyeram-infinity-datasource) "
        "and push again"
    )


def test_nobody_is_told_who_could_push(grafana: GrafanaApi) -> None:
    assert _refused(_push(grafana.url, environment={"GRAFANA_USER": USER})) == (
        "nobody to push as: set GRAFANA_TOKEN to the token of a service account with the role Admin "
        "(Administration / Users and access / Service accounts), or GRAFANA_USER and GRAFANA_PASSWORD"
    )
    assert grafana.state.asked == []


@pytest.mark.parametrize("token", ["glsa two", "glsa\nX-Evil: 1", "glsä"])
def test_token_that_is_none_is_refused_without_repeating_it(grafana: GrafanaApi, token: str) -> None:
    done = _push(grafana.url, environment={"GRAFANA_TOKEN": token})
    assert _refused(done) == "GRAFANA_TOKEN has a character that no token has; set it anew, without blanks"
    assert grafana.state.asked == []


def test_wrong_token_is_named(grafana: GrafanaApi) -> None:
    done = _push(grafana.url, environment={**AS_ADMIN, "GRAFANA_TOKEN": "glsa_wrong"})
    assert _refused(done) == (
        f"cannot look for the data source: {grafana.url} does not know these credentials (401); "
        "is the token of this Grafana, and not expired?"
    )


def test_credentials_that_may_not_write_are_named(grafana: GrafanaApi) -> None:
    grafana.state.may_write = False
    assert _refused(_push(grafana.url)) == (
        "cannot install data source promethios: these credentials may not do that (403: You'll need "
        "additional permissions to perform this action.); give the service account the role Admin"
    )


def test_missing_read_key_is_named_before_anything_is_written(grafana: GrafanaApi) -> None:
    assert _refused(_push(grafana.url, environment={"GRAFANA_TOKEN": TOKEN})) == (
        "PROMETHIOS_READ_KEY is not set: the data source needs a key of the receiver; make one with "
        "promethios keys create --scope read"
    )
    assert grafana.state.written == []


def test_what_grafana_objects_to_is_repeated(grafana: GrafanaApi) -> None:
    grafana.state.folders["other"] = {"uid": "other", "title": "Promethios"}
    assert _refused(_push(grafana.url)) == (
        f"cannot install folder promethios: {grafana.url} answered 409: "
        "a folder with the same name already exists in the current location"
    )


def test_push_that_was_stopped_goes_on_the_next_time(grafana: GrafanaApi) -> None:
    grafana.state.folders["other"] = {"uid": "other", "title": "Promethios"}
    _refused(_push(grafana.url))
    del grafana.state.folders["other"]
    did = _did(_push(grafana.url, "--json", environment={"GRAFANA_TOKEN": TOKEN}))
    assert did.pop("data source promethios") == "same"
    assert did.pop("data source promethios-jaeger") == "same"
    assert set(did.values()) == {"created"}


def test_redirect_is_not_followed_with_the_token(grafana: GrafanaApi) -> None:
    grafana.state.redirect = "https://elsewhere.example/login"
    assert _refused(_push(grafana.url)) == (
        f"cannot look what is there: {grafana.url} sends on to https://elsewhere.example/login; "
        "give the address that answers itself"
    )


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"", b"\xff"])
def test_something_else_than_grafana_is_named(grafana: GrafanaApi, body: bytes) -> None:
    grafana.state.garbage = body
    assert _refused(_push(grafana.url)) == (
        f"cannot look what is there: {grafana.url} is not a Grafana: /api/health is no JSON"
    )


@pytest.mark.parametrize("body", [b"[]", b'{"status": "ok"}', b"null"])
def test_json_of_something_else_is_not_grafana(grafana: GrafanaApi, body: bytes) -> None:
    grafana.state.garbage = body
    assert _refused(_push(grafana.url)) == (
        f"{grafana.url} is not a Grafana: its /api/health says something else"
    )


def test_wrong_path_is_named() -> None:
    with GrafanaApi("/grafana") as server:
        root = server.url.removesuffix("/grafana")
        assert _refused(_push(root)) == (
            f"cannot look what is there: there is no /api/health at {root} (404); "
            "give Grafana's whole address, with its sub-path"
        )


def test_nobody_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    refused = _refused(_push(url))
    assert refused.startswith(f"cannot look what is there: {url} does not answer: ")
    assert "Connection refused" in refused


def test_address_with_credentials_is_refused_without_repeating_them(grafana: GrafanaApi) -> None:
    done = _push(grafana.url.replace("http://", "http://admin:hunter2@"))
    assert _refused(done) == (
        "--grafana for 127.0.0.1: leave out credentials, query and fragment; "
        "Grafana's credentials are taken from the environment"
    )
    assert "hunter2" not in done.output


def test_address_that_is_none_is_refused() -> None:
    assert _refused(_push("grafana.example")) == (
        "--grafana 'grafana.example': not an http or https address; give one such as http://127.0.0.1:3000"
    )


@pytest.mark.parametrize(
    ("there", "wanted", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [1], False),
        ({"for": "10m"}, {"for": "600s"}, True),
        ({"for": "1h30m"}, {"for": "5400s"}, True),
        ({"for": "10m"}, {"for": "601s"}, False),
        ({"for": "0s"}, {"for": "0s"}, True),
        ("5m", 300, False),
        ("five", "5m", False),
        (True, 1, True),
        (None, {}, False),
    ],
)
def test_what_is_there_covers_what_is_wanted(there: Any, wanted: Any, same: bool) -> None:
    assert covers(there, wanted) is same
