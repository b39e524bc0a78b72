"""Install the dashboards, their data sources and the alert rules through Grafana's HTTP API.

Whatever is there already as it should be stays untouched, and whatever Grafana was given by files is left to
them. Alert rules stay editable in Grafana (``X-Disable-Provenance``), until the next push.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Literal

from ruamel.yaml import YAML

from promethios.dashboards import matching
from promethios.dashboards.alerts import FOLDER, FOLDER_UID, posted
from promethios.dashboards.export import planned_datasources
from promethios.dashboards.grafana import Grafana, PushError
from promethios.dashboards.options import Options
from promethios.governance.alerting import AlertRule

PLUGIN: Final = "yesoreyeram-infinity-datasource"

Did = Literal["created", "updated", "same", "left"]

_BY_FILES: Final = "Grafana has it from its provisioning files"
_EDITABLE: Final = {"X-Disable-Provenance": "true"}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did, or would do, with one thing; ``why`` it left it, else empty."""

    kind: str
    uid: str
    did: Did
    why: str = ""


class Push:
    """One push into one Grafana.

    Args:
        grafana: The server.
        options: The receiver's address, and the alert rules.
        read_key: What the data sources ask the receiver with; None leaves the key that they have.
        dry_run: Only look.
    """

    def __init__(
        self, grafana: Grafana, options: Options, read_key: str | None, *, dry_run: bool = False
    ) -> None:
        self._grafana = grafana
        self._options = options.validate()
        self._read_key = read_key
        self._dry_run = dry_run

    def run(self) -> list[Pushed]:
        """Install everything, in an order in which each finds what it needs.

        Raises:
            PushError: Grafana cannot take it; what was installed before stays, and a second push goes on.
        """
        self._grafana.check_version()
        if self._grafana.get(f"/api/plugins/{PLUGIN}/settings", "look for the data source") is None:
            raise PushError(
                f"Grafana has no data source {PLUGIN}: install it (grafana cli plugins install {PLUGIN}, or "
                f"GF_PLUGINS_PREINSTALL_SYNC={PLUGIN}) and push again"
            )
        done = [self._datasource(source) for source in _datasources(self._options)]
        done.append(self._folder())
        done += [self._dashboard(board) for board in _boards()]
        return done + [self._rule(rule) for rule in self._options.rules]

    def _datasource(self, wanted: Mapping[str, Any]) -> Pushed:
        uid, secrets = wanted["uid"], wanted["secureJsonData"]
        body: dict[str, Any] = {
            key: wanted[key] for key in ("name", "uid", "type", "access", "url", "jsonData")
        }
        there = self._grafana.get(f"/api/datasources/uid/{uid}", "look for data sources")
        if there is None and not self._read_key:
            raise PushError(
                "PROMETHIOS_READ_KEY is not set: the data source needs a key of the receiver; make one with "
                "promethios keys create --scope read"
            )
        if there and there.get("readOnly"):
            return Pushed("data source", uid, "left", _BY_FILES)
        if there and not self._read_key and matching.covers(there, body):
            return Pushed("data source", uid, "same")
        if self._read_key:
            body["secureJsonData"] = {
                name: text.replace("$PROMETHIOS_READ_KEY", self._read_key) for name, text in secrets.items()
            }
        at = f"/api/datasources/uid/{uid}" if there else "/api/datasources"
        return self._put("data source", uid, at, body, there)

    def _folder(self) -> Pushed:
        if self._grafana.get(f"/api/folders/{FOLDER_UID}", "look for folders") is not None:
            return Pushed("folder", FOLDER_UID, "same")
        return self._put("folder", FOLDER_UID, "/api/folders", {"uid": FOLDER_UID, "title": FOLDER}, None)

    def _dashboard(self, board: Mapping[str, Any]) -> Pushed:
        uid = board["uid"]
        there = self._grafana.get(f"/api/dashboards/uid/{uid}", "look for dashboards")
        if there and there["meta"].get("provisioned"):
            return Pushed("dashboard", uid, "left", _BY_FILES)
        if there and matching.covers(there["dashboard"], board):
            return Pushed("dashboard", uid, "same")
        # Where people have moved it, it stays.
        folder = there["meta"].get("folderUid", "") if there else FOLDER_UID
        body = {"dashboard": {**board, "id": None}, "folderUid": folder, "overwrite": True}
        return self._put("dashboard", uid, "/api/dashboards/db", body, there, method="POST")

    def _rule(self, rule: AlertRule) -> Pushed:
        wanted = posted(rule)
        uid, at = wanted["uid"], "/api/v1/provisioning/alert-rules"
        there = self._grafana.get(f"{at}/{uid}", "look for alert rules")
        if there and there.get("provenance"):
            owner = _BY_FILES if there["provenance"] == "file" else f"it belongs to {there['provenance']}"
            return Pushed("alert rule", uid, "left", owner)
        if there:
            # Where people have moved it, it stays.
            wanted |= {key: there[key] for key in ("orgID", "folderUID", "ruleGroup")}
            at = f"{at}/{uid}"
        if there and matching.covers(there, wanted):
            return Pushed("alert rule", uid, "same")
        return self._put("alert rule", uid, at, wanted, there, **_EDITABLE)

    def _put(
        self,
        kind: str,
        uid: str,
        at: str,
        body: Mapping[str, Any],
        there: Any,
        method: str = "",
        **headers: str,
    ) -> Pushed:
        did: Did = "updated" if there else "created"
        if not self._dry_run:
            verb = method or ("PUT" if there else "POST")
            self._grafana.send(verb, at, body, f"install {kind} {uid}", **headers)
        return Pushed(kind, uid, did)


def _datasources(options: Options) -> Sequence[Mapping[str, Any]]:
    return list(YAML(typ="safe").load(planned_datasources(options))["datasources"])


def _boards() -> list[dict[str, Any]]:
    folder = resources.files(__package__) / "json"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [json.loads(entry.read_bytes()) for entry in entries if entry.name.endswith(".json")]
