"""Settings: where they come from, which goes first, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from promethios.receiver.settings import Address, Settings, SettingsError, load_settings


def test_an_option_goes_before_a_variable_and_a_variable_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text('db = "file.db"\nthreads = 3\nmax_items = 7\n')
    settings = load_settings(
        {"db": "option.db", "threads": None},
        {"PROMETHIOS_DB": "variable.db", "PROMETHIOS_THREADS": "5"},
        file,
    )
    assert (settings.db, settings.threads, settings.max_items) == ("option.db", 5, 7)


def test_what_nobody_sets_has_its_default() -> None:
    assert load_settings({}, {}) == Settings()


def test_an_unknown_variable_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {"PROMETHIOS_MAX_BODYBYTES": "1"})
    assert str(caught.value) == (
        "unknown setting PROMETHIOS_MAX_BODYBYTES; did you mean 'PROMETHIOS_MAX_BODY_BYTES'?"
    )


def test_an_unknown_variable_like_no_setting_is_an_error_that_names_them_all() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {"PROMETHIOS_FOO": "1"})
    assert str(caught.value).startswith(
        "unknown setting PROMETHIOS_FOO; known are PROMETHIOS_ALERT_SECONDS, PROMETHIOS_ALERTS, "
    )


def test_variables_of_the_agents_side_are_not_errors() -> None:
    theirs = ("ENDPOINT", "API_KEY", "POLICIES", "SPOOL_DIR", "ADMIN_KEY", "READ_KEY")
    assert load_settings({}, {f"PROMETHIOS_{name}": "x" for name in theirs}) == Settings()


def test_an_unknown_key_of_the_file_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text('htp = "127.0.0.1:0"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {}, file)
    assert str(caught.value) == f"{file}: unknown setting 'htp'; did you mean 'http'?"


def test_a_key_of_the_file_has_the_type_of_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text("threads = true\n")
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {}, file)
    assert str(caught.value) == f"{file}: threads must be a whole number, not True"


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text("db = \n")
    with pytest.raises(SettingsError, match=r"receiver\.toml is not TOML: Invalid value"):
        load_settings({}, {}, file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {}, tmp_path / "none.toml")
    assert str(caught.value) == f"cannot read {tmp_path / 'none.toml'}: No such file or directory"


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("PROMETHIOS_THREADS", "many", "PROMETHIOS_THREADS must be a whole number, not 'many'"),
        (
            "PROMETHIOS_BEHIND_TLS_PROXY",
            "yes",
            "PROMETHIOS_BEHIND_TLS_PROXY must be true or false, not 'yes'",
        ),
        ("PROMETHIOS_THREADS", "0", "threads = 0: it must be at least 1"),
        (
            "PROMETHIOS_HTTP",
            "127.0.0.1:99999",
            "http = 127.0.0.1:99999: '127.0.0.1:99999' is not HOST:PORT with a port from 0 to 65535",
        ),
        ("PROMETHIOS_HTTP", "4318", "http = 4318: '4318' is not HOST:PORT with a port from 0 to 65535"),
        ("PROMETHIOS_GRPC", "no", "grpc = no: 'no' is not HOST:PORT with a port from 0 to 65535"),
        (
            "PROMETHIOS_DB",
            "postgresql://u:p@h/d",
            (
                "db: the database postgresql:// is not supported yet: this version stores in SQLite; "
                "give a path or sqlite:///path (the extra promethios[postgresql] is reserved for it)"
            ),
        ),
        (
            "PROMETHIOS_DB",
            "oracle://x",
            "db: the database oracle:// is not supported: give a path or sqlite:///path",
        ),
        (
            "PROMETHIOS_DB",
            "sqlite://x",
            "db: the URL names no file: write sqlite:///relative.db or sqlite:////absolute.db",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error(variable: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {variable: text})
    assert str(caught.value) == message


def test_an_address_for_others_needs_tls_in_front() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(http="0.0.0.0:4318")
    assert str(caught.value) == (
        "http = 0.0.0.0:4318: others can reach this address, and keys would travel in the clear; "
        "give --tls-cert and --tls-key, or listen on 127.0.0.1, or put a proxy that ends TLS in front "
        "and say --behind-tls-proxy"
    )
    assert Settings(http="0.0.0.0:4318", grpc="[::]:4317", behind_tls_proxy=True).grpc == "[::]:4317"


@pytest.mark.parametrize("text", ["127.0.0.1:0", "localhost:1", "[::1]:65535"])
def test_loopback_addresses_need_nothing(text: str) -> None:
    assert Address.parse(text).loopback
    assert str(Address.parse(text)) == text


def test_a_database_can_be_a_path_or_a_url() -> None:
    assert Settings(db="a/b.db").path == Path("a/b.db")
    assert Settings(db="sqlite:///a%20b.db").path == Path("a b.db")
    assert Settings(db="sqlite:////tmp/b.db").path == Path("/tmp/b.db")
