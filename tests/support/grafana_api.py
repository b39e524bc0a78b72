"""A server that answers what a push asks as Grafana's documentation of its HTTP API says that it does.

It keeps what it is given, adds the fields that Grafana adds, and refuses what Grafana refuses: credentials
that it does not know, roles that may not, provisioned things, titles that are taken. It is not Grafana: it
evaluates no rule, draws no panel, and takes for granted that a body is one that Grafana accepts.

https://grafana.com/docs/grafana/latest/developers/http_api/
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

TOKEN: Final = "glsa_testtesttest"
USER, PASSWORD = "admin", "opensesame"

_RULES: Final = "/api/v1/provisioning/alert-rules"
_Answer = tuple[int, Any]


@dataclass
class State:
    """What the server has and is; tests set it up and look at it.

    Attributes:
        version: As Grafana tells it; None where it hides it.
        plugins: The data sources that are installed.
        may_write: Whether the credentials have the role Admin.
        redirect: Where every request is sent on to; None for nowhere.
        garbage: What every request is answered, instead of anything of Grafana's.
        asked: Method and path of every request, in order.
    """

    version: str | None = "12.3.0"
    plugins: set[str] = field(default_factory=lambda: {"yesoreyeram-infinity-datasource"})
    may_write: bool = True
    redirect: str | None = None
    garbage: bytes | None = None
    datasources: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def written(self) -> list[tuple[str, str]]:
        """The requests that were not for reading."""
        return [each for each in self.asked if each[0] != "GET"]


class GrafanaApi:
    """The server, on a free port of the loopback interface."""

    def __init__(self, prefix: str = "") -> None:
        self.state = State()
        self._prefix = prefix

    def __enter__(self) -> GrafanaApi:
        self._server = _Server(self.state, self._prefix)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}{self._prefix}"


class _Server(ThreadingHTTPServer):
    def __init__(self, state: State, prefix: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state, self.prefix = state, prefix


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # An answer is written in two parts, and the second would wait for the client to confirm the first.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        state = self.server.state
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        state.asked.append((self.command, self.path))
        if state.redirect or state.garbage is not None:
            self._send(302 if state.redirect else 200, state.garbage or b"")
            return
        status, answer = self._answer(state, body)
        self._send(status, json.dumps(answer).encode())

    do_POST = do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def _answer(self, state: State, body: Any) -> _Answer:
        if not self.path.startswith(self.server.prefix + "/api/"):
            return 404, {"message": "Not found"}
        path = self.path.removeprefix(self.server.prefix)
        if path == "/api/health":
            return 200, {"database": "ok", **({"version": state.version} if state.version else {})}
        basic = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") not in (f"Bearer {TOKEN}", basic):
            return 401, {"message": "Invalid API key"}
        if self.command != "GET" and not state.may_write:
            return 403, {"message": "You'll need additional permissions to perform this action."}
        return _route(state, self.command, path, body, self.headers.get("X-Disable-Provenance") == "true")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if self.server.state.redirect:
            self.send_header("Location", self.server.state.redirect)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _route(state: State, method: str, path: str, body: Any, editable: bool) -> _Answer:
    name = path.rpartition("/")[2]
    if path.startswith("/api/plugins/"):
        found = path.split("/")[3] in state.plugins
        return (200, {"enabled": True}) if found else (404, {"message": "Plugin not found"})
    if path.startswith("/api/datasources"):
        return _datasource(state, method, name, body)
    if path.startswith("/api/folders"):
        return _folder(state, method, name, body)
    if path.startswith("/api/dashboards"):
        return _dashboard(state, method, name, body)
    if path.startswith(_RULES):
        return _rule(state, method, name, body, editable)
    return 404, {"message": "Not found"}


def _datasource(state: State, method: str, name: str, body: Any) -> _Answer:
    """https://grafana.com/docs/grafana/latest/developers/http_api/data_source/."""
    there = state.datasources.get(body["uid"] if body else name)
    if method == "GET":
        return (200, there) if there else (404, {"message": "Data source not found"})
    if method == "PUT" and there and there.get("readOnly"):
        return 403, {"message": "Cannot update read-only data source"}
    taken = any(
        other["name"] == body["name"] for uid, other in state.datasources.items() if uid != body["uid"]
    )
    if taken or (method == "POST" and there):
        return 409, {"message": "data source with the same name already exists"}
    secrets = body.pop("secureJsonData", None)
    kept = there.get("secureJsonFields", {}) if there else {}
    fields = dict.fromkeys(secrets, True) if secrets else kept
    state.datasources[body["uid"]] = {**body, "id": 7, "readOnly": False, "secureJsonFields": fields}
    if secrets:
        state.secrets[body["uid"]] = secrets
    return 200, {"message": "Datasource added"}


