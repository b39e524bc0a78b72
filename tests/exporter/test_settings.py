"""Settings come from code, then the environment; what cannot work says so by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promethios.exporter import Settings, SettingsError

KEY = "pmk_live_0123456789"
GIVE_A_URL = "give an http:// or https:// URL such as http://localhost:4318"


def test_takes_what_the_code_gives() -> None:
    settings = Settings.load({}, endpoint="https://otlp.example.com", api_key=KEY, timeout=3)
    assert (settings.endpoint, settings.api_key, settings.timeout) == ("https://otlp.example.com", KEY, 3)


def test_takes_the_rest_from_the_environment() -> None:
    environ = {
        "PROMETHIOS_ENDPOINT": "http://receiver:4318",
        "PROMETHIOS_API_KEY": f" {KEY}\n",
        "PROMETHIOS_POLICIES": "policies.yaml",
        "PROMETHIOS_SPOOL_DIR": "/var/spool/promethios",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2.5",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-team=a%20b",
        "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    }
    settings = Settings.load(environ)
    assert settings.endpoint == "http://receiver:4318"
    assert settings.api_key == KEY
    assert settings.policies == "policies.yaml"
    assert settings.spool_dir == Path("/var/spool/promethios")
    assert settings.timeout == 2.5
    assert settings.metric_interval == 15.0
    assert settings.headers == (("x-team", "a b"),)


def test_code_wins_over_the_environment() -> None:
    assert Settings.load({"PROMETHIOS_API_KEY": "other"}, api_key=KEY).api_key == KEY


def test_opentelemetrys_endpoint_is_the_fallback() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "PROMETHIOS_ENDPOINT": ""}
    assert Settings.load(environ, api_key=KEY).endpoint == "http://collector:4318"


def test_the_default_endpoint_is_that_of_opentelemetry() -> None:
    assert Settings.load({}, api_key=KEY).endpoint == "http://localhost:4318"


def test_headers_may_authenticate_in_place_of_a_key() -> None:
    settings = Settings.load({}, headers={"X-API-Key": "k"})
    assert settings.api_key is None


def test_an_empty_key_says_that_none_is_wanted() -> None:
    assert Settings.load({}, api_key="").api_key == ""


def test_neither_key_nor_headers_show_in_repr() -> None:
    text = repr(Settings.load({}, api_key=KEY, headers={"authorization": "Basic c2VjcmV0"}))
    assert KEY not in text
    assert "c2VjcmV0" not in text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"endpoint": "localhost:4318"},
            "`endpoint` is 'localhost:4318': " + GIVE_A_URL,
        ),
        (
            {"endpoint": "http://"},
            "`endpoint` is 'http://': " + GIVE_A_URL,
        ),
        (
            {"endpoint": "http://localhost:99999"},
            "`endpoint` is 'http://localhost:99999': " + GIVE_A_URL,
        ),
        (
            {"endpoint": "http://me:hunter2@localhost"},
            "`endpoint` carries more than an address: give the key as `api_key`, and no query",
        ),
        (
            {"endpoint": "http://a/v1/traces"},
            "`endpoint` is 'http://a/v1/traces': give the base URL; /v1/traces and so on are added",
        ),
        (
            {"api_key": "two words"},
            "`api_key` holds a space, a line break or another character that no key has: copy it again",
        ),
        (
            {"api_key": "a\r\nX-Evil: 1"},
            "`api_key` holds a space, a line break or another character that no key has: copy it again",
        ),
        ({"timeout": 0}, "`timeout` is 0: give a number above 0"),
        ({"timeout": float("inf")}, "`timeout` is inf: give a number above 0"),
        ({"max_spool_bytes": "1G"}, "`max_spool_bytes` is '1G': give a whole number above 0"),
        ({"metric_interval": True}, "`metric_interval` is True: give a number above 0"),
        ({"certificate": "/nowhere.pem"}, "`certificate` is '/nowhere.pem': there is no such file"),
    ],
)
def test_a_bad_value_is_named_with_what_to_do(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, **{"api_key": KEY, **given})
    assert str(caught.value) == message


def test_a_missing_key_says_how_to_get_one() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({})
    assert str(caught.value) == (
        "`api_key` is missing: pass it or set PROMETHIOS_API_KEY (`promethios keys create` makes one);"
        ' api_key="" sends none, for a Collector that needs none'
    )


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "PROMETHIOS_ENDPOINT",
            "receiver",
            "`endpoint` (from PROMETHIOS_ENDPOINT) is 'receiver': " + GIVE_A_URL,
        ),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            "`timeout` (from OTEL_EXPORTER_OTLP_TIMEOUT) is '10s': give seconds, such as 10",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "no",
            "`metric_interval` (from OTEL_METRIC_EXPORT_INTERVAL) is 'no': give milliseconds, such as 30000",
        ),
    ],
)
def test_an_error_names_the_variable_it_came_from(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({variable: value}, api_key=KEY)
    assert str(caught.value) == message


def test_an_unknown_setting_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(TypeError, match=r"^unknown setting `spool`: the settings are endpoint, api_key, "):
        Settings.load({}, spool="/tmp/x")


def test_settings_cannot_be_changed() -> None:
    settings = Settings.load({}, api_key=KEY)
    with pytest.raises(AttributeError):
        settings.timeout = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://a..b",
        "http://.example.com",
        "http://exa mple.com",
        "http://a\x00b",
        f"http://{'a' * 64}.example",
    ],
)
def test_an_endpoint_that_no_name_can_be_is_an_error(endpoint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, endpoint=endpoint, api_key=KEY)
    assert str(caught.value) == f"`endpoint` is {endpoint!r}: {GIVE_A_URL}"


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (
            {"x": "secret\nX-Evil: 1"},
            "hold a value of 'x' with a line break or a character that no header has",
        ),
        ({"x": "secret €"}, "hold a value of 'x' with a line break or a character that no header has"),
        ({"": "secret"}, "hold '', which is no name of a header"),
        ({"x y": "secret"}, "hold 'x y', which is no name of a header"),
        ({"Content-Length": "5"}, "hold 'Content-Length', which the request sets by itself"),
        ({"transfer-encoding": "chunked"}, "hold 'transfer-encoding', which the request sets by itself"),
    ],
)
def test_headers_that_cannot_be_sent_are_an_error_without_their_values(
    headers: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, api_key=KEY, headers=headers)
    assert str(caught.value) == f"`headers` {problem}: give names and values as they are to be sent"
    assert "secret" not in str(caught.value)


def test_a_header_that_cannot_be_read_is_told_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization Bearer sesame-of-mine, x-team=a"}

    settings = Settings.load(environ, api_key=KEY)

    assert settings.headers == (("x-team", "a"),)
    assert [record.getMessage() for record in caplog.records] == [
        "headers: 1 of the parts between commas are left out: they cannot be read as name=value"
    ]


def test_a_password_in_an_endpoint_that_is_refused_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, endpoint="htp://me:sesame@host", api_key=KEY)

    assert str(caught.value) == f"`endpoint` is 'htp://…@host': {GIVE_A_URL}"
