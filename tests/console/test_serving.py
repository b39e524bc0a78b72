"""How the console is served: strict headers, and no file but its own."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promethios.receiver.console import blueprint
from promethios.receiver.console.assets import load_assets
from promethios.receiver.console.boards import load_boards
from promethios.receiver.console.page import version_of

VERSION = version_of(load_assets())
BOARDS = load_boards().assets
ASSETS = sorted(set(load_assets()) - {"index.html"})


@pytest.fixture
def client() -> FlaskClient:
    """An application with the console alone."""
    app = Flask("console", static_folder=None)
    app.register_blueprint(blueprint)
    return app.test_client()


def _policy(client: FlaskClient, path: str) -> dict[str, str]:
    policy = client.get(path).headers["Content-Security-Policy"]
    return {part.split(" ")[0]: part.split(" ", 1)[1] for part in policy.split("; ")}


def test_page_is_html_and_never_cached(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/console/main.js", "/console/missing.js"])
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/console/main.js", "/console/missing.js"])
def test_policy_allows_this_server_only_and_nothing_inline(client: FlaskClient, path: str) -> None:
    policy = _policy(client, path)
    assert policy["default-src"] == "'none'"
    for source in ("script-src", "style-src", "img-src", "connect-src"):
        assert policy[source] == "'self'"
    for closed in ("base-uri", "form-action", "frame-ancestors"):
        assert policy[closed] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert not {"unsafe", "data:", "blob:", "*"} & set(" ".join(policy.values()).replace("-", " ").split())


def test_no_header_tells_a_version(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert "X-Powered-By" not in headers
    assert not any("werkzeug" in value.lower() or "flask" in value.lower() for value in headers.values())


@pytest.mark.parametrize("name", ASSETS)
def test_asset_is_served_with_its_type_and_a_tag(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/console/{name}")
    assert answer.status_code == 200
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    assert answer.content_type == kinds[name.rsplit(".", 1)[1]]
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.data == load_assets()[name].body


def test_asset_of_this_version_is_kept_for_ever(client: FlaskClient) -> None:
    answer = client.get(f"/console/{VERSION}/panels/index.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.data == load_assets()["panels/index.js"].body


def test_page_names_only_addresses_of_this_version(client: FlaskClient) -> None:
    named = set(re.findall(r'(?:href|src)="([^"#]+)"', client.get("/").text))
    assert all(path.startswith(f"/console/{VERSION}/") for path in named)
    assert {client.get(path).status_code for path in named} == {200}


def test_list_tells_each_dashboard_the_overview_first(client: FlaskClient) -> None:
    answer = client.get("/console/dashboards.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json; charset=utf-8")
    assert answer.json is not None
    told = [board["uid"] for board in answer.json["dashboards"]]
    assert told[0] == "promethios-overview"
    assert set(told) == set(BOARDS)
    assert answer.json["left_out"] == []


@pytest.mark.parametrize("uid", sorted(BOARDS))
def test_dashboard_is_served_as_it_was_offered(client: FlaskClient, uid: str) -> None:
    answer = client.get(f"/console/dashboards/{uid}.json")
    assert answer.status_code == 200
    assert answer.data == BOARDS[uid].body
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get(f"/console/dashboards/{uid}.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_asset_that_the_browser_has_is_not_sent_again(client: FlaskClient) -> None:
    tag = client.get("/console/main.js").headers["ETag"]
    answer = client.get("/console/main.js", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert client.get("/console/main.js", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "%2e%2e/__init__.py",
        "%c0%ae%c0%ae/main.js",
        "../__init__.py",
        "..%2f__init__.py",
        "..\\__init__.py",
        "....//....//etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "MAIN.JS",
        "__init__.py",
        "main.js%00.css",
        "main.js/",
        "main.js/x",
        "assets.py",
        "index.html",
        "missing.js",
        "panels",
        "panels/",
        "panels/../main.js",
        "vendor/README.md",
        "dashboards",
        "dashboards/missing.json",
        "dashboards/..%2fdashboards.json",
        "0123456789abcdef/main.js",
        "VERSION/index.html",
        "VERSION/../main.js",
        "VERSION/VERSION/main.js",
        "static/main.js",
    ],
)
def test_anything_else_does_not_exist(client: FlaskClient, path: str) -> None:
    path = path.replace("VERSION", VERSION)
    assert client.get(f"/console/{path}").status_code in (404, 308)
    assert client.get(f"/console/{path}", follow_redirects=True).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(client: FlaskClient, method: str) -> None:
    assert client.open("/", method=method).status_code == 405
    assert client.open("/console/main.js", method=method).status_code == 405


def test_head_tells_the_same_without_the_body(client: FlaskClient) -> None:
    answer = client.head("/console/main.js")
    assert answer.status_code == 200
    assert answer.data == b""
    assert int(answer.headers["Content-Length"]) == len(load_assets()["main.js"].body)
