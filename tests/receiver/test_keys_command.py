"""``promethios keys``: on a database that nobody holds, and through a receiver that runs."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.receiver import RunningReceiver

from promethios.receiver.cli.keys import keys


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(
        keys, arguments, env={"PROMETHIOS_DB": None, "PROMETHIOS_ADMIN_KEY": None, **environment}
    )


@pytest.fixture
def db(tmp_path: Path) -> str:
    """A database file that does not exist yet."""
    return str(tmp_path / "promethios.db")


def test_a_key_is_made_before_the_receiver_runs_and_works_in_it(db: str) -> None:
    made = run("create", "--db", db, "--tenant", "acme", "--scope", "ingest", "--scope", "read", "--json")
    assert made.exit_code == 0, made.output
    key = json.loads(made.output)
    assert re.fullmatch(r"pmk_live_\w+", key["key"])
    with RunningReceiver(Path(db), grpc="off") as receiver:
        assert receiver.stderr == ""
        headers = {"x-api-key": key["key"]}
        assert receiver.get("/api/v1/status", headers).status == 200
        assert (
            receiver.post("/v1/traces", b"", {**headers, "Content-Type": "application/x-protobuf"}).status
            == 200
        )


def test_keys_are_listed_without_secrets_and_revoked(db: str) -> None:
    made = json.loads(run("create", "--db", db, "--scope", "ingest", "--agent", "clerk", "--json").output)
    listed = run("list", "--db", db)
    assert listed.output == f"{made['key_id']}  valid    default  ingest  agent clerk  never used\n"
    assert run("revoke", "--db", db, made["key_id"]).output == f"Revoked {made['key_id']}.\n"
    (row,) = json.loads(run("list", "--db", db, "--json").output)
    assert row["revoked"] is not None
    again = run("revoke", "--db", db, made["key_id"])
    assert (again.exit_code, again.output) == (
        1,
        f"Error: no key '{made['key_id']}' in {db} that could be revoked\n",
    )


def test_a_database_that_is_not_there_is_not_made_to_list_nothing(db: str) -> None:
    listed = run("list", "--db", db)
    assert (listed.exit_code, listed.output) == (1, f"Error: there is no database {db}\n")
    assert not Path(db).exists()


def test_a_database_that_a_receiver_holds_is_reached_through_it(db: str) -> None:
    with RunningReceiver(Path(db), grpc="off") as receiver:
        directly = run("create", "--db", db, "--scope", "read")
        assert directly.exit_code == 1
        assert directly.output.endswith("or go through it: --url http://HOST:PORT and an admin key\n")

        admin = {"PROMETHIOS_ADMIN_KEY": receiver.admin_key}
        made = json.loads(run("create", "--url", receiver.http, "--scope", "read", "--json", **admin).output)
        headers = {"Authorization": f"Bearer {made['key']}"}
        assert receiver.get("/api/v1/status", headers).status == 200
        listed = json.loads(run("list", "--url", receiver.http, "--json", **admin).output)
        assert made["key_id"] in {row["key_id"] for row in listed}
        assert run("revoke", "--url", receiver.http, made["key_id"], **admin).exit_code == 0
        assert receiver.get("/api/v1/status", headers).status == 401


def test_the_operators_key_makes_keys_for_every_tenant_and_others_do_not(db: str) -> None:
    with RunningReceiver(Path(db), grpc="off") as receiver:

        def create(admin_key: str, tenant: str, scope: str) -> Result:
            arguments = ("create", "--url", receiver.http, "--tenant", tenant, "--scope", scope, "--json")
            return run(*arguments, PROMETHIOS_ADMIN_KEY=admin_key)

        assert create(receiver.admin_key, "new", "read").exit_code == 0
        theirs = json.loads(create(receiver.admin_key, "new", "admin").output)["key"]
        assert create(theirs, "new", "ingest").exit_code == 0
        refused = create(theirs, "other", "read")
        assert refused.exit_code == 1
        assert "403, this API key does not administer the tenant 'other'" in refused.output


def test_a_key_that_may_not_administer_is_refused(db: str) -> None:
    with RunningReceiver(Path(db), grpc="off") as receiver:
        refused = run("list", "--url", receiver.http, "--api-key", receiver.ingest_key)
        assert (refused.exit_code, refused.output) == (
            1,
            (
                f"Error: GET {receiver.http}/api/v1/keys: 403, this API key lacks the scope 'admin': "
                "use a key that has it\n"
            ),
        )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["create", "--db", "DB"], 2, "Error: Missing option '--scope'. Choose from:"),
        (["create", "--db", "DB", "--scope", "write"], 2, "'write' is not one of 'ingest', 'read', 'admin'."),
        (["list", "--url", "http://127.0.0.1:1"], 2, "set PROMETHIOS_ADMIN_KEY or give --api-key"),
        (["list", "--url", "http://x", "--db", "DB"], 2, "--db and --url exclude each other"),
        (
            ["list", "--url", "ftp://x", "--api-key", "k"],
            1,
            "'ftp://x' is not an address like http://127.0.0.1:4318",
        ),
        (["list", "--url", "http://127.0.0.1:1", "--api-key", "k"], 1, "is the receiver running?"),
        (["list", "--db", "postgresql://x"], 1, "the database postgresql:// is not supported yet"),
        (
            ["create", "--db", "DB", "--scope", "admin", "--agent", "clerk"],
            1,
            "a key that speaks for one agent cannot administer",
        ),
        (
            ["create", "--db", "DB", "--scope", "read", "--tenant", ""],
            1,
            "a tenant's name has 1 to 200 printable characters",
        ),
        (
            ["create", "--db", "DB", "--scope", "read", "--tenant", "two\nlines"],
            1,
            "a tenant's name has 1 to 200 printable characters",
        ),
        (
            ["create", "--db", "DB", "--scope", "read", "--environment", "A B"],
            1,
            "a key's environment is 1 to 16 of a-z and 0-9, not 'A B'",
        ),
    ],
)
def test_what_cannot_be_done_is_said(db: str, arguments: list[str], status: int, message: str) -> None:
    result = run(*(db if argument == "DB" else argument for argument in arguments))
    assert result.exit_code == status
    assert message in result.output


@pytest.mark.parametrize(
    ("answered", "message"),
    [
        (b"", "Remote end closed connection without response; is the receiver's HTTP address meant?"),
        (b"\x00\x00\x18\x04SSH-2.0\r\n\r\n", "the answer is not HTTP; is the receiver's HTTP address meant?"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            "the answer is not a receiver's; is another program at this address?",
        ),
    ],
)
def test_an_address_where_no_receiver_is_is_named(answered: bytes, message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answered)

        other = threading.Thread(target=answer)
        other.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = run("list", "--url", url, "--api-key", "k")
        other.join()
    assert (result.exit_code, result.output) == (1, f"Error: GET {url}/api/v1/keys: {message}\n")


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        (b"[]", "not an object; it may have agent, days, environment, scope, tenant"),
        (
            b'{"scopes": "read"}',
            "unknown field 'scopes'; it may have agent, days, environment, scope, tenant",
        ),
        (b'{"scope": "root"}', "unknown scope 'root': scopes are ingest, read, admin"),
        (b'{"scope": "read", "days": 0}', "'days' must be a whole number from 1 to 36500"),
        (b'{"scope": "read", "agent": ""}', "an agent's id has 1 to 200 printable characters"),
        (b'{"scope": "read", "tenant": ""}', "a tenant's name has 1 to 200 printable characters"),
        (
            b'{"scope": "read", "environment": "Prod"}',
            "a key's environment is 1 to 16 of a-z and 0-9, not 'Prod'",
        ),
    ],
)
def test_a_request_for_a_key_that_is_wrong_says_so(client, make_key, document: bytes, detail: str) -> None:  # type: ignore[no-untyped-def]
    answer = client.post("/api/v1/keys", data=document, headers=make_key("default", "admin"))
    assert (answer.status_code, answer.get_json()["detail"]) == (
        400,
        f"cannot make a key from this JSON: {detail}",
    )
