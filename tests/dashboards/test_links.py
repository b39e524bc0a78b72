"""Every agent, policy and trace leads to its dashboard, whatever it is called."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.boards import BOARDS, columns, overrides, panels, variables

_BY_UID = {board["uid"]: board for board in BOARDS.values()}

#: Where a column leads that holds an id: the dashboard, and its variable.
_LEADS = {
    "agent_id": ("promethios-agent", "agent"),
    "policy_id": ("promethios-policies", "policy"),
    "trace_id": ("promethios-trace", "trace_id"),
}


@pytest.fixture(params=sorted(BOARDS))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard in turn."""
    return BOARDS[request.param]


def _links(drawn: dict[str, Any]) -> list[tuple[str, str]]:
    """What is linked, and where to."""
    return [
        (matcher["options"], link["url"])
        for matcher, prop in overrides(drawn)
        if prop["id"] == "links"
        for link in prop["value"]
    ]


def _uid(url: str) -> str:
    return urlsplit(url).path.removeprefix("/d/")


def test_every_id_in_a_table_leads_to_its_dashboard(board: dict[str, Any]) -> None:
    for drawn in panels(board, "table"):
        found = dict(_links(drawn))
        for shown, selector in columns(drawn).items():
            if selector in _LEADS:
                _check_leads(found[shown], selector, f"${{__data.fields.{shown}:percentencode}}")


def test_every_line_of_an_agent_or_a_policy_leads_to_its_dashboard(board: dict[str, Any]) -> None:
    for drawn in panels(board, "timeseries", "state-timeline"):
        label = drawn["targets"][0]["columns"][1]["selector"]
        if label in _LEADS:
            ((_, url),) = _links(drawn)
            _check_leads(url, label, f"${{__field.labels.{label}:percentencode}}")


def _check_leads(url: str, selector: str, value: str) -> None:
    uid, variable = _LEADS[selector]
    assert _uid(url) == uid
    assert parse_qs(urlsplit(url).query)[f"var-{variable}"] == [value]


def test_links_are_on_fields_of_their_own(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        assert "links" not in drawn["fieldConfig"]["defaults"], "would turn every cell into a link"


def test_links_lead_to_dashboards_that_have_the_variables(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        for _, url in _links(drawn):
            given = set(re.findall(r"[?&]var-(\w+)=", url))
            assert given
            assert given <= set(variables(_BY_UID[_uid(url)]))


def test_links_keep_the_receiver_and_the_range(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        for _, url in _links(drawn):
            assert "?${datasource:queryparam}&${__url_time_range}&" in url


def test_links_use_columns_and_labels_that_are_there(board: dict[str, Any]) -> None:
    for drawn in panels(board):
        known = columns(drawn)
        for _, url in _links(drawn):
            assert set(re.findall(r"__data\.fields\.(\w+)", url)) <= set(known)
            assert set(re.findall(r"__field\.labels\.(\w+)", url)) <= set(known.values())


def test_values_in_links_are_encoded(board: dict[str, Any]) -> None:
    """An agent's name may hold ``&`` and ``#``: it must stay one value."""
    for drawn in panels(board):
        for _, url in _links(drawn):
            for value in re.findall(r"\$\{__(?:data|field)[^}]*\}", url):
                assert value.endswith(":percentencode}")


def test_every_dashboard_links_to_all_others(board: dict[str, Any]) -> None:
    links = board["links"]
    assert {_uid(link["url"]) for link in links} == set(_BY_UID) - {board["uid"]}
    for link in links:
        assert (link["type"], link["keepTime"], link["includeVars"]) == ("link", True, True)
        assert link["title"]
        assert link["tooltip"]
        assert "placement" not in link, "would hide it in a menu"