def _folder(state: State, method: str, name: str, body: Any) -> _Answer:
    """https://grafana.com/docs/grafana/latest/developers/http_api/folder/."""
    if method == "GET":
        there = state.folders.get(name)
        return (200, there) if there else (404, {"message": "folder not found"})
    if any(folder["title"] == body["title"] for folder in state.folders.values()):
        return 409, {"message": "a folder with the same name already exists in the current location"}
    state.folders[body["uid"]] = body
    return 200, body


def _dashboard(state: State, method: str, name: str, body: Any) -> _Answer:
    """https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/."""
    if method == "GET":
        there = state.dashboards.get(name)
        return (200, there) if there else (404, {"message": "Dashboard not found"})
    board = body["dashboard"]
    there = state.dashboards.get(board["uid"])
    if body["folderUid"] and body["folderUid"] not in state.folders:
        return 400, {"message": "folder not found"}
    if there and there["meta"]["provisioned"]:
        return 400, {"message": "Cannot save provisioned dashboard"}
    if there and not body.get("overwrite"):
        return 412, {
            "status": "version-mismatch",
            "message": "The dashboard has been changed by someone else",
        }
    version = there["dashboard"]["version"] + 1 if there else 1
    meta = {"folderUid": body["folderUid"], "provisioned": False}
    state.dashboards[board["uid"]] = {"dashboard": {**board, "id": 3, "version": version}, "meta": meta}
    return 200, {"status": "success", "version": version}


def _rule(state: State, method: str, name: str, body: Any, editable: bool) -> _Answer:
    """https://grafana.com/docs/grafana/latest/developers/http_api/alerting_provisioning/."""
    if method == "GET":
        there = state.rules.get(name)
        return (200, there) if there else (404, {})
    there = state.rules.get(body["uid"])
    if body["folderUID"] not in state.folders:
        return 400, {"message": "invalid alert rule: folder does not exist"}
    if method == "POST" and there:
        return 409, {"message": "a conflicting alert rule is found: rule with the same UID"}
    if method == "PUT" and not there:
        return 404, {"message": "alert rule not found"}
    provenance = "" if editable else "api"
    if there and there.get("provenance", "") not in ("", provenance):
        return 409, {"message": f"cannot change provenance from '{there['provenance']}' to '{provenance}'"}
    kept = _as_grafana_keeps_it(body)
    state.rules[body["uid"]] = {**kept, **({"provenance": provenance} if provenance else {})}
    return 201 if method == "POST" else 200, state.rules[body["uid"]]


def _as_grafana_keeps_it(rule: dict[str, Any]) -> dict[str, Any]:
    """With fields of its own, and durations in its own form: 300s comes back as 5m."""
    seconds = int(rule["for"].removesuffix("s"))
    minutes = seconds and seconds % 60 == 0
    data = [
        {"queryType": "", **query, "model": {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}}
        for query in rule["data"]
    ]
    return {
        **rule,
        "id": 11,
        "for": f"{seconds // 60}m" if minutes else f"{seconds}s",
        "data": data,
        "updated": "2026-11-23T00:00:00Z",
        "notification_settings": None,
        "record": None,
    }
