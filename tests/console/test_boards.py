"""Dashboards from installed distributions: one that is wrong is left out and told, and the others stay."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from promethios.receiver.console.boards import GROUP, load_boards


def _board(uid: str, **changes: Any) -> bytes:
    whole = {"uid": uid, "title": uid.title(), "description": "What it tells.", "tags": ["a"], "panels": []}
    return json.dumps({**whole, **changes}).encode()


def good() -> Mapping[str, bytes]:
    return {"good": _board("good"), "another": _board("another", title="T")}


def same() -> Mapping[str, bytes]:
    return {"good": _board("good", title="Impostor"), "own": _board("own")}


def own() -> Mapping[str, bytes]:
    return {"promethios-overview": _board("promethios-overview")}


def raises() -> Mapping[str, bytes]:
    raise RuntimeError("no disk")


def not_bytes() -> Mapping[str, Any]:
    return {"x": "text"}


def not_json() -> Mapping[str, bytes]:
    return {"x": b"{"}


def no_object() -> Mapping[str, bytes]:
    return {"x": b"[]"}


def other_uid() -> Mapping[str, bytes]:
    return {"x": _board("y")}


def no_panels() -> Mapping[str, bytes]:
    return {"x": _board("x", panels=None)}


def bad_uid() -> Mapping[str, bytes]:
    return {"../x": _board("../x")}


def nothing() -> None:
    return None


def _point(function: Callable[[], object], name: str | None = None) -> EntryPoint:
    return EntryPoint(name or function.__name__, f"{__name__}:{function.__name__}", GROUP)


def test_projects_own_dashboards_are_found() -> None:
    found = load_boards()
    assert {"promethios-overview", "promethios-trace"} <= set(found.assets)
    assert found.left_out == {}


def test_list_tells_title_description_and_tags() -> None:
    listed = json.loads(load_boards([_point(good)]).listing().body)
    assert listed["left_out"] == []
    assert listed["dashboards"][0] == {
        "uid": "good",
        "title": "Good",
        "description": "What it tells.",
        "tags": ["a"],
    }


def test_overview_comes_first_whoever_offers_more() -> None:
    listed = json.loads(load_boards([_point(good, "aaa"), _point(own, "promethios")]).listing().body)
    assert [board["uid"] for board in listed["dashboards"]] == ["promethios-overview", "good", "another"]


@pytest.mark.parametrize(
    ("function", "name", "reason"),
    [
        (raises, "raises", "it cannot be loaded: RuntimeError: no disk"),
        (nothing, "nothing", "it cannot be loaded: TypeError: 'NoneType' object is not iterable"),
        (not_bytes, "not_bytes: x", "it is not bytes but str"),
        (
            not_json,
            "not_json: x",
            "it is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (no_object, "no_object: x", "its JSON is not an object"),
        (other_uid, "other_uid: x", "its JSON has another uid, no title or no panels"),
        (no_panels, "no_panels: x", "its JSON has another uid, no title or no panels"),
        (bad_uid, "bad_uid: ../x", "'../x' is not a uid: up to 64 letters, digits, - and _"),
    ],
    ids=lambda given: given.__name__ if callable(given) else "",
)
def test_wrong_one_is_logged_left_out_and_told(
    caplog: pytest.LogCaptureFixture, function: Callable[[], object], name: str, reason: str
) -> None:
    with caplog.at_level(logging.WARNING):
        found = load_boards([_point(good), _point(function)])
    assert set(found.assets) == {"good", "another"}
    assert json.loads(found.listing().body)["left_out"] == [{"name": name, "reason": reason}]
    assert caplog.messages == [f"the console leaves out the dashboards of {name!r}: {reason}"]


def test_module_that_does_not_exist_is_left_out() -> None:
    missing = EntryPoint("gone", "no_such_module_of_anybody:boards", GROUP)
    found = load_boards([missing, _point(good)])
    assert set(found.assets) == {"good", "another"}
    assert found.left_out == {
        "gone": "it cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_of_anybody'"
    }


def test_uid_that_is_taken_stays_with_who_had_it_and_the_rest_is_shown() -> None:
    found = load_boards([_point(same), _point(good)])
    assert json.loads(found.assets["good"].body)["title"] == "Good"
    assert found.left_out == {"same: good": "another dashboard has the uid 'good' already"}
    assert "own" in found.assets


def test_nobody_takes_the_projects_own_uids() -> None:
    found = load_boards([_point(own, "aaa"), _point(own, "promethios")])
    assert found.left_out == {
        "aaa: promethios-overview": "another dashboard has the uid 'promethios-overview' already"
    }
